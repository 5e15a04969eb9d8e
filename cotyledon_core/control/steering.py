"""What the commands need of a manager; :mod:`cotyledon_core.runtime.steering` has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from cotyledon_core.control.access import Peer
from cotyledon_core.ledger import Ledger
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.supervision.messages import OperatorCommand
from cotyledon_core.supervision.snapshot import WorkerSnapshot
from cotyledon_core.types import ServiceId, WorkerId

if TYPE_CHECKING:
    from cotyledon_core.runtime.children import WorkerProcess
    from cotyledon_core.runtime.log_levels import LogLevels
    from cotyledon_core.runtime.recorder import Recorder


class Manager(Protocol):
    """A running manager, from its own thread."""

    recorder: Recorder
    log_levels: LogLevels
    """Those of workers."""

    @property
    def ledger(self) -> Ledger:
        """What all events until now amount to."""

    @property
    def stopping(self) -> bool:
        """Whether a stop was accepted."""

    def peek(self, service_id: ServiceId, worker_id: WorkerId) -> WorkerSnapshot | None:
        """What the supervisor knows of a worker: of two processes in its place, the newer."""

    def expected(self, service_id: ServiceId) -> int:
        """How many workers of the service are wanted, and not stopped by an operator."""

    def note_command(self, text: str, peer: Peer) -> None:
        """Somebody has asked for something that changes what runs."""

    def command(self, command: OperatorCommand, done: Callable[[CommandDone], None]) -> int:
        """Have it obeyed, and tell once what has become of it; its number."""

    def forget(self, number: int) -> None:
        """Do not tell what becomes of this command."""

    def shut_down(self, *, graceful: bool) -> None: ...

    def preview_reload(self) -> dict[str, Any]:
        """What a reload would change.

        :raises ConfigurationError: with every fault found.
        """

    def worker(self, service_id: ServiceId, worker_id: int) -> WorkerProcess | None:
        """The newest process of a worker."""

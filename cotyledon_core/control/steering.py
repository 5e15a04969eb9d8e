"""What the commands need of a manager; :mod:`cotyledon_core.runtime.steering` has it."""

from __future__ import annotations

from typing import Protocol

from cotyledon_core.control.access import Peer
from cotyledon_core.ledger import Ledger
from cotyledon_core.supervision.snapshot import Snapshot
from cotyledon_core.types import ServiceId


class Manager(Protocol):
    """A running manager, from its own thread."""

    @property
    def ledger(self) -> Ledger:
        """What all events until now amount to."""

    @property
    def stopping(self) -> bool:
        """Whether a stop was accepted."""

    def snapshot(self) -> Snapshot:
        """What the supervisor knows."""

    def note_command(self, text: str, peer: Peer) -> None:
        """Somebody has asked for something that changes what runs."""

    def scale(self, service_id: ServiceId, workers: int) -> None: ...

    def reload(self) -> None: ...

    def shut_down(self, *, graceful: bool) -> None: ...

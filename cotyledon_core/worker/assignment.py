"""What a new process is told of the worker that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cotyledon_core.exceptions import WorkerStartError
from cotyledon_core.record import Record
from cotyledon_core.types import ServiceId, WorkerId


class Assignment(Record):
    """Travels to the process by fork or by pickle."""

    service_id: ServiceId
    worker_id: WorkerId
    service_name: str
    factory: Callable[..., Any]
    """Makes the service's instance; gets the worker id first."""
    class_known: bool = True
    """Whether the factory's class is known to the manager; a function's is not."""
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = {}  # records are frozen, nobody writes to it
    new_worker_hooks: Sequence[Callable[..., Any]] = ()
    grace: float = 60
    """The manager's grace period at the start, in seconds; 0 waits without end."""
    configured_grace: float | None = None
    """What the service's section says, in seconds; it stands above all others."""
    known_grace: float | None = None
    """The service's own, as far as the manager knows it."""
    own_group: bool = True
    """Whether nobody but the manager's processes is in the process group."""
    ready_when: str | None = None
    """``booted`` or ``notified``; None leaves it to the service's class."""
    watchdog: str = "process"
    """``process`` or ``service``: whose heartbeat is awaited."""
    watchdog_timeout: float = 0.0
    """Seconds; 0 awaits none."""
    max_memory: int = 0
    """Bytes of resident memory at which it asks to be replaced; 0 is without bound."""
    max_tasks: int = 0
    """Tasks after which it does so."""
    recycle_jitter: float = 0.0
    """The greatest part of a bound that is added to it at random."""
    program_name: str = ""
    """For the process title."""
    stderr_captured: bool = False
    """Whether standard error is a pipe that the manager reads."""
    notify_address: str | None = None
    """Where an external program may send sd_notify messages."""

    @property
    def is_bounded(self) -> bool:
        """Whether the worker has to watch what it has done, or its size."""
        return bool(self.max_tasks or self.max_memory)

    @property
    def worker_name(self) -> str:
        return f"{self.service_name}({self.worker_id})"


class SealedAssignment:
    """An assignment on its way to a process that may not understand it.

    What is in it is made there when it is opened, where a failure can be told.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.worker_name = assignment.worker_name
        self._content: Assignment | bytes = assignment

    def __getstate__(self) -> dict[str, Any]:
        from multiprocessing.reduction import ForkingPickler

        # things of multiprocessing's can be pickled only while a process is started
        try:
            content = bytes(ForkingPickler.dumps(self._content))
        except Exception as error:
            from cotyledon_core.worker.travelling import fault

            faults = (fault(part, name) for name, part in vars(self._content).items())
            raise WorkerStartError(next(filter(None, faults), str(error))) from error
        return {"worker_name": self.worker_name, "_content": content}

    def open(self) -> Assignment:
        """The assignment; raises whatever keeps it from being made."""
        import pickle

        content = self._content
        opened = pickle.loads(content) if isinstance(content, bytes) else content
        assert isinstance(opened, Assignment)
        return opened

"""What an application subclasses."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from sys import modules
from typing import TYPE_CHECKING, Any, ClassVar

from cotyledon_core.types import WorkerId

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cotyledon_core.program import Program
    from cotyledon_core.sockets import Sockets
    from cotyledon_core.worker.lifecycle import Worker


class Service:
    """A service: what to run in each of its worker processes.

    One instance is made in every worker. All methods are optional. ``run``,
    ``terminate`` and ``reload`` return nothing, unless they are the coroutines
    of an :class:`~cotyledon_core.async_service.AsyncService`.
    """

    name: ClassVar[str | None]
    """Stands in the process title, in logs and in configuration; the class's
    own name unless given."""

    graceful_shutdown_timeout: ClassVar[int | None] = None
    """Seconds that :meth:`terminate` may take before the worker is ended by
    force. 0 waits without end, None means the manager's."""

    ready_when: ClassVar[str] = "booted"
    """``booted``: a worker is ready when its instance was made and the hooks of
    new workers have run. ``notified``: when it calls :meth:`notify_ready`. The
    option of the same name stands above it."""

    wants_workers: ClassVar[bool] = False
    """Whether the constructor takes ``workers``, a keyword, the configured number of workers.
    When that changes, the workers are replaced. From Python it is to be given as any other."""

    _has_default_name: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__ and _is_named(cls):
            return
        if cls.__dict__.get("name") is None:
            cls.name = cls.__name__
            cls._has_default_name = True
        else:
            cls._has_default_name = False

    def __init__(self, worker_id: WorkerId) -> None:
        """
        :param worker_id: 0 to n-1 for n workers; stable, so that work can be
            divided by it: a replacement gets the id of the one it replaces.
        """
        super().__init__()
        self.worker_id = worker_id

    def run(self) -> Awaitable[None] | None:
        """The service's work, on a thread of its own.

        It may block or return; returning does not end the worker. SystemExit
        ends the worker with its status, any other exception is logged and ends
        it with status 1.
        """

    def terminate(self) -> Awaitable[None] | None:
        """Shut down cleanly, once, on SIGTERM; the worker ends when it returns.

        SystemExit sets the worker's exit status, which is 0 otherwise.
        """

    @property
    def stop_deadline(self) -> float | None:
        """The moment by which the worker has to be gone, on the clock ``time.monotonic()``.

        In seconds; the worker is ended by force then. None while no stop is on
        its way, and where the stop has no bound
        (``graceful_shutdown_timeout`` 0). When the whole manager stops, its
        own ``graceful_shutdown_timeout`` bounds everything, too; that is known
        here with the start method ``fork``. With the others, a service that has
        a longer one, or is stopped later than the rest, cannot rely on it.
        """
        worker = _worker()
        return worker.deadline if worker else None

    @cached_property
    def sockets(self) -> Sockets:
        """The listening sockets that the option ``sockets`` of the service asks for, by name.

        Each is a ``socket.socket`` on which all workers of the service accept; known from
        ``__init__`` on. Of several with one name this is the first, ``sockets.all(name)`` has all.
        """
        from cotyledon_core.sockets import Sockets

        worker = _worker()
        return worker.link.sockets if worker else Sockets()

    def reload(self) -> Awaitable[None] | None:
        """Take over changes, on SIGHUP; never beside :meth:`terminate`.

        Unless overridden, the worker is terminated and replaced by a new one
        with the same id.
        """
        worker = _worker()
        if worker is None:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            worker.ask_for_replacement()
        return None

    _default_reload: ClassVar[Callable[..., Any]] = reload

    # -- what a service says of itself; outside a worker nobody hears it

    def notify_ready(self) -> None:
        """Say that this worker is ready, where :attr:`ready_when` is ``notified``."""
        if worker := _worker():
            worker.tell("READY=1")

    def heartbeat(self) -> None:
        """Give a sign of life, as often as you like; for ``watchdog = service``.

        It costs a write to memory.
        """
        if worker := _worker():
            worker.heartbeat()

    @property
    def heartbeat_interval(self) -> float | None:
        """Seconds between two signs of life that are enough; None if nobody awaits them.

        Known from :meth:`run` on.
        """
        worker = _worker()
        if worker is None or worker.awaited_heartbeat is None:
            return None
        return worker.awaited_heartbeat.interval

    def extend_timeout(self, seconds: float) -> None:
        """Ask for more time: to start, to stop, or until the next heartbeat.

        :param seconds: counted from now on; nothing becomes shorter. The
            manager's own grace period stands above it.
        :raises ValueError: if it is negative, infinite or not a number.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds: {seconds!r} is not a number of 0 or more")
        if worker := _worker():
            worker.extend_timeout(seconds)

    def task_done(self) -> None:
        """Count a task; after ``max_tasks`` of them the worker is replaced. From any thread."""
        worker = _worker()
        if worker is not None and worker.recycling is not None:
            worker.recycling.task_done()

    def busy(self) -> AbstractContextManager[None]:
        """Measure a unit of work: what runs in the ``with`` block.

        The seconds in which one at least is in progress, and the number of those that are over,
        can be read by notifiers (:meth:`.Vitals.work`). For workers that were started by
        ``fork``; in others it does nothing. From any thread or coroutine, several at a time. It
        costs a few writes to memory.
        """
        worker = _worker()
        return worker.link.meter if worker else _UNMEASURED

    def status(self, text: str) -> None:
        """Say in one line what this worker is doing."""
        if worker := _worker():
            worker.tell(f"STATUS={text}")

    # -- what takes its place

    def program(self) -> Program | None:
        """The external program that takes over this worker's process, if any.

        Called once in the worker when the instance is made. The program gets
        the process: same pid, its exit status is the worker's, and signals go
        to it directly; :meth:`run`, :meth:`terminate` and :meth:`reload` are
        not called then.
        """
        return None

    @classmethod
    def options(cls) -> Sequence[Any]:
        """The service's ``oslo.config`` options, for use from configuration.

        Import ``oslo_config`` inside this method. The values of the service's
        section reach the constructor as keywords of the same names.

        A class may also have a class method ``check_options(**options)`` that
        raises ValueError, with one line for each fault, before anything is started.
        """
        return ()

    @classmethod
    def from_conf(cls, worker_id: WorkerId, conf: Any, **options: Any) -> Service:
        """Make an instance from the whole configuration.

        Override it if the service wants the ``ConfigOpts``; the default passes
        the options to the constructor and leaves ``conf`` alone.

        :param conf: the manager's ``oslo_config.cfg.ConfigOpts``.
        :param options: the values of :meth:`options`.
        """
        return cls(worker_id, **options)


class _Unmeasured:
    """A context manager that does nothing."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_UNMEASURED = _Unmeasured()

Service.name = "Service"


def _is_named(cls: type) -> bool:
    """Whether the nearest name that the class inherits was given, and is no default."""
    for base in cls.__mro__[1:]:
        if base.__dict__.get("name") is not None:
            return not base.__dict__.get("_has_default_name", False)
    return False


def may_execute(service_class: Any) -> bool:
    """Whether an external program may take over the worker's process."""
    own = getattr(service_class, "program", None)
    return callable(own) and own is not Service.program


def class_of(factory: Callable[..., Any]) -> type[Any] | None:
    """The class of what the factory makes, where it is known before that."""
    candidate = getattr(factory, "service_class", factory)
    return candidate if isinstance(candidate, type) else None


def is_notified(service_class: Any, ready_when: str | None) -> bool:
    """Whether a worker is ready only when it says so.

    :param ready_when: what stands above the class's own, if anything.
    """
    return (ready_when or getattr(service_class, "ready_when", None)) == "notified"


def has_own_reload(service: Any) -> bool:
    """Whether the service, an instance or a class, reloads in place."""
    own = getattr(service, "reload", None)
    service_class = service if isinstance(service, type) else type(service)
    by_default = getattr(service_class, "_default_reload", Service.reload)
    return own is not None and getattr(own, "__func__", own) is not by_default


def _worker() -> Worker | None:
    """The worker that this process is, if it is one."""
    lifecycle = modules.get("cotyledon_core.worker.lifecycle")
    return lifecycle.current() if lifecycle else None

"""The contract of a restart policy.

A policy decides what follows an end of a worker that nobody asked for. It is
told everything in a :class:`Death` and answers with :class:`Restart`,
:class:`Stop` or :class:`GiveUp`; it keeps no state of its own, so one instance
may serve any number of workers. It runs on the manager's only thread: it must
not block.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

from cotyledon_core.record import Record
from cotyledon_core.types import ServiceId, WorkerId

WORKER_RESTARTS_KEPT = 100
SERVICE_RESTARTS_KEPT = 1000
"""How many restarts of a worker and of a service a :class:`Death` tells of, at most."""


CLEAN_SIGNALS = frozenset({1, 2, 13, 15})
"""HUP, INT, PIPE and TERM: their numbers are the same wherever there are signals."""


class Cause(Enum):
    """How the end came about."""

    EXITED = "exited"
    SPAWN_FAILED = "spawn failed"
    START_TIMEOUT = "start timeout"
    HUNG = "hung"


class Phase(Enum):
    """How far the incarnation had come."""

    BOOT = "boot"
    """It had not become ready."""
    RUN = "run"
    """It had been ready."""


class ExitStatus(Record):
    """How a process ended: by exit code or by signal, never both.

    A spawn that failed has neither, nor has an end that nobody could see: that
    of a worker whose fork server was killed.
    """

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_exitcode(cls, exitcode: int) -> ExitStatus:
        """From multiprocessing's notation, in which -n is signal n."""
        if exitcode < 0:
            return cls(signal=-exitcode)
        return cls(code=exitcode)

    @property
    def clean(self) -> bool:
        """Whether it is exit status 0 or a signal that asks for an end, as systemd has it."""
        return self.code == 0 or self.signal in CLEAN_SIGNALS

    @property
    def exitcode(self) -> int | None:
        """In multiprocessing's notation; None if there is no status."""
        if self.signal is not None:
            return -self.signal
        return self.code

    def __str__(self) -> str:
        if self.signal is not None:
            return f"signal {self.signal}"
        if self.code is not None:
            return f"exit status {self.code}"
        return "no exit status"


class PastRestart(NamedTuple):
    """A restart that a policy granted before."""

    at: float
    """Monotonic time of the death that led to it, in seconds."""
    uptime: float
    """How long the incarnation that died then had lived, in seconds."""


class Death(Record):
    """What a policy is told about an end that nobody asked for."""

    service: str
    service_id: ServiceId
    worker_id: WorkerId
    incarnation: int
    """1 for the first process of the worker."""
    status: ExitStatus
    cause: Cause
    phase: Phase
    uptime: float
    """Seconds from the spawn to the end; 0 if the spawn failed."""
    now: float
    """Monotonic time in seconds; never jumps."""
    wall_time: float
    """Seconds since the epoch; may jump, for calendars only."""
    worker_restarts: Sequence[PastRestart] = ()
    """Recent restarts of this worker, oldest first (at most 100)."""
    service_restarts: Sequence[PastRestart] = ()
    """Recent restarts of all workers of the service, oldest first (at most 1,000)."""
    detail: str = ""
    """What is known beyond the status, such as the error of a failed spawn."""

    @property
    def clean(self) -> bool:
        """Whether it is a clean end, unless a policy knows better.

        A process that the manager had to end has not ended cleanly, whatever its status.
        """
        return self.cause is Cause.EXITED and self.status.clean


class Restart(Record):
    """Start the worker again after ``delay`` seconds."""

    delay: float = 0.0


class Stop(Record):
    """Leave this worker ended; the service's other workers are not touched."""

    reason: str
    clean: bool | None = None
    """Whether the worker has done what it was for: the manager's exit status tells, once
    nothing is left to supervise. None leaves it to :attr:`Death.clean`."""


class GiveUp(Record):
    """Start no worker of this service again that has ended; those that run go on.

    What else follows is said by the service's ``on_give_up``.
    """

    reason: str


Decision = Restart | Stop | GiveUp


class RestartPolicy(abc.ABC):
    """Base class of restart policies (namespace ``cotyledon.restart_policies``).

    The constructor takes the policy's options as keywords and nothing else.
    """

    @classmethod
    def options(cls) -> Sequence[Any]:
        """The policy's ``oslo.config`` options.

        Import ``oslo_config`` inside this method: importing a plugin must not.
        The values reach the constructor as keywords of the same names. In
        files an option carries the name of the policy's entry point, since it
        stands beside the options of others: ``max_restarts`` of the policy
        ``limited`` is ``limited_max_restarts`` there, a dash becomes an
        underscore. A name that begins so already stays as it is, and so do
        those of the options that :class:`~cotyledon_core.DefaultPolicy` has.

        A class may also have a class method ``check_options(**options)`` that
        raises ValueError, with one line for each fault, before anything is started.
        """
        return ()

    @abc.abstractmethod
    def decide(self, death: Death) -> Decision:
        """Decide what follows ``death``.

        An exception counts as the default policy's decision and is logged.
        """

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


class Restart(Record):
    """Start the worker again after ``delay`` seconds."""

    delay: float = 0.0


class Stop(Record):
    """Leave this worker ended; the service's other workers are not touched."""

    reason: str


class GiveUp(Record):
    """Start no worker of this service any more."""

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
        The values reach the constructor as keywords of the same names. An
        option of the policy's own carries the policy's name as prefix, so that
        two policies can stand in one section.

        A class may also have a class method ``check_options(**options)`` that
        raises ValueError, with one line for each fault, before anything is started.
        """
        return ()

    @abc.abstractmethod
    def decide(self, death: Death) -> Decision:
        """Decide what follows ``death``.

        An exception counts as the default policy's decision and is logged.
        """

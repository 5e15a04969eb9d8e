"""One worker: a numbered slot of a service, whatever process fills it."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from cotyledon_core.plugins.restart_policy import (
    WORKER_RESTARTS_KEPT,
    Cause,
    Death,
    ExitStatus,
    PastRestart,
    Phase,
)
from cotyledon_core.supervision.messages import Incarnation, Instant
from cotyledon_core.supervision.states import ALIVE, SETTLED, Goal, Occurrence, State, next_state
from cotyledon_core.types import WorkerId

if TYPE_CHECKING:
    from cotyledon_core.supervision.service import SupervisedService


class Ending(Enum):
    """Why the manager has asked a process to end."""

    STOP = "stop"
    """It is not wanted any more."""
    REPLACEMENT = "replacement"
    RECYCLING = "recycling"
    """It has reached a bound."""
    START_TIMEOUT = "start timeout"
    HUNG = "hung"


UNASKED = {
    Ending.START_TIMEOUT: Cause.START_TIMEOUT,
    Ending.HUNG: Cause.HUNG,
}
"""The endings that nobody wanted: what follows is the restart policy's to decide."""


class End(NamedTuple):
    """How a process ended."""

    status: ExitStatus
    cause: Cause
    uptime: float
    detail: str

    @property
    def text(self) -> str:
        """For people."""
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.cause.value}, {self.status}{detail}"


class Worker:
    """What the supervisor knows of a worker. Compared and hashed by identity."""

    __slots__ = (
        "awaits_first_ready",
        "clean",
        "deaf",
        "dump_asked",
        "ending",
        "forced",
        "generation",
        "goal",
        "grace",
        "hung_told",
        "last_beat",
        "last_number",
        "look_due",
        "number",
        "phase",
        "pid",
        "queued",
        "ready_at",
        "restarts",
        "revision",
        "service",
        "started_at",
        "state",
        "status_text",
        "suspected",
        "watchdog_timeout",
        "worker_id",
    )

    def __init__(self, service: SupervisedService, worker_id: WorkerId) -> None:
        self.service = service
        self.worker_id = worker_id
        self.goal = Goal.UP
        self.state = State.STOPPED
        self.number = self.last_number = 0
        """Of the process, and of the youngest in the slot, which may be another's."""
        self.revision: int | None = None
        """Of what the process was made; None if it is out of date anyway."""
        self.generation = 0
        """What its service's was when the process was asked for."""
        self.pid: int | None = None
        self.started_at = self.ready_at = 0.0
        self.phase = Phase.BOOT
        self.status_text = ""
        """What the process has said of itself."""
        self.ending: Ending | None = None
        self.grace: float | None = None
        self.forced = False
        self.dump_asked = False
        self.hung_told = False
        self.suspected = False
        """Whether the last look for a heartbeat has found none."""
        self.deaf = False
        """Whether it was told to reload, and has not done so in time."""
        self.watchdog_timeout = 0.0
        """What the process was told of it."""
        self.last_beat = 0.0
        self.look_due = 0.0
        """When the start or the next heartbeat is due."""
        self.queued = False
        self.awaits_first_ready = False
        self.clean = False
        """Whether it had done what it was for when the restart policy left it ended."""
        self.restarts: deque[PastRestart] = deque(maxlen=WORKER_RESTARTS_KEPT)

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def is_being_made(self) -> bool:
        """Whether a process was asked for, and it is not known yet whether there is one."""
        return self.alive and self.pid is None

    @property
    def was_asked(self) -> bool:
        """Whether the manager has asked the process to end for a reason of its own."""
        return self.ending is not None and self.ending not in UNASKED

    @property
    def outdated(self) -> bool:
        """Whether its process, if there is one, was made of what its service is no more."""
        return self.revision != self.service.spec.revision

    @property
    def incarnation(self) -> Incarnation:
        return Incarnation(self.service.spec.service_id, self.worker_id, self.number)

    def check(self, occurrence: Occurrence) -> State | None:
        """The state that the occurrence would lead to; changes nothing.

        :raises ImpossibleMessage: if it cannot occur now.
        """
        return next_state(self.state, occurrence)

    def enter(self, occurrence: Occurrence) -> None:
        """Follow the table, for an occurrence that is no end of the process."""
        state = next_state(self.state, occurrence)
        assert state is not None
        self.settle(state)

    def settle(self, state: State) -> None:
        """Be in the state that the deciders have found."""
        self.service.settled += (state in SETTLED) - (self.state in SETTLED)
        self.service.alive += (state in ALIVE) - (self.state in ALIVE)
        came = (state is State.RUNNING) - (self.state is State.RUNNING)
        self.service.running += came
        if self.generation == self.service.generation:
            self.service.renewed += came
        self.state = state

    def begin_incarnation(self, now: float) -> None:
        """A process is asked for."""
        self.enter(Occurrence.START)
        self.last_number += 1
        self.number = self.last_number
        self.revision = self.service.spec.revision
        self.generation = self.service.generation
        self.watchdog_timeout = self.service.spec.watchdog_timeout
        self.pid = None
        self.started_at = now
        self.phase = Phase.BOOT
        self.status_text = ""
        self.ending = None
        self.grace = None
        self.forced = self.dump_asked = self.hung_told = self.suspected = self.deaf = False
        self.last_beat = 0.0
        self.queued = self.clean = False

    def grace_period(self, default: float) -> float:
        """Seconds from a stop to SIGKILL; 0 is without end."""
        spec = self.service.spec
        announced = None if spec.grace_configured else self.grace
        for grace in (announced, spec.grace):
            if grace is not None:
                return grace
        return default

    def note_restart(self, past: PastRestart) -> None:
        """The restart policy has granted a restart."""
        self.restarts.append(past)
        self.service.restarts.append(past)
        self.settle(State.BACKOFF)

    def death(self, end: End, now: Instant) -> Death:
        """What the restart policy is told."""
        service = self.service
        return Death(
            service=service.spec.name,
            service_id=service.spec.service_id,
            worker_id=self.worker_id,
            incarnation=self.number,
            status=end.status,
            cause=end.cause,
            phase=self.phase,
            uptime=end.uptime,
            now=now.monotonic,
            wall_time=now.wall,
            worker_restarts=tuple(self.restarts),
            service_restarts=tuple(service.restarts),
            detail=end.detail,
        )

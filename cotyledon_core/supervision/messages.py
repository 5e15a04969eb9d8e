"""What goes into the supervisor: observations of the world, and commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus
from cotyledon_core.types import ServiceId, WorkerId


class Instant(NamedTuple):
    """One moment on both clocks. Only the monotonic one takes part in decisions."""

    monotonic: float
    wall: float


class Incarnation(NamedTuple):
    """The n-th process of a worker."""

    service_id: ServiceId
    worker_id: WorkerId
    number: int


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What the supervisor has to know of a service."""

    service_id: ServiceId
    name: str
    workers: int
    decide: Callable[[Death], Decision]
    """The restart policy; must not raise."""
    grace: float | None = None
    """Seconds; None means the manager's, 0 waits without end."""


# -- observations


@dataclass(frozen=True, slots=True)
class Spawned:
    incarnation: Incarnation
    pid: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    incarnation: Incarnation
    error: str


@dataclass(frozen=True, slots=True)
class Ready:
    incarnation: Incarnation


@dataclass(frozen=True, slots=True)
class GraceAnnounced:
    """The instance has a grace period that its class did not tell, in seconds."""

    incarnation: Incarnation
    grace: float


@dataclass(frozen=True, slots=True)
class StatusTold:
    incarnation: Incarnation
    text: str


@dataclass(frozen=True, slots=True)
class LeaveAsked:
    """The worker wants to be replaced."""

    incarnation: Incarnation


@dataclass(frozen=True, slots=True)
class Exited:
    incarnation: Incarnation
    status: ExitStatus
    start_error: str = ""
    """Why the program could not be executed, if that is why the process ended."""


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """It is time: see :meth:`Supervisor.deadline`."""


@dataclass(frozen=True, slots=True)
class StopNoticed:
    """A stop is on its way: nothing is started from now on."""


# -- commands


@dataclass(frozen=True, slots=True)
class Start:
    """Begin to supervise."""

    pid: int
    name: str
    services: tuple[ServiceSpec, ...]


@dataclass(frozen=True, slots=True)
class AddService:
    spec: ServiceSpec


@dataclass(frozen=True, slots=True)
class Scale:
    service_id: ServiceId
    workers: int


@dataclass(frozen=True, slots=True)
class Reload:
    """Tell every worker to reload."""


@dataclass(frozen=True, slots=True)
class SetGrace:
    """The manager's grace period changes, in seconds; 0 waits without end."""

    grace: float


@dataclass(frozen=True, slots=True)
class ShutDown:
    """Stop all workers gracefully, then exit."""

    asked_at: float
    """Since when the manager's grace period runs, in monotonic seconds."""


@dataclass(frozen=True, slots=True)
class Abort:
    """End all workers at once, then exit with status 1."""


Message = (
    Spawned
    | SpawnFailed
    | Ready
    | GraceAnnounced
    | StatusTold
    | LeaveAsked
    | Exited
    | DeadlineReached
    | StopNoticed
    | Start
    | AddService
    | Scale
    | Reload
    | SetGrace
    | ShutDown
    | Abort
)

"""What goes into the supervisor: observations of the world, and commands."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus
from cotyledon_core.record import Record
from cotyledon_core.supervision.findings import Findings
from cotyledon_core.supervision.share import Share
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


class ServiceSpec(Record):
    """What the supervisor has to know of a service."""

    service_id: ServiceId
    name: str
    workers: int
    decide: Callable[[Death], Decision]
    """The restart policy; must not raise."""
    grace: float | None = None
    """Seconds; None means the manager's, 0 waits without end."""
    grace_configured: bool = False
    """Whether it stands above what an instance has of its own."""
    start_timeout: float = 0.0
    """Seconds from the spawn until a worker has to be ready; 0 is without end."""
    watchdog_timeout: float = 0.0
    """Seconds between two heartbeats of a worker at the most; 0 awaits none."""
    start_after: tuple[ServiceId, ...] = ()
    """The services that have to be ready before it is started; known before it."""
    ends_manager: bool = False
    """Whether the manager stops when the service is given up."""
    max_lifetime: float = 0.0
    """Seconds that a worker serves before it is replaced; 0 is without end."""
    recycle_jitter: float = 0.0
    """The greatest part of a bound that is added to it at random."""
    max_recycling: Share = Share(25, percent=True)
    """How many may be replaced at a time for having reached a bound; at least 1."""
    revision: int = 0
    """Of what its workers are made; one that was made of another is out of date."""
    may_reload: bool = True
    """Whether its workers may be able to reload in place, as far as it is known."""
    max_unavailable: Share = Share(25, percent=True)
    """How many may be missing at a time while workers are replaced; see :mod:`.replacement`."""
    max_surge: Share = Share(0)
    """How many processes there may be beyond the wanted ones meanwhile."""
    min_ready_time: float = 0.0
    """Seconds that a new process has to stay ready until it counts."""
    replacement_timeout: float = 0.0
    """Seconds within which a reload has to come forward in this service; 0 is without end."""


class Manner(Enum):
    """How the workers of a service are brought to another revision."""

    TELL = "tell"
    """They reload in place; those that cannot are replaced."""
    TELL_OR_LEAVE = "tell or leave"
    """They reload in place; those that cannot are left as they are."""
    REPLACE = "replace"


class Change(Record):
    """A service gets another specification.

    At another revision its workers are brought there; at the same they are not touched.
    """

    spec: ServiceSpec
    manner: Manner = Manner.TELL
    afresh: bool = False
    """Whether workers that were left ended, or wait for their back-off, are started at once.

    Not those of a service that starts after one that is lost.
    """


# -- observations


class Spawned(Record):
    incarnation: Incarnation
    pid: int


class SpawnFailed(Record):
    incarnation: Incarnation
    error: str


class Ready(Record):
    incarnation: Incarnation


class GraceAnnounced(Record):
    """The instance has a grace period that its class did not tell, in seconds."""

    incarnation: Incarnation
    grace: float


class StatusTold(Record):
    incarnation: Incarnation
    text: str


class LeaveAsked(Record):
    """The worker wants to be replaced: it cannot reload in place."""

    incarnation: Incarnation


class Reloaded(Record):
    """The worker has reloaded in place, as it was told."""

    incarnation: Incarnation


class Beat(Record):
    """A heartbeat was told, at this monotonic time in seconds."""

    incarnation: Incarnation
    at: float


class BeatRead(Record):
    """The last heartbeat in shared memory, in monotonic seconds; 0 if there was none."""

    incarnation: Incarnation
    at: float


class DumpRead(Record):
    """The stacks that the process has written; empty if it has not."""

    incarnation: Incarnation
    dump: str


class TimeoutExtended(Record):
    """The worker needs so many seconds, from now on, for what it does."""

    incarnation: Incarnation
    seconds: float


class RecycleAsked(Record):
    """The worker has reached a bound and wants to be replaced."""

    incarnation: Incarnation
    reason: str


class Exited(Record):
    incarnation: Incarnation
    status: ExitStatus
    start_error: str = ""
    """Why the program could not be executed, if that is why the process ended."""
    error: str = ""
    """The exception that the worker has ended with, if it has said so."""
    dump: str = ""
    """The stacks that it has written when it was to be ended by force, if they were not read."""
    findings: Findings = Findings()


class DeadlineReached(Record):
    """It is time: see :meth:`Supervisor.deadline`."""

    most_starts: int = 64
    """So many processes are started for it; the others wait for the next turn."""


class StopNoticed(Record):
    """A stop is on its way: nothing is started from now on."""


# -- commands


class Start(Record):
    """Begin to supervise."""

    pid: int
    name: str
    services: tuple[ServiceSpec, ...]


class AddService(Record):
    spec: ServiceSpec


class Scale(Record):
    service_id: ServiceId
    workers: int
    number: int = 0
    """Of the command, if its result is waited for: see :class:`.CommandDone`."""


class RemoveService(Record):
    """Stop a service's workers, and forget it when the last one is gone."""

    service_id: ServiceId


class AskReload(Record):
    """Reload as soon as that may begin: a reload that is under way comes to its end first."""

    number: int = 0


class Reload(Record):
    """The answer to ``PrepareReload`` or ``UndoReload``: bring the services to this.

    Services that were added or removed, or have another size, come in messages before.
    """

    changes: tuple[Change, ...] = ()
    undo: bool = False


class RefuseReload(Record):
    """The answer to ``PrepareReload`` if nothing changes."""

    error: str


class OperatorStop(Record):
    """Stop a service, or one worker of it, until an operator starts it again."""

    service_id: ServiceId
    worker_id: WorkerId | None = None
    number: int = 0


class OperatorStart(Record):
    """Start a service, or one worker of it, whatever it was stopped or given up by."""

    service_id: ServiceId
    worker_id: WorkerId | None = None
    number: int = 0


class OperatorRestart(Record):
    """Give a service, or one worker of it, new processes."""

    service_id: ServiceId
    worker_id: WorkerId | None = None
    rolling: bool = False
    """Whether it is done as a reload does it: so many at a time, old ones until new ones count."""
    number: int = 0


class Await(Record):
    """Nothing is wanted but to know when the service, or one worker of it, is ready."""

    service_id: ServiceId
    worker_id: WorkerId | None = None
    number: int = 0


OperatorCommand = Scale | AskReload | OperatorStop | OperatorStart | OperatorRestart | Await
"""Those that are answered if they have a number; see :class:`.CommandDone`."""


class Forget(Record):
    """Nobody waits for the result of the command with this number any more."""

    number: int


class SetPace(Record):
    """The least time between two starts changes, and the delay of a stop, in seconds."""

    spawn_interval: float
    stop_delay: float


class SetGrace(Record):
    """The manager's grace period changes, in seconds; 0 waits without end."""

    grace: float


class ShutDown(Record):
    """Stop all workers gracefully, then exit."""

    asked_at: float
    """Since when the manager's grace period runs, in monotonic seconds."""


class Abort(Record):
    """End all workers at once, then exit with status 1."""


Message = (
    Spawned
    | SpawnFailed
    | Ready
    | GraceAnnounced
    | StatusTold
    | LeaveAsked
    | Reloaded
    | Beat
    | BeatRead
    | DumpRead
    | TimeoutExtended
    | RecycleAsked
    | Exited
    | DeadlineReached
    | StopNoticed
    | Start
    | AddService
    | Scale
    | RemoveService
    | AskReload
    | Reload
    | RefuseReload
    | OperatorStop
    | OperatorStart
    | OperatorRestart
    | Await
    | Forget
    | SetPace
    | SetGrace
    | ShutDown
    | Abort
)

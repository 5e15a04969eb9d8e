"""What is known of services and workers at one moment; see :mod:`cotyledon_core.ledger`."""

from __future__ import annotations

from collections import Counter

from cotyledon_core.record import Record
from cotyledon_core.supervision.states import State
from cotyledon_core.types import ServiceId, WorkerId

START_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds in seconds of the classes that start durations are counted in."""


class End(Record):
    """How a worker's last process ended."""

    at: float
    """Monotonic seconds, as everywhere here but in ``wall_time``."""
    wall_time: float
    outcome: str
    """See :func:`.outcome`."""
    text: str
    """For people."""
    pid: int | None
    code: int | None
    signal: int | None
    uptime: float
    asked: bool


class ReloadResult(Record):
    """What came of a reload."""

    at: float
    wall_time: float
    result: str
    """``succeeded``, ``failed`` (a worker was lost) or ``refused`` (nothing has changed)."""
    text: str
    duration: float
    """Seconds; 0 unless it succeeded."""


class ProcessStanding:
    """One process of a worker."""

    __slots__ = ("pid", "ready_at", "started_at")

    def __init__(self, pid: int, started_at: float) -> None:
        self.pid = pid
        self.started_at = started_at
        self.ready_at: float | None = None


class WorkerStanding:
    """One worker."""

    __slots__ = (
        "busy_seconds",
        "clean",
        "cpu_seconds",
        "end",
        "processes",
        "restart_at",
        "restarts",
        "since",
        "state",
        "status_text",
        "units",
        "worker_id",
    )

    def __init__(self, worker_id: WorkerId, now: float) -> None:
        self.worker_id = worker_id
        self.state = State.STOPPED
        """Never STOPPING: no event tells it."""
        self.since = now
        """When it came to this state."""
        self.processes: dict[int, ProcessStanding] = {}
        """By incarnation; two only during a replacement with surge."""
        self.restarts = 0
        """How many the restart policy has granted."""
        self.cpu_seconds = 0.0
        """What those of its processes that have ended have used, as far as it is known."""
        self.busy_seconds = 0.0
        """How long those were at work, as they have measured."""
        self.units = 0
        """How many units of work they have finished."""
        self.restart_at: float | None = None
        """When it is to be started again."""
        self.end: End | None = None
        """Its last one."""
        self.clean = True
        """In the state EXITED: whether it has done what it was for."""
        self.status_text = ""
        """What its process has said of itself."""

    @property
    def done(self) -> bool:
        """Whether it has done what it was for, and is not started again."""
        return self.state is State.EXITED and self.clean

    @property
    def restarting(self) -> bool:
        """Whether it has ended though nobody asked for it, and is not ready again."""
        if self.state is State.STARTING:
            return self.end is not None and not self.end.asked
        return self.state is State.BACKOFF


class StartDurations:
    """How long workers took to become ready."""

    __slots__ = ("counts", "total")
    bounds = START_BOUNDS

    def __init__(self) -> None:
        self.counts = [0] * (len(START_BOUNDS) + 1)
        """For each class of :data:`START_BOUNDS`, and for what is beyond the last bound."""
        self.total = 0.0
        """Seconds."""

    def add(self, seconds: float) -> None:
        self.counts[sum(bound < seconds for bound in START_BOUNDS)] += 1
        self.total += seconds


class ServiceStanding:
    """One service."""

    def __init__(self, name: str, service_id: ServiceId) -> None:
        self.name = name
        self.service_id = service_id
        self.wanted = 0
        """How many workers it should have."""
        self.given_up = ""
        """Why; empty if it is not."""
        self.workers: dict[WorkerId, WorkerStanding] = {}
        self.states: Counter[State] = Counter()
        """How many of the workers are in each state."""
        self.spawns = 0
        self.start_durations = StartDurations()
        self.restarts: Counter[str] = Counter()
        """By the outcome of the end that they follow."""
        self.ends: Counter[str] = Counter()
        """By outcome."""
        self.hangs: Counter[str] = Counter()
        """By what was waited for."""
        self.recycles = 0

    @property
    def ready(self) -> int:
        """How many workers are ready."""
        return self.states[State.RUNNING]

    @property
    def done(self) -> int:
        """How many have done what they were for."""
        if not self.states[State.EXITED]:
            return 0
        return sum(worker.done for worker in self.workers.values())

    @property
    def restarting(self) -> int:
        """How many are on their way back after an end that nobody asked for."""
        return sum(worker.restarting for worker in self.workers.values())

    def worker(self, worker_id: WorkerId, now: float) -> WorkerStanding:
        """The worker, made known if it is not."""
        worker = self.workers.get(worker_id)
        if worker is None:
            worker = self.workers[worker_id] = WorkerStanding(worker_id, now)
            self.states[worker.state] += 1
        return worker

    def move(self, worker: WorkerStanding, state: State, now: float) -> None:
        """The worker comes to another state; one that is not wanted leaves without a process."""
        if state is not worker.state:
            self.states[worker.state] -= 1
            self.states[state] += 1
            worker.state, worker.since = state, now
        if state is not State.BACKOFF:
            worker.restart_at = None
        if worker.worker_id >= self.wanted and not worker.processes:
            del self.workers[worker.worker_id]
            self.states[state] -= 1

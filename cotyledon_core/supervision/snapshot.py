"""What the supervisor knows at one moment, as values.

What events tell is not repeated here but for what identifies a process: counts and
the last ends stand in the :mod:`ledger <cotyledon_core.ledger>`.
"""

from __future__ import annotations

from cotyledon_core.record import Record
from cotyledon_core.supervision.deadlines import Deadlines
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.states import Goal, State
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Worker
from cotyledon_core.types import ServiceId, WorkerId


class WorkerSnapshot(Record):
    worker_id: WorkerId
    goal: Goal
    state: State
    incarnation: int
    pid: int | None
    started_at: float
    status_text: str
    """What its process has said of itself."""
    held: bool = False
    """Whether an operator has stopped it."""
    double: bool = False
    """Whether another process has its slot, and this one is on its way out or stands by."""
    ready_at: float | None = None
    """Since when its process is ready, in monotonic seconds."""
    ending: str = ""
    """Why its process was asked to end, or is ended by force."""
    restart_at: float | None = None
    """When its back-off is over, in monotonic seconds."""
    pending: str = ""
    """``reload`` in place, or ``replacement``, if one is under way or waits for its turn."""
    outdated: bool = False
    """Whether its process was made of what the service is no more."""


class ServiceSnapshot(Record):
    service_id: ServiceId
    name: str
    wanted: int
    given_up: bool
    workers: tuple[WorkerSnapshot, ...]
    held: bool = False
    """Whether an operator has stopped it as a whole; single workers may be started."""
    waiting: bool = False
    """Whether its start waits for other services."""
    leaving: bool = False
    """Whether it is being removed."""
    outdated: int = 0
    """How many processes were made of what the service is no more."""


class Snapshot(Record):
    stopping: bool
    services: tuple[ServiceSnapshot, ...]


def of_service(service: SupervisedService, deadlines: Deadlines[Timer]) -> ServiceSnapshot:
    """The service as it is now."""
    workers = sorted(service.all_workers(), key=lambda worker: (worker.worker_id, worker.number))
    return ServiceSnapshot(
        service_id=service.spec.service_id,
        name=service.spec.name,
        wanted=service.wanted,
        given_up=service.given_up,
        held=service.hold.whole,
        waiting=service.waiting,
        leaving=service.leaving,
        outdated=sum(worker.alive and worker.outdated for worker in workers),
        workers=tuple(of_worker(worker, deadlines) for worker in workers),
    )


def of_worker(worker: Worker, deadlines: Deadlines[Timer]) -> WorkerSnapshot:
    """The worker as it is now."""
    service = worker.service
    ready = worker.state is State.RUNNING
    ending = worker.ending.value if worker.alive and worker.ending is not None else ""
    return WorkerSnapshot(
        worker_id=worker.worker_id,
        goal=worker.goal,
        state=worker.state,
        incarnation=worker.number,
        pid=worker.pid,
        started_at=worker.started_at,
        status_text=worker.status_text,
        held=service.hold.holds(worker.worker_id),
        double=service.is_double(worker),
        ready_at=worker.ready_at if ready else None,
        ending=ending,
        restart_at=deadlines.get(Timer(Kind.BACKOFF, worker)),
        pending=_pending(worker),
        outdated=worker.alive and worker.outdated,
    )


def _pending(worker: Worker) -> str:
    rollout = worker.service.rollout
    if worker in rollout.told:
        return "reload"
    return "replacement" if worker in rollout else ""

"""What the supervisor knows at one moment, as values."""

from __future__ import annotations

from cotyledon_core.record import Record
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.states import Goal, State
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


class ServiceSnapshot(Record):
    service_id: ServiceId
    name: str
    wanted: int
    given_up: bool
    workers: tuple[WorkerSnapshot, ...]


class Snapshot(Record):
    stopping: bool
    services: tuple[ServiceSnapshot, ...]


def of_service(service: SupervisedService) -> ServiceSnapshot:
    """The service as it is now."""
    return ServiceSnapshot(
        service_id=service.spec.service_id,
        name=service.spec.name,
        wanted=service.wanted,
        given_up=service.given_up,
        workers=tuple(
            WorkerSnapshot(
                worker_id=worker.worker_id,
                goal=worker.goal,
                state=worker.state,
                incarnation=worker.number,
                pid=worker.pid,
                started_at=worker.started_at,
                status_text=worker.status_text,
            )
            for worker in sorted(
                service.all_workers(), key=lambda worker: (worker.worker_id, worker.number)
            )
        ),
    )

"""How long a worker may take to stop: its section, its class, its manager."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from cotyledon_core.process.board import NOWHERE, Board
from cotyledon_core.process.roll import Roll
from cotyledon_core.service import Service
from cotyledon_core.types import ServiceId, WorkerId
from cotyledon_core.worker.assignment import Assignment
from cotyledon_core.worker.lifecycle import Worker


class Channel:
    """Notes what is told."""

    place = NOWHERE

    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, line: str) -> None:
        self.told.append(line)


def introduced(own: float | None, **graces: Any) -> tuple[float, list[str]]:
    """A worker's grace, and what it tells of it, with such an instance."""
    assignment = Assignment(ServiceId(UUID(int=1)), WorkerId(0), "web", Service, **graces)
    link = Channel()
    worker = Worker(assignment, link)  # type: ignore[arg-type]
    service = Service(WorkerId(0))
    service.graceful_shutdown_timeout = own  # type: ignore[misc, assignment]
    worker._service = service
    worker._introduce(service)
    return worker.grace, link.told


@pytest.mark.parametrize("own", [None, 0, 5, 30])
@pytest.mark.parametrize("configured", [0, 20, 3600])
def test_the_section_stands_above_all(configured: int, own: int | None) -> None:
    found = introduced(own, grace=10, configured_grace=configured, known_grace=configured)
    assert found == (configured, [])


@pytest.mark.parametrize("own", [0, 5, 30])
def test_an_instances_own_stands_above_the_managers_and_is_told(own: int) -> None:
    assert introduced(own, grace=10) == (own, [f"X_GRACE={own}"])
    assert introduced(own, grace=10, known_grace=own) == (own, [])


def test_the_managers_is_for_the_others() -> None:
    assert introduced(None, grace=10) == (10, [])


@pytest.mark.parametrize(("of_class", "expected"), [(None, 10), (0.0, 0), (5.0, 5)])
def test_until_the_service_is_made_its_class_s_holds(
    of_class: float | None, expected: float
) -> None:
    graces = {"grace": 10, "known_grace": of_class}
    assignment = Assignment(ServiceId(UUID(int=1)), WorkerId(0), "web", Service, **graces)  # type: ignore[arg-type]
    assert Worker(assignment, Channel()).grace == expected  # type: ignore[arg-type]


def test_the_section_s_may_change_while_the_worker_runs() -> None:
    board, link = Board(0), Channel()
    link.place = board.take()
    graces = {"grace": 10, "configured_grace": 20}
    assignment = Assignment(ServiceId(UUID(int=1)), WorkerId(0), "web", Service, **graces)
    worker = Worker(assignment, link)  # type: ignore[arg-type]
    worker._service = Service(WorkerId(0))
    found = [worker.grace]
    for configured in (30.0, 0.0, None):
        link.place.set_grace(configured)
        found.append(worker.grace)
    board.close()
    assert found == [20.0, 30.0, 0.0, 10.0]


@pytest.mark.parametrize(
    ("own", "bound", "deadline"),
    [
        (None, 0.0, None),
        (50.0, 0.0, 50.0),
        (50.0, float("inf"), 50.0),
        (None, float("inf"), None),
        (50.0, 40.0, 40.0),
        (50.0, 60.0, 50.0),
        (None, 40.0, 40.0),
    ],
)
def test_the_managers_bound_stands_above_the_workers_own(
    own: float | None, bound: float, deadline: float | None
) -> None:
    roll = Roll()
    roll.end_by(bound)
    assignment = Assignment(ServiceId(UUID(int=1)), WorkerId(0), "web", Service)
    worker = Worker(assignment, Channel(), roll)  # type: ignore[arg-type]
    worker._deadline = own
    assert worker.deadline == deadline
    roll.close()

"""When a worker asks for its replacement."""

from __future__ import annotations

import math
import os
import threading
from uuid import UUID

import pytest

import cotyledon_core.worker.recycling
from cotyledon_core.chance import fraction
from cotyledon_core.service import Service
from cotyledon_core.types import ServiceId, WorkerId
from cotyledon_core.worker.assignment import Assignment
from cotyledon_core.worker.duties import Duties
from cotyledon_core.worker.recycling import MemoryCheck, Recycling, can_measure_memory

measurable = pytest.mark.skipif(not can_measure_memory(), reason="there is no /proc/self/statm")


def recycling(told: list[str], **bounds: float) -> Recycling:
    assignment = Assignment(ServiceId(UUID(int=1)), WorkerId(0), "web", Service, **bounds)
    return Recycling(assignment, told.append)


def test_tasks_of_all_threads_are_counted() -> None:
    told: list[str] = []
    subject = recycling(told, max_tasks=100)

    def work() -> None:
        for _ in range(33):
            subject.task_done()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == []
    for _ in range(200):
        subject.task_done()
    assert told == ["X_RECYCLE=max_tasks: 100 tasks are done"]


def test_without_a_bound_nothing_is_counted_or_looked_at() -> None:
    told: list[str] = []
    subject = recycling(told)
    subject.task_done()
    duties = Duties()
    subject.watch(duties)
    assert told == []
    assert duties.next_at(None) is None


def test_outside_a_worker_tasks_are_nothing() -> None:
    Service(WorkerId(0)).task_done()


@pytest.mark.parametrize(("random", "bound"), [(0.0, 100), (0.5, 110), (0.999, 119)])
def test_jitter_makes_bounds_larger(
    monkeypatch: pytest.MonkeyPatch, random: float, bound: int
) -> None:
    monkeypatch.setattr(cotyledon_core.worker.recycling, "fraction", lambda: random)
    told: list[str] = []
    subject = recycling(told, max_tasks=100, recycle_jitter=0.2)
    for _ in range(bound - 1):
        subject.task_done()
    assert told == []
    subject.task_done()
    assert told == [f"X_RECYCLE=max_tasks: {bound} tasks are done"]


@measurable
def test_memory_is_looked_at_every_two_seconds() -> None:
    asked: list[str] = []
    check = MemoryCheck(1 << 50, asked.append)
    check.perform(100.0)
    assert check.next_at == 102.0
    assert asked == []


@measurable
def test_memory_that_has_reached_its_bound_is_told_once() -> None:
    told: list[str] = []
    duties = Duties()
    recycling(told, max_memory=1).watch(duties)
    duties.perform_due()
    (line,) = told
    assert line.startswith("X_RECYCLE=max_memory: 1 bytes reached with ")
    assert int(line.rpartition(" ")[2]) > os.sysconf("SC_PAGE_SIZE")
    assert duties.next_at(None) == math.inf


def test_without_a_descriptor_it_is_looked_at_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cotyledon_core.worker.recycling, "STATM", "/nonexistent")
    asked: list[str] = []
    check = MemoryCheck(1, asked.append)
    check.perform(100.0)
    assert (asked, check.next_at) == ([], 102.0)


def test_random_numbers_are_from_0_to_1_and_differ() -> None:
    numbers = [fraction() for _ in range(1000)]
    assert all(0 <= number < 1 for number in numbers)
    assert len(set(numbers)) > 900
    assert min(numbers) < 0.1
    assert max(numbers) > 0.9

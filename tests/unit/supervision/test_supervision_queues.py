"""Deadlines and the start queue, against naive models."""

from __future__ import annotations

import heapq
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.supervision.deadlines import Deadlines
from cotyledon_core.supervision.messages import ServiceSpec
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.start_queue import StartQueue
from cotyledon_core.supervision.worker import Worker
from cotyledon_core.testing.simulation import Simulation, restart_at_once
from cotyledon_core.types import WorkerId

TIMES = st.integers(0, 20).map(float)
KEYS = st.integers(0, 6)


class Naive:
    """Deadlines as a list that is searched."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, int, int]] = []
        self.count = 0

    def set(self, key: int, when: float) -> None:
        self.cancel(key)
        self.count += 1
        self.entries.append((when, self.count, key))

    def cancel(self, key: int) -> None:
        self.entries = [entry for entry in self.entries if entry[2] != key]

    def next(self) -> float | None:
        return min(self.entries)[0] if self.entries else None

    def pop_due(self, now: float) -> int | None:
        due = sorted(entry for entry in self.entries if entry[0] <= now)
        if not due:
            return None
        self.cancel(due[0][2])
        return due[0][2]


OPERATIONS = st.one_of(
    st.tuples(st.just("set"), KEYS, TIMES),
    st.tuples(st.just("cancel"), KEYS),
    st.tuples(st.just("next")),
    st.tuples(st.just("pop_due"), TIMES),
)


@given(st.lists(OPERATIONS, max_size=200))
def test_deadlines_behave_like_a_list(operations: list[tuple[object, ...]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    naive = Naive()
    for name, *arguments in operations:
        found = getattr(deadlines, str(name))(*arguments)
        assert found == getattr(naive, str(name))(*arguments)
        assert len(deadlines) == len(naive.entries)


def test_deadlines_do_not_grow_with_what_was_cancelled() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for number in range(10_000):
        deadlines.set(number % 3, 1e6 - number)
        deadlines.set(1000 + number, 1.0)
        deadlines.cancel(1000 + number)
    assert len(deadlines) == 3
    assert len(deadlines._heap) < 200
    heap = list(deadlines._heap)
    heapq.heapify(heap)
    assert deadlines.next() == 1e6 - 9999


def worker(number: int = 0) -> Worker:
    service_id = Simulation().add()
    spec = ServiceSpec(service_id, "service", 1, restart_at_once)
    return Worker(SupervisedService(spec), WorkerId(number))


def test_first_come_first_served() -> None:
    queue = StartQueue(0.0)
    workers = [worker(number) for number in range(5)]
    for each in workers:
        queue.add(each)
    assert [queue.pop_due(1.0) for _ in range(6)] == [*workers, None]


def test_those_that_left_are_passed_over() -> None:
    queue = StartQueue(0.0)
    leaving, staying = worker(), worker()
    queue.add(leaving)
    queue.add(staying)
    leaving.queued = False
    assert queue.pop_due(1.0) is staying
    assert queue.next_at() is None


def test_nobody_is_due_where_nobody_waits() -> None:
    queue = StartQueue(1.0)
    assert queue.next_at() is None
    assert queue.pop_due(1e9) is None
    queue.add(worker())
    queue.close()
    assert queue.next_at() is None


@pytest.mark.parametrize("interval", [0.0, 0.5, 3.0])
@given(times=st.lists(st.integers(0, 100).map(float), max_size=50).map(sorted))
def test_the_interval_is_kept(interval: float, times: list[float]) -> None:
    queue = StartQueue(interval)
    for _ in times:
        queue.add(worker())
    started = [now for now in times if queue.pop_due(now)]
    assert all(later - earlier >= interval for earlier, later in pairwise(started))
    if interval == 0.0:
        assert started == times


@pytest.mark.parametrize("interval", [1.0, 100.0])
def test_another_interval_holds_from_the_last_start_on(interval: float) -> None:
    queue = StartQueue(10.0)
    for _ in range(2):
        queue.add(worker())
    assert queue.pop_due(5.0)
    assert queue.next_at() == 15.0
    queue.set_interval(interval)
    assert queue.next_at() == 5.0 + interval

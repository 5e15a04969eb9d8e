"""What a service measures of its work, and others read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.process.board import NOWHERE, Board, Place
from cotyledon_core.process.stamps import Stamps
from cotyledon_core.service import Service
from cotyledon_core.types import WorkerId
from cotyledon_core.vitals import Vitals, Work
from cotyledon_core.worker import meter as module
from cotyledon_core.worker.meter import Meter

PID = 101


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "monotonic", made)
    monkeypatch.setattr("time.monotonic", made)
    return made


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board(0)
    yield made
    made.close()


@pytest.fixture
def place(board: Board) -> Place:
    made = board.take()
    made.occupy(PID)
    return made


def vitals_of(board: Board) -> Vitals:
    assert board.stamps is not None
    return Vitals(board.stamps)


def test_a_unit_takes_its_time_also_while_it_lasts(
    board: Board, place: Place, clock: Clock
) -> None:
    meter, vitals = Meter(place), vitals_of(board)
    assert vitals.work() == {}
    with meter:
        clock.now += 3
        assert vitals.work() == {PID: Work(3.0, 0)}
    clock.now += 10
    assert vitals.work() == {PID: Work(3.0, 1)}
    with meter:
        clock.now += 1
        assert vitals.work() == {PID: Work(4.0, 1)}
    assert vitals.work() == {PID: Work(4.0, 2)}


def test_units_at_the_same_time_take_it_once(board: Board, place: Place, clock: Clock) -> None:
    meter = Meter(place)
    with meter:
        clock.now += 1
        with meter:
            clock.now += 1
        clock.now += 1
    assert vitals_of(board).work() == {PID: Work(3.0, 2)}


def test_a_unit_that_fails_is_over(board: Board, place: Place, clock: Clock) -> None:
    def fail() -> None:
        clock.now += 2
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"), Meter(place):
        fail()
    clock.now += 2
    assert vitals_of(board).work() == {PID: Work(2.0, 1)}


def test_the_next_worker_at_the_place_begins_anew(board: Board, place: Place) -> None:
    with Meter(place):
        place.give_back()
        assert board.take().number == place.number
        place.occupy(102)
        assert vitals_of(board).work() == {}


def test_units_on_many_threads_are_all_counted(board: Board, place: Place) -> None:
    meter = Meter(place)

    def work() -> None:
        for _ in range(500):
            with meter:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vitals_of(board).work()[PID].units == 2000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only forked processes share it")
def test_it_is_read_in_another_process(
    board: Board, place: Place, in_child: Callable[[Callable[[], Any]], Any]
) -> None:
    def work() -> None:
        with Meter(place):
            pass

    in_child(work)
    assert vitals_of(board).work()[PID].units == 1


def test_without_a_place_and_outside_a_worker_nothing_is_measured() -> None:
    for measured in (Meter(NOWHERE), Service(WorkerId(0)).busy()):
        with measured, measured:
            pass


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["begin", "end", "wait"]), st.floats(0.001, 100.0)), max_size=30
    )
)
def test_what_is_read_never_goes_back_and_is_right(steps: list[tuple[str, float]]) -> None:
    stamps, clock = Stamps(), Clock()
    stamps.occupy(0, PID)
    stamps.set_used(1)
    board = Board(0, descriptor=os.open(os.devnull, os.O_RDWR))
    board.stamps = stamps
    meter, depth, busy, units, before = Meter(Place(board, 0)), 0, 0.0, 0, 0.0
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "monotonic", clock)
            for step, seconds in steps:
                if step == "wait":
                    clock.now += seconds
                    busy += seconds if depth else 0.0
                elif step == "begin":
                    meter.__enter__()
                    depth += 1
                elif depth:
                    meter.__exit__()
                    depth, units = depth - 1, units + 1
                read, count = stamps.work(0, clock.now)
                assert read == pytest.approx(busy)
                assert read >= before - 1e-9
                assert count == units
                before = read
    finally:
        board.close()

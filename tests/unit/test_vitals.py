"""Signs of life that other processes read."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import pytest

from cotyledon_core.process.board import Board
from cotyledon_core.process.stamps import Stamps
from cotyledon_core.vitals import Vitals

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only forked processes share it")

InChild = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def board() -> Any:
    made = Board(0)
    yield made
    made.close()


def vitals_of(board: Board) -> Vitals:
    assert board.stamps is not None
    return Vitals(board.stamps)


def test_heartbeats_are_read_in_another_process(board: Board, in_child: InChild) -> None:
    silent, beating, free = (board.take() for _ in range(3))
    silent.occupy(100)
    beating.occupy(101)
    free.beat(1.0)
    vitals = vitals_of(board)
    assert in_child(lambda: vitals.heartbeats() == {})
    beating.beat(5.5)
    assert in_child(lambda: vitals.heartbeats() == {101: 5.5})
    beating.give_back()
    assert in_child(lambda: vitals.heartbeats() == {})


def test_a_place_that_is_taken_after_the_fork_is_read_too(board: Board) -> None:
    vitals = vitals_of(board)
    ours, theirs = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(ours[0], 1)
        os.write(theirs[1], b"%d" % (vitals.heartbeats() == {7: 1.0}))
        os._exit(0)
    place = board.take()
    place.occupy(7)
    place.beat(1.0)
    os.write(ours[1], b"x")
    assert os.read(theirs[0], 1) == b"1"
    os.waitpid(pid, 0)
    for descriptor in (*ours, *theirs):
        os.close(descriptor)


def test_whether_the_manager_waits(board: Board, in_child: InChild) -> None:
    vitals = vitals_of(board)
    assert board.stamps is not None
    assert vitals.manager_busy_since() is None
    board.stamps.turn_begins(3.0)
    assert in_child(lambda: vitals.manager_busy_since() == 3.0)
    board.stamps.turn_ends()
    assert in_child(lambda: vitals.manager_busy_since() is None)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf, 1e300])
def test_whatever_a_worker_writes_can_be_read(nonsense: float) -> None:
    """The manager reads it when the worker's process has ended."""
    stamps = Stamps()
    try:
        for index in range(12):
            stamps._stamps[index] = nonsense
        for place in range(2):
            busy, units = stamps.work(place, 5.0)
            assert math.isfinite(busy)
            assert isinstance(units, int)
        vitals = Vitals(stamps)
        assert all(math.isfinite(each.busy_seconds) for each in vitals.work().values())
        vitals.heartbeats()
    finally:
        stamps.close()

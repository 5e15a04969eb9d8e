"""The roll, as the manager writes it and the guardian reads it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.process import roll as module
from cotyledon_core.process.roll import Roll

InChild = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def roll() -> Iterator[Roll]:
    made = Roll()
    yield made
    made.close()


PIDS = st.integers(1, 30)


@given(st.lists(st.tuples(st.sampled_from(["enter", "leave"]), PIDS), max_size=100))
def test_the_roll_is_a_set_of_pids(changes: list[tuple[str, int]]) -> None:
    roll, pids = Roll(), set()
    for change, pid in changes:
        if change == "leave":
            roll.leave(pid)
            pids.discard(pid)
        elif pid not in pids:
            roll.enter(pid)
            pids.add(pid)
        assert sorted(roll.pids()) == sorted(pids)
    roll.close()


def test_another_process_sees_it(roll: Roll, in_child: InChild) -> None:
    for pid in (11, 12, 13):
        roll.enter(pid)
    roll.leave(12)
    roll.set_grace(4.5)
    assert in_child(lambda: (roll.pids(), roll.grace, roll.bound)) == ([11, 13], 4.5, 0)
    in_child(lambda: roll.accept_stop(100.5))
    assert (roll.grace, roll.bound) == (4.5, 105)


def test_the_bound_of_a_stop(roll: Roll) -> None:
    roll.accept_stop(100)
    assert roll.bound == math.inf, "a grace period of 0 is without end"
    roll.end_by(102)
    roll.set_grace(7)
    assert (roll.grace, roll.bound) == (7, 102)


def test_places_are_used_again(roll: Roll) -> None:
    for pid in range(1, 10 * module.CAPACITY, module.CAPACITY // 10):
        roll.enter(pid)
        roll.leave(pid)
    roll.enter(5)
    assert roll.pids() == [5]


def test_a_child_enters_itself_where_a_place_was_kept(roll: Roll, in_child: InChild) -> None:
    place, other = roll.reserve(), roll.reserve()
    roll.release(other)
    roll.enter(11)

    def look() -> int:
        pid = os.getpid()
        roll.entrance(place)(pid)
        return pid

    pid = in_child(look)
    assert roll.pids() == [pid, 11]
    roll.enter(pid, place)
    assert roll.pids() == [pid, 11]
    roll.leave(pid)
    assert roll.pids() == [11]


def test_what_has_no_place_is_not_guarded(roll: Roll, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAPACITY", 2)
    for pid in (1, 2, 3):
        roll.enter(pid)
    assert roll.pids() == [1, 2]
    roll.entrance(roll.reserve())(5)
    roll.leave(3)
    roll.leave(1)
    roll.enter(4)
    assert roll.pids() == [4, 2]


def test_what_is_no_pid_is_on_nobody_s_list(roll: Roll) -> None:
    """A worker can write anything there; a signal to -1 would go to everybody."""
    roll.enter(100)
    for number in (-1, -100):
        slot = roll.reserve()
        roll.entrance(slot)(number)
    assert roll.pids() == [100]

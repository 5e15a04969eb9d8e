"""The loop's waits."""

from __future__ import annotations

import inspect
import os
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from cotyledon_core.process import clock, selector
from cotyledon_core.runtime.loop import Loop


class Waiting:
    """A loop that waits for a deadline, and a descriptor that ends each wait."""

    def __init__(self) -> None:
        self.due: float | None = None
        self.selector = selector.make()
        self._ends = os.pipe()
        self.selector.register(self._ends[0], 1)
        os.write(self._ends[1], b"x")
        parts: dict[str, Any] = dict.fromkeys(inspect.signature(Loop).parameters)
        parts.update(
            supervisor=SimpleNamespace(deadline=lambda: self.due),
            household=SimpleNamespace(deadline=lambda: None, busy=False, own=()),
            selector=self.selector,
            commands=deque(),
        )
        self.loop = Loop(**parts)
        self.loop._unreaped = False

    def timeout(self, due: float | None) -> float | None:
        self.due = None if due is None else clock.now().monotonic + due
        return self.loop._timeout()

    def close(self) -> None:
        selector.close(self.selector)
        for end in self._ends:
            os.close(end)


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.close()


def test_without_deadlines_it_sleeps(waiting: Waiting) -> None:
    assert waiting.timeout(None) is None


def test_it_sleeps_until_the_deadline(waiting: Waiting) -> None:
    timeout = waiting.timeout(1000.0)
    assert timeout is not None
    assert 0 < timeout <= 1000.0


def test_a_deadline_of_the_past_is_now(waiting: Waiting) -> None:
    assert waiting.timeout(-1000.0) == 0


@pytest.mark.parametrize("due", [3e6, 1e9, 1e300, float("inf")])
def test_a_deadline_may_be_far_away(waiting: Waiting, due: float) -> None:
    assert waiting.selector.select(waiting.timeout(due))

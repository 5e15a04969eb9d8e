"""What is due in a worker's main thread, and when."""

from __future__ import annotations

import time

import pytest

from cotyledon_core.worker.duties import Duties


class Every:
    """Due every so many seconds, for the first time at ``next_at``."""

    def __init__(self, seconds: float, next_at: float) -> None:
        self.seconds = seconds
        self.next_at = next_at
        self.performed: list[float] = []

    def perform(self, now: float) -> None:
        self.performed.append(now)
        self.next_at = now + self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic time, as the only item."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("duties", "other", "due"),
    [
        ((), None, None),
        ((), 5.0, 5.0),
        ((3.0,), None, 3.0),
        ((7.0, 3.0), None, 3.0),
        ((7.0, 3.0), 5.0, 3.0),
        ((7.0, 3.0), 1.0, 1.0),
    ],
)
def test_when_the_first_is_due(
    duties: tuple[float, ...], other: float | None, due: float | None
) -> None:
    subject = Duties()
    for next_at in duties:
        subject.add(Every(1.0, next_at))
    assert subject.next_at(other) == due


def test_each_is_performed_when_its_time_has_come(clock: list[float]) -> None:
    often, seldom = Every(2.0, 101.0), Every(10.0, 105.0)
    subject = Duties()
    subject.add(often)
    subject.add(seldom)
    for now in (100.0, 101.0, 102.0, 103.5, 106.0):
        clock[0] = now
        subject.perform_due()
    assert often.performed == [101.0, 103.5, 106.0]
    assert seldom.performed == [106.0]
    assert subject.next_at(None) == 108.0


def test_without_duties_nobody_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", None)
    Duties().perform_due()

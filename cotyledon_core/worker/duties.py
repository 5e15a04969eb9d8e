"""What a worker's main thread does from time to time while it waits for signals."""

from __future__ import annotations

import time
from typing import Protocol


class Duty(Protocol):
    """Something that is due again and again."""

    next_at: float
    """When it is due, in monotonic seconds."""

    def perform(self, now: float) -> None:
        """Do it, without waiting for anything, and set ``next_at`` anew.

        :param now: monotonic seconds.
        """


class Duties:
    """The duties of one worker; without any they cost nothing."""

    def __init__(self) -> None:
        self._duties: list[Duty] = []

    def add(self, duty: Duty) -> None:
        """From the main thread only."""
        self._duties.append(duty)

    def next_at(self, other: float | None) -> float | None:
        """When the first is due, or ``other`` if that is earlier; None for never."""
        if not self._duties:
            return other
        due = min(duty.next_at for duty in self._duties)
        return due if other is None else min(due, other)

    def perform_due(self) -> None:
        """Perform those whose time has come."""
        if not self._duties:
            return
        now = time.monotonic()
        for duty in self._duties:
            if duty.next_at <= now:
                duty.perform(now)

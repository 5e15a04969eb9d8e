"""A worker's signs of life."""

from __future__ import annotations

import time
from collections.abc import Callable

from cotyledon_core.process.board import Place

BEATS = 4
"""In the time after which the watchdog looks."""


class Heartbeat:
    """Stamps the worker's place on the board; without one, tells the manager.

    :param tell: tells the manager a line of sd_notify's.
    :param timeout: the watchdog's, in seconds.
    """

    def __init__(self, place: Place, tell: Callable[[str], None], timeout: float) -> None:
        self._place = place
        self._tell = tell
        self.interval = timeout / BEATS
        self._next_message = 0.0

    def beat(self) -> None:
        """From any thread, as often as it likes."""
        now = time.monotonic()
        if not self._place.beat(now) and now >= self._next_message:
            self._next_message = now + self.interval
            self._tell("WATCHDOG=1")


class ProcessHeartbeat:
    """The duty of a worker's main thread to prove that the interpreter runs."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self.next_at = 0.0

    def perform(self, now: float) -> None:
        self._heartbeat.beat()
        self.next_at = now + self._heartbeat.interval

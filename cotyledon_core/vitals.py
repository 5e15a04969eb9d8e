"""Signs of life that notifiers can read, in whatever process of the manager's they run."""

from __future__ import annotations

import time

from cotyledon_core.process.stamps import Stamps
from cotyledon_core.record import Record


class Work(Record):
    """What a worker's process has done, as measured by :meth:`.Service.busy`."""

    busy_seconds: float
    """With one unit of work at least in progress."""
    units: int
    """That are done."""


class Vitals:
    """What no event tells, as it would be told all the time."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps

    def manager_busy_since(self) -> float | None:
        """When the manager began what it is doing, in monotonic seconds; None if it waits.

        It does nothing that takes long by itself. Hooks and restart policies may.
        """
        return self._stamps.turn_since() or None

    def heartbeats(self) -> dict[int, float]:
        """The last heartbeat of workers by their pid, in monotonic seconds.

        Of those that a watchdog listens to, and that were started by ``fork``.
        """
        beats = ((pid, self._stamps.last_beat(place)) for place, pid in self._stamps.occupied())
        return {pid: beat for pid, beat in beats if beat}

    def work(self) -> dict[int, Work]:
        """What workers have done until now, by their pid.

        Of those that have measured any, and that were started by ``fork``.
        """
        now = time.monotonic()
        done = ((pid, self._stamps.work(place, now)) for place, pid in self._stamps.occupied())
        return {pid: Work(busy, units) for pid, (busy, units) in done if busy or units}

"""How busy workers are, of what has been seen whenever somebody asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Hashable

WINDOW = 60.0
"""Seconds that are looked back."""
SHORTEST = 1.0
"""Seconds from one look that is kept to the next."""

Look = tuple[float, float]
"""When, in monotonic seconds, and how many seconds of work there had been."""


class BusyRatios:
    """The share of the last minute, of each worker, with a unit of work in progress.

    Back to the last look before, where nobody has looked within the minute.
    """

    def __init__(self) -> None:
        self._looks: dict[Hashable, deque[Look]] = {}

    def of(self, worker: Hashable, begin: Look, now: Look) -> float:
        """From 0 to 1.

        :param begin: counts where nobody has looked yet.
        """
        looks = self._looks.setdefault(worker, deque([begin]))
        at, busy = now
        while len(looks) > 1 and looks[0][0] < at - WINDOW:
            looks.popleft()
        since, busy_then = looks[0]
        if at - looks[-1][0] >= SHORTEST:
            looks.append(now)
        # two processes may work at a time during a replacement
        return min(max(busy - busy_then, 0.0) / (at - since), 1.0) if at > since else 0.0

    def keep(self, workers: Container[Hashable]) -> None:
        """Forget all others."""
        self._looks = {worker: looks for worker, looks in self._looks.items() if worker in workers}

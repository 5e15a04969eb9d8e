"""Who is to be started next: first come, first served, and no faster than allowed."""

from __future__ import annotations

from collections import deque

from cotyledon_core.supervision.worker import Worker


class StartQueue:
    """Workers that wait for nothing but their turn.

    :param interval: the least time between two starts, in seconds.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._waiting: deque[Worker] = deque()
        self._last_at: float | None = None
        self._closed = False

    def set_interval(self, interval: float) -> None:
        """The least time between two starts, in seconds; also from the last one to the next."""
        self._interval = interval

    def add(self, worker: Worker) -> None:
        if self._closed:
            return
        worker.queued = True
        self._waiting.append(worker)

    def close(self) -> None:
        """Nobody is started any more."""
        self._closed = True
        self._waiting.clear()

    def started(self, now: float) -> None:
        """A start was made; it may have taken its time."""
        self._last_at = now

    def next_at(self) -> float | None:
        """When the next start is due; None if nobody waits."""
        return self._free_at if self._waiting else None

    @property
    def _free_at(self) -> float:
        return 0.0 if self._last_at is None else self._last_at + self._interval

    def pop_due(self, now: float) -> Worker | None:
        """The next that may start now; those that left the queue meanwhile are passed over."""
        while self._waiting and now >= self._free_at:
            worker = self._waiting.popleft()
            if worker.queued:
                self._last_at = now
                return worker
        return None

"""Which workers of a service have reached a bound, and which are being replaced for it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cotyledon_core.supervision.states import State

if TYPE_CHECKING:
    from cotyledon_core.supervision.worker import Worker


class RecycleQueue:
    """Of one service. Each worker has at most one place in it.

    A worker that was granted its replacement counts until that is ready; if it
    asks before that, it waits like any other.
    """

    __slots__ = ("_granted", "_waiting")

    def __init__(self) -> None:
        # of a dict the first item is found the slower the more were taken out before it
        self._waiting: OrderedDict[Worker, str] = OrderedDict()
        self._granted: dict[Worker, str] = {}

    def ask(self, worker: Worker, reason: str) -> None:
        """The worker's process has reached a bound, for the first time."""
        self._waiting.setdefault(worker, reason)

    def next(self, most: int) -> Worker | None:
        """The first that waits, if fewer than ``most`` are being replaced.

        Those that are stopping anyway, or have ended, are passed over.
        """
        while self._waiting and len(self._granted) < most:
            worker, reason = self._waiting.popitem(last=False)
            if worker.alive and worker.state is not State.STOPPING:
                self._granted[worker] = reason
                return worker
        return None

    def reason(self, worker: Worker) -> str:
        """Why the worker is being replaced."""
        return self._granted[worker]

    def ended(self, worker: Worker) -> None:
        """The process that had asked is gone."""
        self._waiting.pop(worker, None)

    def over(self, worker: Worker) -> None:
        """The worker is not being replaced any more."""
        self._granted.pop(worker, None)

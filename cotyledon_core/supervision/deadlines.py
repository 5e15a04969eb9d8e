"""Deadlines in a heap: setting, cancelling and finding the next is O(log n)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Deadlines(Generic[Key]):
    """At most one deadline for each key, in monotonic seconds.

    Cancelled entries stay in the heap until they come up, or until they
    outnumber the live ones.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._current: dict[Key, tuple[int, float]] = {}
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, key: Key) -> bool:
        return key in self._current

    def set(self, key: Key, when: float) -> None:
        """Set the key's deadline, in place of the one that it had."""
        number = next(self._count)
        self._current[key] = (number, when)
        heapq.heappush(self._heap, (when, number, key))
        if len(self._heap) > 2 * len(self._current) + 64:
            self._compact()

    def get(self, key: Key) -> float | None:
        """The key's deadline."""
        found = self._current.get(key)
        return found[1] if found else None

    def extend(self, key: Key, when: float) -> bool:
        """Move the key's deadline to ``when``, if it has one and it is earlier; whether it was."""
        if self._current.get(key, (0, when))[1] >= when:
            return False
        self.set(key, when)
        return True

    def cancel(self, key: Key) -> None:
        """Forget the key's deadline, if it has one."""
        self._current.pop(key, None)

    def clear(self) -> None:
        """Forget all deadlines."""
        self._current.clear()

    def next(self) -> float | None:
        """The earliest deadline."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Key | None:
        """Take out the earliest key whose deadline is reached, if there is one."""
        self._drop_stale()
        if not self._heap or self._heap[0][0] > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._current[key]
        return key

    def _drop_stale(self) -> None:
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)

    def _compact(self) -> None:
        self._heap = list(filter(self._is_current, self._heap))
        heapq.heapify(self._heap)

    def _is_current(self, entry: tuple[float, int, Key]) -> bool:
        when, number, key = entry
        return self._current.get(key) == (number, when)

"""Memory that the manager shares with the processes it forks: who is alive, and since when.

A stamp is written by one process and read by others at any time. Each is a double that is written
and read as a whole, through a view of doubles; ``struct.pack_into()`` writes zeros first, which
others could read.

A worker can write anything anywhere here: whatever is read must not harm its reader.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator

CAPACITY = 65536
"""Workers; those beyond it are without."""
_TURN, _USED = range(2)
"""When the manager's turn has begun, and how many places were ever used."""
_HEAD = 2
_BEAT, _GRACE, _PID, _BUSY, _UNITS = range(5)
"""The last heartbeat, the grace period where that has changed, the pid, and what was done.

That is how long the worker has been busy and with how many units. While it is busy, its seconds
stand there as they would be at the moment 0, which is below 0; with the time they become more.
"""
_PLACE = 5


class Stamps:
    """See the module's description. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, (_HEAD + CAPACITY * _PLACE) * 8)
        self._stamps = memoryview(self._memory).cast("d")

    def close(self) -> None:
        self._stamps.release()
        self._memory.close()

    # -- the manager's own

    def turn_begins(self, now: float) -> None:
        self._stamps[_TURN] = now

    def turn_ends(self) -> None:
        """The manager waits for something to happen."""
        self._stamps[_TURN] = 0.0

    def turn_since(self) -> float:
        """When the manager's turn has begun; 0 while it waits."""
        return self._stamps[_TURN]

    def set_used(self, places: int) -> None:
        """So many places were ever used."""
        self._stamps[_USED] = places

    # -- a worker's place

    def occupy(self, place: int, pid: int) -> None:
        self._stamps[_HEAD + place * _PLACE + _PID] = pid

    def beat(self, place: int, now: float) -> None:
        self._stamps[_HEAD + place * _PLACE + _BEAT] = now

    def last_beat(self, place: int) -> float:
        """0 if there was none."""
        return self._stamps[_HEAD + place * _PLACE + _BEAT]

    def set_grace(self, place: int, mark: float) -> None:
        self._stamps[_HEAD + place * _PLACE + _GRACE] = mark

    def grace(self, place: int) -> float:
        """The mark; 0 if none was set."""
        return self._stamps[_HEAD + place * _PLACE + _GRACE]

    def set_busy_since(self, place: int, moment: float) -> None:
        """The worker is busy now, as if it had been all the time from this moment on."""
        self._stamps[_HEAD + place * _PLACE + _BUSY] = -moment

    def set_busy_for(self, place: int, seconds: float) -> None:
        """It is not busy now, and was for so long in all."""
        self._stamps[_HEAD + place * _PLACE + _BUSY] = seconds

    def set_units(self, place: int, units: int) -> None:
        """So many it has done."""
        self._stamps[_HEAD + place * _PLACE + _UNITS] = units

    def work(self, place: int, now: float) -> tuple[float, int]:
        """Busy seconds and units."""
        first = _HEAD + place * _PLACE
        busy, units = self._stamps[first + _BUSY], self._stamps[first + _UNITS]
        if not math.isfinite(busy):
            busy = 0.0
        return busy + now if busy < 0 else busy, _whole(units)

    def clear(self, place: int) -> None:
        """Nobody's any more."""
        first = _HEAD + place * _PLACE
        for stamp in range(first, first + _PLACE):
            self._stamps[stamp] = 0.0

    # -- all places

    def occupied(self) -> Iterator[tuple[int, int]]:
        """The places that are, and the pid of each."""
        for place in range(min(_whole(self._stamps[_USED]), CAPACITY)):
            pid = _whole(self._stamps[_HEAD + place * _PLACE + _PID])
            if pid:
                yield place, pid


def _whole(stamp: float) -> int:
    return int(stamp) if math.isfinite(stamp) else 0

"""Memory that the manager shares with the processes it forks: who is alive, and since when.

A stamp is written by one process and read by others at any time. Each is a
double at an address of its own multiple of eight, which is written and read as a whole.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

CAPACITY = 65536
"""Workers; those beyond it are without."""
_STAMP = struct.Struct("d")
_HEAD = struct.Struct("dd")
"""When the manager's turn has begun, and how many places were ever used."""
_PLACE = struct.Struct("ddd")
"""The last heartbeat, the grace period where that has changed, and the pid."""
_BEAT, _GRACE, _PID = (index * _STAMP.size for index in range(3))


class Stamps:
    """See the module's description. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEAD.size + CAPACITY * _PLACE.size)

    def close(self) -> None:
        self._memory.close()

    # -- the manager's own

    def turn_begins(self, now: float) -> None:
        _STAMP.pack_into(self._memory, 0, now)

    def turn_ends(self) -> None:
        """The manager waits for something to happen."""
        _STAMP.pack_into(self._memory, 0, 0.0)

    def turn_since(self) -> float:
        """When the manager's turn has begun; 0 while it waits."""
        return float(_HEAD.unpack_from(self._memory, 0)[0])

    def set_used(self, places: int) -> None:
        """So many places were ever used."""
        _STAMP.pack_into(self._memory, _STAMP.size, places)

    # -- a worker's place

    def occupy(self, place: int, pid: int) -> None:
        self._write(place, _PID, pid)

    def beat(self, place: int, now: float) -> None:
        self._write(place, _BEAT, now)

    def last_beat(self, place: int) -> float:
        """0 if there was none."""
        return self._read(place)[0]

    def set_grace(self, place: int, mark: float) -> None:
        self._write(place, _GRACE, mark)

    def grace(self, place: int) -> float:
        """The mark; 0 if none was set."""
        return self._read(place)[1]

    def clear(self, place: int) -> None:
        _PLACE.pack_into(self._memory, self._address(place), 0.0, 0.0, 0.0)

    def places(self) -> Iterator[tuple[int, float]]:
        """Pid and last heartbeat of each place that is occupied."""
        used = int(_HEAD.unpack_from(self._memory, 0)[1])
        for place in range(used):
            beat, _, pid = self._read(place)
            if pid:
                yield int(pid), beat

    def _address(self, place: int) -> int:
        return _HEAD.size + place * _PLACE.size

    def _write(self, place: int, stamp: int, value: float) -> None:
        _STAMP.pack_into(self._memory, self._address(place) + stamp, value)

    def _read(self, place: int) -> tuple[float, float, float]:
        beat, grace, pid = _PLACE.unpack_from(self._memory, self._address(place))
        return beat, grace, pid

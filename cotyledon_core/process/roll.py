"""The roll: which processes are the manager's, in memory shared with the guardian.

It outlives the manager: when the manager is killed, the guardian reads here
whom it has to see off. The manager takes a process off the roll before it
reaps it, so that no pid on it is anybody else's while the manager lives.
"""

from __future__ import annotations

import mmap
import struct

from cotyledon_core.process.remnants import FOREVER

CAPACITY = 65536
_HEADER = struct.Struct("dd")
_PID = struct.Struct("i")


class Roll:
    """Pids, the grace period and the bound of a stop."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEADER.size + CAPACITY * _PID.size)
        self._free: list[int] = []
        self._used = 0
        self._slots: dict[int, int] = {}

    def enter(self, pid: int) -> None:
        """Put a process on the roll. What is beyond its capacity is not guarded."""
        if not self._free and self._used == CAPACITY:
            return
        if self._free:
            slot = self._free.pop()
        else:
            slot, self._used = self._used, self._used + 1
        self._slots[pid] = slot
        self._write(slot, pid)

    def leave(self, pid: int) -> None:
        """Take a process off the roll."""
        slot = self._slots.pop(pid, None)
        if slot is not None:
            self._write(slot, 0)
            self._free.append(slot)

    def _write(self, slot: int, pid: int) -> None:
        _PID.pack_into(self._memory, _HEADER.size + slot * _PID.size, pid)

    def pids(self) -> list[int]:
        """All that are on the roll, as seen from any process that shares it."""
        with memoryview(self._memory) as whole, whole[_HEADER.size :] as pids:
            return [pid for pid in pids.cast("i") if pid]

    def set_grace(self, grace: float) -> None:
        """The manager's grace period in seconds; 0 is without end."""
        _HEADER.pack_into(self._memory, 0, grace, self.bound)

    def accept_stop(self, at: float) -> None:
        """A stop was accepted, at this monotonic time: the grace period runs."""
        self.end_by(at + self.grace if self.grace else FOREVER)

    def end_by(self, bound: float) -> None:
        """Everything has to be gone by this monotonic time."""
        _HEADER.pack_into(self._memory, 0, self.grace, bound)

    @property
    def grace(self) -> float:
        return float(_HEADER.unpack_from(self._memory, 0)[0])

    @property
    def bound(self) -> float:
        """Monotonic seconds; 0 while no stop was accepted."""
        return float(_HEADER.unpack_from(self._memory, 0)[1])

    def close(self) -> None:
        self._memory.close()

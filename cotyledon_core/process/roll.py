"""The roll: which processes are the manager's, in memory shared with the guardian.

It outlives the manager: when the manager is killed, the guardian reads here
whom it has to see off. The manager takes a process off the roll before it
reaps it, so that no pid on it is anybody else's while the manager lives.

A forked worker enters itself, in a place that was kept for it, before it does
anything else: the manager may be killed before it could.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from functools import partial

from cotyledon_core.process.remnants import FOREVER

CAPACITY = 65536
_TIMES = 2 * 8
"""Bytes for the grace period and the bound."""
_PID = 4


class Roll:
    """Pids, the grace period and the bound of a stop."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _TIMES + CAPACITY * _PID)
        with memoryview(self._memory) as whole:
            self._times = whole[:_TIMES].cast("d")
            self._places = whole[_TIMES:].cast("i")
        self._free: list[int] = []
        self._used = 0
        self._slots: dict[int, int] = {}

    def reserve(self) -> int | None:
        """A place for a process to come; None where all are taken."""
        if self._free:
            return self._free.pop()
        if self._used == CAPACITY:
            return None
        self._used += 1
        return self._used - 1

    def release(self, slot: int | None) -> None:
        """The process did not come."""
        if slot is not None:
            self._free.append(slot)

    def enter(self, pid: int, slot: int | None = None) -> None:
        """Put a process on the roll. What is beyond its capacity is not guarded.

        :param slot: the place that was reserved for it.
        """
        if slot is None:
            slot = self.reserve()
        if slot is not None:
            self._slots[pid] = slot
            self._places[slot] = pid

    def entrance(self, slot: int | None) -> Callable[[int], None]:
        """What a child calls with its pid to put itself on the roll.

        Made before the fork: then the call takes next to nothing.

        :param slot: the place that was reserved for it.
        """
        return _nowhere if slot is None else partial(self._places.__setitem__, slot)

    def leave(self, pid: int) -> None:
        """Take a process off the roll."""
        slot = self._slots.pop(pid, None)
        if slot is not None:
            self._places[slot] = 0
            self._free.append(slot)

    def pids(self) -> list[int]:
        """All that are on the roll, as seen from any process that shares it."""
        return [pid for pid in self._places if pid > 0]

    def set_grace(self, grace: float) -> None:
        """The manager's grace period in seconds; 0 is without end."""
        self._times[0] = grace

    def accept_stop(self, at: float) -> None:
        """A stop was accepted, at this monotonic time: the grace period runs."""
        self.end_by(at + self.grace if self.grace else FOREVER)

    def end_by(self, bound: float) -> None:
        """Everything has to be gone by this monotonic time."""
        self._times[1] = bound

    @property
    def grace(self) -> float:
        return self._times[0]

    @property
    def bound(self) -> float:
        """Monotonic seconds; 0 while no stop was accepted."""
        return self._times[1]

    def close(self) -> None:
        self._times.release()
        self._places.release()
        self._memory.close()


def _nowhere(pid: int) -> None:
    """Where all places are taken."""

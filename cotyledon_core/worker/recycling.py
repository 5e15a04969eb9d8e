"""A worker's watch over its own bounds; at one of them it asks the manager to replace it."""

from __future__ import annotations

import _thread
import math
import os
from collections.abc import Callable

from cotyledon_core.chance import fraction
from cotyledon_core.worker.assignment import Assignment
from cotyledon_core.worker.duties import Duties

MEMORY_INTERVAL = 2.0
"""Seconds between two looks at the memory."""
STATM = "/proc/self/statm"
"""Sizes in pages, the second one of what is resident (proc(5))."""


def can_measure_memory() -> bool:
    """Whether this platform tells a process how large it is."""
    return os.path.exists(STATM)


def resident_memory() -> int:
    """Bytes of this process that are in memory.

    :raises OSError: if there are not the descriptors to find out.
    """
    with open(STATM, "rb", buffering=0) as file:
        return int(file.read(200).split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Recycling:
    """Made in the process that it watches: each draws bounds of its own.

    :param tell: tells the manager a line of sd_notify's.
    """

    def __init__(self, assignment: Assignment, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._most_tasks = _own_bound(assignment.max_tasks, assignment.recycle_jitter)
        self._most_memory = _own_bound(assignment.max_memory, assignment.recycle_jitter)
        self._tasks = 0
        self._lock = _thread.allocate_lock()

    @classmethod
    def of(cls, assignment: Assignment, tell: Callable[[str], None]) -> Recycling | None:
        """None if the worker has no bounds."""
        return cls(assignment, tell) if assignment.is_bounded else None

    def task_done(self) -> None:
        """From any thread."""
        if not self._most_tasks:
            return
        with self._lock:
            self._tasks += 1
            reached = self._tasks == self._most_tasks
        if reached:
            self._ask(f"max_tasks: {self._most_tasks} tasks are done")

    def watch(self, duties: Duties) -> None:
        """Look at the memory from time to time, if there is a bound."""
        if self._most_memory and can_measure_memory():
            duties.add(MemoryCheck(self._most_memory, self._ask))

    def _ask(self, reason: str) -> None:
        self._tell(f"X_RECYCLE={reason}")


class MemoryCheck:
    """The duty of a worker's main thread to look how large the process is.

    :param most: bytes.
    :param ask: called once, with the reason, when the process is as large.
    """

    def __init__(self, most: int, ask: Callable[[str], None]) -> None:
        self._most = most
        self._ask = ask
        self.next_at = 0.0

    def perform(self, now: float) -> None:
        self.next_at = now + MEMORY_INTERVAL
        try:
            resident = resident_memory()
        except OSError:
            return
        if resident >= self._most:
            self.next_at = math.inf
            self._ask(f"max_memory: {self._most} bytes reached with {resident}")


def _own_bound(most: int, jitter: float) -> int:
    return int(most * (1.0 + jitter * fraction())) if most else 0

"""Reaping: the exit status of every child of ours, and of no other.

``waitid`` peeks at any child that has ended, which costs the same however many
live; only if the child is ours its status is taken. A child that is not ours
(a hook's, say) keeps its status for its owner; but while it is not waited for,
the peek shows it again and again and hides ours, so then our own are looked at
one by one.

As process 1, or as a child sub-reaper, the manager also inherits orphans, and
nobody else will ever wait for them. They cannot be told from children that a
hook started, so a stranger is left to its owner for a while first.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process import multiprocessing_helpers

with contextlib.suppress(ImportError):
    # wait4() loads it at the first death, while a worker waits to be started again
    import resource  # noqa: F401

STRANGER_PATIENCE = 1.0
"""Seconds that a stranger's owner has to wait for it."""
_PR_GET_CHILD_SUBREAPER = 37


_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ``ru_maxrss`` counts (getrusage(2))."""


class Usage(NamedTuple):
    """What a process and the children that it has waited for have used."""

    cpu_user: float
    """Seconds."""
    cpu_system: float
    """Seconds."""
    peak_memory: int
    """Bytes."""


class Ended(NamedTuple):
    pid: int
    status: ExitStatus
    usage: Usage | None = None


def take(pid: int) -> Ended | None:
    """The status of our child, if it has ended; an unknown one if it is not ours to take."""
    try:
        found, status, used = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        # somebody else has taken the status
        return Ended(pid, ExitStatus())
    if not found:
        return None
    usage = Usage(used.ru_utime, used.ru_stime, used.ru_maxrss * _PEAK_UNIT)
    return Ended(pid, ExitStatus.from_exitcode(os.waitstatus_to_exitcode(status)), usage)


def _peek() -> int | None:
    """The pid of a child that has ended and has not been waited for."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found else None


class Reaper:
    """Reaps children whose pids are in ``own``, which the caller keeps up to date."""

    def __init__(self, own: Container[int]) -> None:
        self._own = own
        self.met_stranger = False
        """Whether a child was seen that is not ours."""

    def ended(self, limit: int, own_pids: Callable[[], Iterator[int]]) -> Iterator[Ended]:
        """At most ``limit`` of our children that have ended.

        The caller takes each out of ``own`` before it asks for the next.

        :param own_pids: gives all of them; called only if a stranger is in the way.
        """
        for _ in range(limit):
            pid = _peek()
            if pid is None:
                return
            if pid not in self._own:
                self.met_stranger = True
                yield from self._one_by_one(own_pids())
                return
            ended = take(pid)
            if ended is not None:
                yield ended

    def _one_by_one(self, own_pids: Iterator[int]) -> Iterator[Ended]:
        for pid in own_pids:
            ended = take(pid)
            if ended is not None:
                yield ended


class OrphanReaper:
    """Reaps inherited orphans that nobody has waited for in a while."""

    def __init__(self, own: Container[int]) -> None:
        self._own = own
        self._seen: dict[int, float] = {}

    @staticmethod
    def needed() -> bool:
        """Whether this process inherits orphans, and can find them."""
        return os.path.isdir("/proc/self/task") and (os.getpid() == 1 or _is_child_subreaper())

    def deadline(self) -> float | None:
        """When :meth:`reap` should be called again, in monotonic seconds."""
        return min(self._seen.values(), default=None)

    def reap(self, now: float) -> None:
        """Look at all strangers; reap those that have been left for long enough."""
        waited_for = multiprocessing_helpers.pids()
        strangers = {
            pid
            for pid in _children()
            if pid not in self._own and pid not in waited_for and _has_ended(pid)
        }
        for pid in list(self._seen):
            if pid not in strangers:
                del self._seen[pid]
        for pid in strangers:
            if self._seen.setdefault(pid, now + STRANGER_PATIENCE) <= now:
                del self._seen[pid]
                take(pid)


def _is_child_subreaper() -> bool:
    import ctypes

    flag = ctypes.c_int(0)
    try:
        ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(flag), 0, 0, 0)
    except (OSError, AttributeError):
        return False
    return bool(flag.value)


def _children() -> Iterator[int]:
    """All children of this process (proc(5))."""
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/children") as children:
            yield from map(int, children.read().split())


def _has_ended(pid: int) -> bool:
    try:
        return bool(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    except ChildProcessError:
        return False

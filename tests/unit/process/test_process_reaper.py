"""Every child of ours is reaped, and no other loses its status."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process.reaper import STRANGER_PATIENCE, Ended, OrphanReaper, Reaper

pytestmark = pytest.mark.skipif(not hasattr(os, "waitid"), reason="POSIX processes")
linux = pytest.mark.skipif(sys.platform != "linux", reason="sub-reapers and /proc")

InChild = Callable[[Callable[[], Any]], Any]
PR_SET_CHILD_SUBREAPER = 36


def ended_child(code: int = 0, number: int | None = None) -> int:
    """A child that has ended and was not waited for."""
    pid = os.fork()
    if pid == 0:
        if number is not None:
            os.kill(os.getpid(), number)
        os._exit(code)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def living_child() -> int:
    pid = os.fork()
    if pid == 0:
        try:
            signal.pause()
        finally:
            os._exit(0)
    return pid


def reaped(own: set[int], limit: int = 64, reaper: Reaper | None = None) -> list[Ended]:
    """As the loop does it."""
    found = []
    for ended in (reaper or Reaper(own)).ended(limit, lambda: iter(sorted(own))):
        own.discard(ended.pid)
        found.append(ended)
    return found


def statuses(found: Iterable[Ended]) -> dict[int, int | None]:
    return {ended.pid: ended.status.exitcode for ended in found}


def test_true_statuses_once_each(in_child: InChild) -> None:
    def look() -> bool:
        wanted = {ended_child(code): code for code in (0, 1, 255)}
        wanted[ended_child(number=signal.SIGKILL)] = -9
        own = set(wanted)
        return statuses(reaped(own)) == wanted and reaped(own) == [] and not own

    assert in_child(look)


def test_what_a_child_has_used(in_child: InChild) -> None:
    def look() -> bool:
        pid = os.fork()
        if pid == 0:
            try:
                end = time.process_time() + 0.1
                used = bytearray(32 << 20)
                used[::4096] = b"x" * len(used[::4096])
                while time.process_time() < end:
                    pass
            finally:
                os._exit(0)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        (ended,) = reaped({pid})
        usage = ended.usage
        assert usage is not None
        return usage.cpu_user + usage.cpu_system >= 0.1 and 32 << 20 <= usage.peak_memory < 4 << 30

    assert in_child(look)


def test_the_living_are_left_alone(in_child: InChild) -> None:
    def look() -> list[list[int]]:
        living = living_child()
        dead = ended_child()
        own = {living, dead}
        first = [ended.pid for ended in reaped(own)]
        assert own == {living}
        second = [ended.pid for ended in reaped(own)]
        os.kill(living, signal.SIGKILL)
        os.waitid(os.P_PID, living, os.WEXITED | os.WNOWAIT)
        third = [ended.pid for ended in reaped(own)]
        return [first == [dead], second == [], third == [living]]  # type: ignore[list-item]

    assert in_child(look) == [True, True, True]


def test_without_children_there_is_nothing(in_child: InChild) -> None:
    assert in_child(lambda: reaped(set())) == []
    assert in_child(lambda: reaped({os.getppid()})) == []


def test_a_turn_is_bounded(in_child: InChild) -> None:
    def look() -> list[int]:
        own = {ended_child() for _ in range(10)}
        return [len(reaped(own, limit=4)) for _ in range(4)]

    assert in_child(look) == [4, 4, 2, 0]


def test_strangers_in_front_hide_nobody_and_keep_their_statuses(in_child: InChild) -> None:
    """A hook leaves ten children that it has not waited for; then workers die."""

    def look() -> tuple[bool, list[int]]:
        strangers = [ended_child(100 + number) for number in range(10)]
        wanted = {ended_child(number): number for number in range(20)}
        living = living_child()
        own = {*wanted, living}
        reaper = Reaper(own)
        found = statuses(reaped(own, reaper=reaper))
        later = ended_child(77)
        own.add(later)
        found_later = statuses(reaped(own, reaper=reaper))
        right = found == wanted and found_later == {later: 77} and own == {living}
        os.kill(living, signal.SIGKILL)
        return right, [os.waitpid(pid, 0)[1] >> 8 for pid in strangers]

    assert in_child(look) == (True, [100 + number for number in range(10)])


def test_a_status_that_somebody_took_is_an_unknown_one(in_child: InChild) -> None:
    """Some library waits for any child."""

    def look() -> bool:
        ours, stranger = ended_child(3), ended_child(4)
        os.waitpid(ours, 0)
        found = reaped({ours})
        os.waitpid(stranger, 0)
        return found == [Ended(ours, ExitStatus())]

    assert in_child(look)


# -- orphans


def become_subreaper() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def orphan() -> int:
    """A process whose parent has ended; it has ended, too."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(ended_child(5)).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    found = int(os.read(reader, 100))
    os.close(reader)
    return found


@linux
def test_who_inherits_orphans(in_child: InChild) -> None:
    def look() -> bool:
        before = OrphanReaper.needed()
        become_subreaper()
        return before != OrphanReaper.needed() or os.getpid() == 1

    assert in_child(look)


@linux
def test_orphans_are_reaped_when_nobody_has_waited_for_them(in_child: InChild) -> None:
    def look() -> bool:
        become_subreaper()
        pid, ours, hook_child = orphan(), ended_child(), ended_child(6)
        reaper = OrphanReaper({ours})
        reaper.reap(now=10.0)
        assert reaper.deadline() == 10.0 + STRANGER_PATIENCE
        reaper.reap(now=10.5)
        assert os.waitpid(hook_child, 0)[1] >> 8 == 6, "its owner has waited in time"
        reaper.reap(now=10.0 + STRANGER_PATIENCE)
        assert reaper.deadline() is None
        assert os.waitpid(ours, 0) == (ours, 0), "ours was not touched"
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            return True
        return False

    assert in_child(look)

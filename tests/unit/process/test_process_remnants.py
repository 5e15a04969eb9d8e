"""Finding and ending processes, on real ones."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core.process import proctable, remnants
from cotyledon_core.process.proctable import Entry

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="proc(5) and pidfds")


NOBODY = 65534


class Tree:
    """Processes that wait for their end; each tells its pid."""

    def __init__(self) -> None:
        self._told, self._tell = os.pipe()
        self.pids: list[int] = []

    def grow(self, before: Callable[[], None] | None = None, depth: int = 1) -> list[int]:
        """A process, its child and so on, ``depth`` in all; their pids from the top.

        :param before: called in the lowest before it waits.
        """
        pid = os.fork()
        if pid == 0:
            self._live(before, depth)
        grown = [pid for _, pid in sorted(self._hear() for _ in range(depth))]
        self.pids += grown
        return grown[::-1]

    def _live(self, before: Callable[[], None] | None, depth: int) -> None:
        try:
            if depth == 1 and before is not None:
                before()
            elif depth > 1 and os.fork() == 0:
                self._live(before, depth - 1)
            os.write(self._tell, f"{depth:10}{os.getpid():10}".encode())
            signal.pause()
        finally:
            os._exit(0)

    def _hear(self) -> tuple[int, int]:
        assert select.select([self._told], [], [], 30)[0]
        told = os.read(self._told, 20)
        return int(told[:10]), int(told[10:])

    def fell(self) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self.pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        os.close(self._told)
        os.close(self._tell)


@pytest.fixture
def tree() -> Iterator[Tree]:
    made = Tree()
    yield made
    made.fell()


def entry(pid: int) -> Entry | None:
    return {entry.pid: entry for entry in proctable.entries()}.get(pid)


def until_ended(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


# -- the process table


def test_the_table_tells_the_truth(tree: Tree) -> None:
    before = proctable.clock_ticks()
    (pid,) = tree.grow(os.setsid)
    found = entry(pid)
    assert found is not None
    assert (found.parent, found.group, found.session) == (os.getpid(), pid, pid)
    assert before <= found.started <= proctable.clock_ticks()
    assert proctable.parent_of(pid) == os.getpid()


@pytest.mark.parametrize("name", ["a b", "x) S 1 1", "((", ")", "\N{SNOWMAN}"])
def test_a_name_may_hold_anything(tree: Tree, name: str) -> None:
    (pid,) = tree.grow(lambda: void(Path("/proc/self/comm").write_text(name, encoding="utf-8")))
    found = entry(pid)
    assert found is not None
    assert found.parent == os.getpid()


def void(value: object) -> None:
    """Forget it."""


def test_those_that_have_ended_are_left_out(tree: Tree) -> None:
    (pid,) = tree.grow()
    os.kill(pid, signal.SIGKILL)
    until_ended(pid)
    assert entry(pid) is None
    assert proctable.parent_of(pid) == os.getpid(), "its status is still there"
    os.waitpid(pid, 0)
    assert proctable.parent_of(pid) is None


def test_descendants() -> None:
    parents = {2: 1, 3: 1, 4: 2, 5: 4, 6: 3, 7: 99}
    table = [Entry(pid, parent, 0, 0, 0, False) for pid, parent in parents.items()]
    for roots, wanted in (([2], {4, 5}), ([1], {2, 3, 4, 5, 6}), ([2, 4], {4, 5}), ([], set())):
        assert {entry.pid for entry in proctable.descendants(table, roots)} == wanted


# -- whom it concerns


def test_daemons_are_left_alone(tree: Tree) -> None:
    """Descendants are found, those in a session of their own are not."""
    top, middle, bottom = tree.grow(depth=3)
    stays, _daemon = tree.grow(os.setsid, depth=2)
    found = remnants.below([top, stays], os.getsid(0))
    assert sorted(found) == sorted([middle, bottom])


def test_a_worker_in_a_session_of_its_own_has_its_children_there(tree: Tree) -> None:
    reader, writer = os.pipe()

    def lead_a_session() -> None:
        os.setsid()
        child = os.fork()
        if child == 0:
            signal.pause()
        os.write(writer, str(child).encode())

    (worker,) = tree.grow(lead_a_session)
    child = int(os.read(reader, 20))
    tree.pids.append(child)
    assert remnants.below([worker], os.getsid(0)) == [child]
    os.close(reader)
    os.close(writer)


def test_members_of_a_group_since_a_moment(tree: Tree) -> None:
    old, new = tree.grow(os.setsid), []
    group = old[0]
    wait_for_a_tick()
    since = proctable.clock_ticks()
    new += tree.grow(lambda: os.setpgid(0, 0))
    assert remnants.group_members(group) == old
    assert remnants.group_members(group, since) == []
    assert remnants.group_members(new[0], since) == new


def wait_for_a_tick() -> None:
    begun = proctable.clock_ticks()
    while proctable.clock_ticks() == begun:
        time.sleep(0.001)


# -- holding and ending


def test_waiting_for_ends(tree: Tree) -> None:
    held = remnants.Held()
    pids = [*tree.grow(), *tree.grow()]
    held.hold(pids)
    held.hold(pids)
    assert held.pids == pids
    assert not held.wait(time.monotonic())
    held.send(signal.SIGKILL)
    assert held.wait(time.monotonic() + 30)
    assert held.pids == []
    assert held.wait(time.monotonic())


def test_nobody_holds_himself_or_what_is_gone(tree: Tree) -> None:
    (pid,) = tree.grow()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    held = remnants.Held()
    held.hold([os.getpid(), pid])
    assert held.pids == []


def test_a_signal_does_not_reach_who_got_the_pid(tree: Tree) -> None:
    """What was held and has been reaped is signalled by its descriptor, not by its pid."""
    held = remnants.Held()
    (pid,) = tree.grow()
    held.hold([pid])
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    held.send(signal.SIGTERM)
    held.close()


def test_seeing_off(tree: Tree) -> None:
    """The obedient go by themselves, the others after patience, and no descriptor stays."""
    before = os.listdir("/proc/self/fd")
    deaf = tree.grow(lambda: void(signal.signal(signal.SIGTERM, signal.SIG_IGN)))
    stopped = tree.grow(lambda: os.kill(os.getpid(), 0))
    os.kill(stopped[0], signal.SIGSTOP)
    obedient = tree.grow()
    held = remnants.Held()
    held.hold([*deaf, *stopped, *obedient])
    held.send(signal.SIGTERM)
    remnants.see_off(held, patience=0.2, margin=30.0)
    for (pid,) in (deaf, stopped, obedient):
        until_ended(pid)
        assert os.waitpid(pid, 0)[1] in (signal.SIGKILL, signal.SIGTERM)
        tree.pids.remove(pid)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_one_that_may_not_be_signalled_protects_no_other(
    in_child: Callable[[Callable[[], Any]], Any],
) -> None:
    def look() -> bool:
        tree = Tree()
        (another_users,) = tree.grow()
        os.setresuid(NOBODY, NOBODY, NOBODY)
        (ours,) = tree.grow()
        held = remnants.Held()
        held.hold([another_users, ours])
        held.send(signal.SIGKILL)
        os.waitpid(ours, 0)
        return os.waitpid(another_users, os.WNOHANG) == (0, 0)

    assert in_child(look)

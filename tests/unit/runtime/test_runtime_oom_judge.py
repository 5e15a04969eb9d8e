"""Whether a SIGKILL was the OOM killer's is proven or not said."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process.child import Child
from cotyledon_core.process.oom import Counter
from cotyledon_core.runtime.children import WorkerProcess
from cotyledon_core.runtime.oom_judge import OomJudge
from cotyledon_core.supervision.messages import Incarnation
from cotyledon_core.types import ServiceId, WorkerId

KILLED = ExitStatus(signal=9)
SERVICE = ServiceId(UUID(int=1))


class FakeLog:
    """The kernel's log."""

    def __init__(self) -> None:
        self.named: set[int] = set()

    def killed(self) -> set[int]:
        named, self.named = self.named, set()
        return named

    def close(self) -> None:
        """Nothing is held."""


class World:
    """A judge, and what it looks at."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "memory.events.local"
        self.count(3)
        self.log: Any = FakeLog()
        self.living: set[int] = set()
        self.judge = OomJudge(self.living, Counter(str(self.file), "the group"), self.log)

    def count(self, kills: int) -> None:
        self.file.write_text(f"oom 9\noom_kill {kills}\n")

    def worker(self, pid: int) -> WorkerProcess:
        process = WorkerProcess(Incarnation(SERVICE, WorkerId(0), 1), Child(pid))
        self.judge.started(pid)
        self.living.add(pid)
        return process

    def end(self, *processes: WorkerProcess, status: ExitStatus = KILLED) -> None:
        self.living -= {process.child.pid for process in processes}
        self.judge.judge([(process, status) for process in processes])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_who_is_named_was_killed(world: World) -> None:
    named, other = world.worker(10), world.worker(11)
    world.log.named = {10, 99}
    world.count(5)
    world.end(named, other)
    assert (named.oom_killed, named.error) == (True, "")
    assert not other.oom_killed
    assert "killed 2 of the processes of the group" in other.error


def test_a_counter_alone_proves_nothing(world: World) -> None:
    worker = world.worker(10)
    world.count(4)
    world.end(worker)
    assert not worker.oom_killed
    assert "killed 1 of the processes of the group" in worker.error
    assert worker.findings().oom_killed is False


def test_what_was_counted_before_another_death_is_not_told(world: World) -> None:
    first, second = world.worker(10), world.worker(11)
    world.count(4)
    world.end(first, status=ExitStatus(code=1))
    world.end(second)
    assert first.error == second.error == ""


def test_an_unchanged_counter_says_nothing(world: World) -> None:
    worker = world.worker(10)
    world.end(worker)
    assert (worker.oom_killed, worker.error) == (False, "")


def test_the_managers_own_sigkill_is_not_the_kernels(world: World) -> None:
    worker = world.worker(10)
    worker.killed = True
    world.log.named = {10}
    world.count(4)
    world.end(worker)
    assert (worker.oom_killed, worker.error) == (False, "")


@pytest.mark.parametrize("status", [ExitStatus(code=137), ExitStatus(signal=15), ExitStatus()])
def test_other_ends_are_not_looked_at(world: World, status: ExitStatus) -> None:
    worker = world.worker(10)
    world.log.named = {10}
    world.count(4)
    world.end(worker, status=status)
    assert (worker.oom_killed, worker.error) == (False, "")


def test_a_name_of_before_the_start_is_somebody_elses(world: World) -> None:
    world.log.named = {10}
    worker = world.worker(10)
    world.end(worker)
    assert not worker.oom_killed


def test_a_death_that_is_seen_later_than_its_name(world: World) -> None:
    slow, quick, later = world.worker(10), world.worker(11), world.worker(12)
    world.log.named = {10}
    world.end(quick)
    world.worker(13)
    world.end(slow)
    assert slow.oom_killed
    world.end(later)
    assert not later.oom_killed


def test_what_the_worker_said_itself_stays(world: World) -> None:
    worker = world.worker(10)
    worker.error = "MemoryError()"
    world.count(4)
    world.end(worker)
    assert worker.error == "MemoryError()"


def test_without_a_counter_nothing_is_said() -> None:
    log: Any = FakeLog()
    worker = WorkerProcess(Incarnation(SERVICE, WorkerId(0), 1), Child(10))
    OomJudge((), None, log).judge([(worker, KILLED)])
    assert (worker.oom_killed, worker.error) == (False, "")

"""Children that are no workers: theirs stay theirs, orphans are reaped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from tests.functional import procfs
from tests.functional.harness import Launch


def test_ten_unwaited_children_hide_no_death(launch: Launch, method: str) -> None:
    application = launch("foreign", "ten_unwaited", method=method)
    workers = application.wait_for_workers(4)
    application.send(signal.SIGHUP)
    application.wait_for("left")
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
    application.wait_for_replacements(workers)
    assert len(application.wait_for("on_dead_worker", 4)) == 4
    application.send(signal.SIGHUP)
    assert application.wait_for_one("waited").statuses == list(range(10))
    assert application.stop() == 0


def test_programs_of_hooks_keep_their_status(launch: Launch, method: str) -> None:
    application = launch("foreign", "statuses", method=method)
    workers = application.wait_for_workers(4)
    for count, pid in enumerate(workers.values(), 1):
        os.kill(pid, signal.SIGKILL)
        application.wait_for("at_once", count)
    application.send(signal.SIGHUP)
    application.wait_for("at_once", 5)
    application.wait_for_replacements(workers)
    assert application.stop() == 0
    assert {record.status for record in application.records("at_once")} == {7}
    (later,) = application.records("later")
    assert later.statuses == [8] * 5


def test_programs_of_a_thread_keep_their_status(launch: Launch) -> None:
    """Of an application with threads, so with spawn.

    A process that is forked while ``subprocess`` waits for an exec holds that up,
    so the thread begins when all helpers of the manager's are there.
    """
    application = launch("foreign", "thread_of_programs", method="spawn")
    workers = application.wait_for_workers(4)
    os.kill(workers["web", 0], signal.SIGKILL)
    workers = application.wait_for_replacements({("web", 0): workers["web", 0]})
    application.send(signal.SIGUSR1)
    application.wait_for("at_once", 5)
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
    application.wait_for_replacements(workers)
    count = len(application.records("at_once"))
    application.wait_for("at_once", count + 20)
    assert {record.status for record in application.records("at_once")} == {9}
    assert application.stop() == 0


def own_namespace() -> tuple[str, ...]:
    """A prefix that makes the command process 1 of its own pid namespace."""
    prefix = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("not permitted to make a pid namespace")
    return prefix


def zombies(parent: int) -> list[procfs.Process]:
    return [child for child in procfs.children(parent) if not child.alive]


def test_as_process_1(launch: Launch, method: str) -> None:
    application = launch("foreign", "orphans", "2", method=method, prefix=own_namespace())
    application.wait_for("run", 2)
    (manager,) = [child.pid for child in procfs.children(application.pid)]
    assert procfs.innermost_pid(manager) == 1
    outside = {
        procfs.innermost_pid(process.pid): process.pid
        for process in application.living()
        if process.pid != application.pid
    }
    for record in application.records("run"):
        os.kill(outside[record.pid], signal.SIGTERM)
    deaths = application.wait_for("on_dead_worker", 2)
    assert [death.status for death in deaths] == [5, 5]
    application.wait_for("run", 4)
    application.until(lambda: not zombies(manager), "the reaping of all orphans")
    os.kill(manager, signal.SIGTERM)
    assert application.wait() == 0
    application.wait_until_gone()


def test_as_adopter_of_orphans(launch: Launch, method: str) -> None:
    application = launch("foreign", "orphans", "2", "adopt", method=method)
    workers = application.wait_for_workers(2)
    for pid in workers.values():
        os.kill(pid, signal.SIGTERM)
    application.wait_for_replacements(workers)
    assert [death.status for death in application.records("on_dead_worker")] == [5, 5]
    application.until(lambda: not zombies(application.pid), "the reaping of all orphans")
    assert application.stop() == 0


def test_workers_leave_no_zombies(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "0", "4", method=method)
    workers = application.wait_for_workers(4)
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
    application.wait_for_replacements(workers)
    application.until(lambda: not zombies(application.pid), "the reaping of all workers")
    assert application.stop() == 0

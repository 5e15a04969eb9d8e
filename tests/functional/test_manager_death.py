"""What is left when the manager dies without a word: nothing but daemons."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.functional import procfs
from tests.functional.harness import APPS, Application, Launch


@pytest.mark.portable
def test_workers_end_gracefully_after_sigkill(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "3", "3", method=method)
    workers = application.wait_for_workers(6)
    assert application.stop(signal.SIGKILL) == -signal.SIGKILL
    assert {record.pid for record in application.records("terminate")} == set(workers.values())
    assert len(application.records("init")) == 6


@pytest.mark.parametrize("way", ["exit", "segv", "thread"])
def test_nothing_is_left_of_a_manager_that_dies_in_a_hook(
    launch: Launch, method: str, way: str
) -> None:
    application = launch("dying", "in_hook", way, method=method)
    workers = application.wait_for_workers(3)
    status = application.stop(signal.SIGHUP)
    assert status == (-signal.SIGSEGV if way == "segv" else 3)
    assert {record.pid for record in application.records("terminate")} == set(workers.values())


def _has_log_relay(application: Application) -> bool:
    titles = (f"/proc/{process.pid}/cmdline" for process in application.living())
    return any(b"log relay" in Path(title).read_bytes() for title in titles)


def test_nothing_is_left_after_an_unhandled_exception(launch: Launch, method: str) -> None:
    application = launch("dying", "in_handler", method=method)
    workers = application.wait_for_workers(3)
    # Until then the manager forks, and Python ignores what a handler raises in a hook of a fork.
    application.until(lambda: _has_log_relay(application), "the log relay")
    application.wait_for_state(application.pid, "S")
    assert application.stop(signal.SIGUSR1) == 1
    assert {record.pid for record in application.records("terminate")} == set(workers.values())


def test_helpers_go_and_daemons_stay_after_sigkill(launch: Launch, method: str) -> None:
    application = launch("dying", "with_children", method=method)
    application.wait_for_workers(3)
    children = application.wait_for("children", 2)
    application.wait_for("orphan")
    daemons = [record.daemon for record in children]
    application.send(signal.SIGKILL)
    application.wait()
    application.wait_until_gone(*daemons)
    assert all(procfs.alive(daemon) for daemon in daemons)


def test_daemons_stay_after_sigterm(launch: Launch) -> None:
    application = launch("dying", "with_children")
    application.wait_for_workers(3)
    children = application.wait_for("children", 2)
    application.wait_for("orphan")
    daemons = [record.daemon for record in children]
    application.send(signal.SIGTERM)
    assert application.wait() == 0
    application.wait_until_gone(*daemons)
    assert all(procfs.alive(daemon) for daemon in daemons)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_daemon_with_every_descriptor_delays_nothing(
    launch: Launch, method: str, number: int
) -> None:
    """Neither the news of a worker's death nor that of the manager's."""
    application = launch("dying", "leaving", method=method)
    workers = application.wait_for_workers(3)
    application.wait_for("daemon", 2)
    os.kill(workers["leaving", 0], signal.SIGKILL)
    os.kill(workers["leaving", 1], signal.SIGTERM)
    del workers["web", 0]
    workers = application.wait_for_replacements(workers)
    application.wait_for("daemon", 4)
    daemons = {record.pid for record in application.records("daemon")}
    application.send(number)
    assert application.wait() == (0 if number == signal.SIGTERM else -number)
    application.wait_until_gone(*daemons)
    assert {record.pid for record in application.records("terminate")} >= set(workers.values())
    assert all(procfs.alive(daemon) for daemon in daemons)


@pytest.mark.parametrize("count", [1, 10])
def test_killed_while_workers_start(launch: Launch, method: str, count: int) -> None:
    application = launch("plain", "2", "40", "0", method=method)
    application.wait_for("init", 1 if method == "spawn" else count)
    application.stop(signal.SIGKILL)


@pytest.mark.parametrize("pause", [0, 0.02, 0.05, 0.1, 0.15])
def test_killed_at_any_time_of_construction(launch: Launch, pause: float) -> None:
    application = launch("plain", "1", "20", "0")
    signal.sigtimedwait((), 0.05 + pause)
    os.kill(application.pid, signal.SIGKILL)
    application.wait()
    application.wait_until_gone()


def _killed_or_unborn(application: Application) -> bool:
    return bool(application.records("signal")) or len(application.records("init")) == 3


@pytest.mark.parametrize("first", range(0, 800, 200))
def test_killed_at_a_call_of_construction_or_start(launch: Launch, first: int) -> None:
    """Whatever the manager did last, the deaf workers that it has started are gone."""
    number = str(int(signal.SIGKILL))
    applications = [
        launch("stopping", "signal_at_call", number, str(call), "3")
        for call in range(first + 20, first + 220, 20)
    ]
    for application in applications:
        # If there were fewer calls, then at the moment when all workers are there.
        application.until(partial(_killed_or_unborn, application), "SIGKILL")
        with suppress(ProcessLookupError):
            application.send(signal.SIGKILL)
    for application in applications:
        application.wait()
        application.wait_until_gone()


def test_killed_between_a_workers_fork_and_anything_else(launch: Launch) -> None:
    application = launch("dying", "at_a_workers_fork")
    application.wait_for("manager")
    application.send(signal.SIGHUP)
    application.wait_for("init", service="moved")
    assert application.wait() == -signal.SIGKILL
    application.wait_until_gone()


@pytest.mark.parametrize("number", ["1", "2"])
def test_killed_right_after_a_first_fork(launch: Launch, number: str) -> None:
    """The guardian's, then that of a worker which is deaf and out of the group."""
    application = launch("dying", "at_a_first_fork", number)
    assert application.wait() == -signal.SIGKILL
    application.wait_until_gone()
    assert len(application.records("init")) == int(number) - 1


def test_killed_while_workers_are_constructed(launch: Launch, method: str) -> None:
    application = launch("dying", "gated", "3", method=method)
    (application.directory / "gate-init").touch()
    application.wait_for("init", 3)
    application.stop(signal.SIGKILL)


def test_killed_during_shutdown(launch: Launch, method: str) -> None:
    application = launch("dying", "gated", "3", method=method)
    (application.directory / "gate-end").touch()
    application.wait_for_workers(3)
    application.send(signal.SIGTERM)
    application.wait_for("terminate", 3)
    application.stop(signal.SIGKILL)
    assert len(application.records("terminate")) == 3


def test_raised_grace_holds_after_a_killed_manager(launch: Launch) -> None:
    application = launch("stopping", "changed_grace", "1", "3600")
    workers = application.wait_for_workers(2)
    gate = application.directory / "gate-end"
    gate.touch()
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    application.send(signal.SIGKILL)
    application.wait_for("terminate", 2)
    signal.sigtimedwait((), 2.5)
    assert application.workers() == workers
    gate.unlink()
    application.wait_until_gone()
    assert len(application.records("terminated")) == 2


def test_lowered_grace_holds_after_a_killed_manager(launch: Launch) -> None:
    application = launch("deaf", "session_ignore", "3600", environment={"LATER_GRACE": "1"})
    application.wait_for("deaf", 2)
    application.send(signal.SIGHUP)
    application.wait_for("lowered")
    application.stop(signal.SIGKILL)


def test_killed_during_reload(launch: Launch, method: str) -> None:
    application = launch("dying", "gated", "3", method=method)
    (application.directory / "gate-end").touch()
    application.wait_for_workers(3)
    application.send(signal.SIGHUP)
    application.wait_for("terminate")
    application.stop(signal.SIGKILL)
    assert len(application.records("init")) == 3


def test_killed_under_a_subreaper(launch: Launch, method: str) -> None:
    """Orphans get another parent than process 1."""
    prefix = (sys.executable, str(APPS / "subreaper.py"))
    application = launch("plain", "2", "2", "2", method=method, prefix=prefix)
    workers = application.wait_for_workers(4)
    application.send(signal.SIGKILL)
    assert application.wait() == signal.SIGKILL
    application.wait_until_gone()
    assert {record.pid for record in application.records("terminate")} == set(workers.values())


def test_worker_under_a_subreaper_lives_on(launch: Launch) -> None:
    prefix = (sys.executable, str(APPS / "subreaper.py"))
    application = launch("plain", "2", "2", "0", prefix=prefix)
    workers = application.wait_for_workers(2)
    signal.sigtimedwait((), 0.3)
    assert application.workers() == workers
    application.send(signal.SIGTERM)
    assert application.wait() == 0
    application.wait_until_gone()


def test_killed_workers_leave_helpers_to_the_end_only(launch: Launch) -> None:
    """What a dead worker left in the group is gone once the manager is."""
    application = launch("dying", "with_children")
    workers = application.wait_for_workers(3)
    application.wait_for("orphan")
    os.kill(workers["stubborn", 0], signal.SIGKILL)
    application.wait_for("orphan", 2)
    daemons = [record.daemon for record in application.wait_for("children", 2)]
    application.send(signal.SIGKILL)
    application.wait()
    application.wait_until_gone(*daemons)

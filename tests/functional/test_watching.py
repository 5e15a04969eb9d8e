"""Workers that hang are found, say where, and are replaced; those that live are let live."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.control_groups import limited
from tests.functional.harness import Application, Launch, Record

HANGS = ["silent", "gil", "stopped"]
METHODS = ["fork", "forkserver", "spawn"]


def told(application: Application, kind: str) -> Record:
    return application.wait_for_one("told", kind=kind)


def watched(launch: Launch, way: str, method: str = "fork", **options: Any) -> Application:
    arguments = [f"{name}={value}" for name, value in options.items()]
    return launch("watched", way, *arguments, method=method)


# -- while it runs


@pytest.mark.portable
@pytest.mark.parametrize("way", HANGS)
def test_a_worker_that_hangs_is_dumped_ended_and_replaced(
    launch: Launch, method: str, way: str
) -> None:
    watchdog = "service" if way == "silent" else "process"
    application = watched(launch, way, method, watchdog=watchdog, watchdog_timeout=0.5)
    hung = told(application, "worker_hung")
    assert hung.e_waited_for == "heartbeat"
    assert "lifecycle.py" in hung.e_dump
    exited = told(application, "worker_exited")
    assert (exited.e_cause, exited.e_asked) == ("hung", False)
    assert exited.e_status["signal"] == signal.SIGABRT
    assert exited.e_pid == hung.e_pid
    application.wait_for("run", 2)
    assert application.stop() == 0


def test_one_that_blocks_all_signals_is_killed_without_a_dump(launch: Launch) -> None:
    application = watched(launch, "gil_deaf", watchdog_timeout=0.5)
    hung = told(application, "worker_hung")
    exited = told(application, "worker_exited")
    assert exited.e_status["signal"] == signal.SIGKILL
    assert (exited.e_cause, exited.e_forced) == ("hung", True)
    assert hung.e_dump == ""
    assert application.stop() == 0


def test_stacks_name_the_line_where_it_hangs(launch: Launch) -> None:
    application = watched(launch, "gil", watchdog_timeout=0.5)
    assert "in hold_gil" in told(application, "worker_hung").e_dump
    assert application.stop() == 0


def test_another_signal_may_be_chosen(launch: Launch) -> None:
    application = watched(launch, "gil", watchdog_timeout=0.5, watchdog_signal="SIGQUIT")
    assert told(application, "worker_exited").e_status["signal"] == signal.SIGQUIT
    assert application.stop() == 0


@pytest.mark.parametrize("watchdog", ["process", "service"])
def test_whoever_gives_signs_of_life_lives(launch: Launch, method: str, watchdog: str) -> None:
    application = watched(launch, "beat", method, watchdog=watchdog, watchdog_timeout=1, workers=3)
    before = application.wait_for_workers(3)
    _let_pass(application, 4)
    assert application.workers() == before
    assert not application.records("told", kind="worker_hung")
    assert application.stop() == 0


@pytest.mark.parametrize("watchdog", ["process", "service"])
@pytest.mark.parametrize("first", ["manager", "workers"])
def test_a_machine_that_stood_still_finds_its_workers_alive(
    launch: Launch, watchdog: str, first: str
) -> None:
    """Manager and workers are stopped for three times the watchdog's time."""
    application = watched(launch, "beat", watchdog=watchdog, watchdog_timeout=1, workers=3)
    before = application.wait_for_workers(3)
    told(application, "manager_ready")
    groups = {"manager": [application.manager], "workers": list(before.values())}
    for pid in [*groups["workers"], *groups["manager"]]:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3)
    for pid in groups[first] + groups["workers" if first == "manager" else "manager"]:
        os.kill(pid, signal.SIGCONT)
    _let_pass(application, 3)
    assert application.workers() == before
    assert not application.records("told", kind="worker_hung")
    assert application.stop() == 0


def test_workers_that_get_hardly_any_processor_are_let_live(launch: Launch) -> None:
    """One in twenty of its moments, for busy workers and the manager together."""
    quota, period = "5000", "100000"
    v1 = {"cpu.cfs_period_us": period, "cpu.cfs_quota_us": quota}
    with limited("cpu", v1, {"cpu.max": f"{quota} {period}"}) as group:
        application = watched(launch, "busy", watchdog_timeout=4, workers=2)
        before = application.wait_for_workers(2)
        told(application, "manager_ready")
        for pid in (application.manager, *before.values()):
            (group / "cgroup.procs").write_text(str(pid))
        _let_pass(application, 13)
        assert application.workers() == before
        assert not application.records("told", kind="worker_hung")


def _let_pass(application: Application, seconds: float) -> None:
    """The manager goes on for so long, by its own clock."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert procfs.alive(application.manager), application.report()
        time.sleep(0.05)


# -- while it starts


@pytest.mark.portable
@pytest.mark.parametrize("way", ["constructor", "constructor_gil"])
def test_a_start_that_hangs_is_dumped_and_tried_again(
    launch: Launch, method: str, way: str
) -> None:
    application = watched(launch, way, method, start_timeout=3)
    hung = told(application, "worker_hung")
    assert hung.e_waited_for == "readiness"
    assert "in stuck_in_constructor" in hung.e_dump or "in gil_in_constructor" in hung.e_dump
    exited = told(application, "worker_exited")
    assert (exited.e_cause, exited.e_phase) == ("start timeout", "boot")
    application.wait_for("run")
    assert application.stop() == 0


def test_a_start_may_ask_for_longer(launch: Launch, method: str) -> None:
    application = watched(launch, "constructor_longer", method, start_timeout=2)
    application.wait_for("run")
    assert not application.records("told", kind="worker_hung")
    assert len(application.records("init")) == 1
    assert application.stop() == 0


@pytest.mark.portable
def test_the_manager_is_ready_when_the_worker_says_so(launch: Launch, method: str) -> None:
    application = launch(
        "watched", "notified", "ready_when=notified", method=method, files={"gate-ready": ""}
    )
    application.wait_for("run")
    _let_pass(application, 0.5)
    assert not application.records("told", kind="worker_ready")
    assert not application.records("told", kind="manager_ready")
    (application.directory / "gate-ready").unlink()
    told(application, "manager_ready")
    status = told(application, "worker_status")
    assert status.e_text == "about to be ready"
    assert application.stop() == 0


# -- at its end


@pytest.mark.parametrize("way", ["terminate", "terminate_gil"])
def test_an_end_that_takes_too_long_is_dumped(launch: Launch, method: str, way: str) -> None:
    application = watched(launch, way, method, grace=1, manager_grace=20)
    application.wait_for("run")
    assert application.stop() == 0
    (hung,) = application.records("told", kind="worker_hung")
    assert hung.e_waited_for == "end"
    assert "in terminate" in hung.e_dump
    (exited,) = application.records("told", kind="worker_exited")
    assert exited.e_asked


def test_an_end_may_ask_for_longer(launch: Launch) -> None:
    application = launch(
        "watched", "terminate_longer", "grace=1", "manager_grace=60", files={"gate-terminate": ""}
    )
    application.wait_for("run")
    application.send(signal.SIGTERM)
    application.wait_for("terminate")
    _let_pass(application, 2.5)
    (application.directory / "gate-terminate").unlink()
    assert application.wait() == 0
    assert not application.records("told", kind="worker_hung")
    (exited,) = application.records("told", kind="worker_exited")
    assert exited.e_status["code"] == 0

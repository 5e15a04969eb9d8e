"""Services of coroutines, and how long a service has to end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.functional.harness import Launch
from tests.functional.test_worker_ends import STATUSES


@pytest.fixture(params=["fork", "spawn"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("where", ["run", "terminate", "reload", "task"])
@pytest.mark.portable
def test_status(launch: Launch, method: str, where: str) -> None:
    ways = STATUSES
    if where == "task":
        # what other exceptions of a task mean is up to those who wait for it
        ways = {way: STATUSES[way] for way in STATUSES if way not in ("exception", "generator")}
    application = launch("coroutines", "method", where, method=method)
    added = {record.id: record.way for record in application.wait_for("added", len(STATUSES))}
    if where in ("terminate", "reload"):
        number = signal.SIGTERM if where == "terminate" else signal.SIGHUP
        for way in ways:
            os.kill(application.wait_for_one("run", way=way).pid, number)
    for service_id, way in added.items():
        if way in ways:
            application.wait_for_one("on_dead_worker", id=service_id)
    seen = {(added[death.id], death.status) for death in application.records("on_dead_worker")}
    assert seen == set(ways.items())
    assert application.stop() == 0


@pytest.mark.parametrize("keeps", ["0", "1"])
@pytest.mark.portable
def test_a_loop_that_handles_signals_itself(launch: Launch, method: str, keeps: str) -> None:
    application = launch("coroutines", "own_loop", keeps, method=method)
    (worker,) = application.wait_for_workers(1).values()
    if int(keeps):
        os.kill(worker, signal.SIGUSR1)
        application.wait_for_one("usr1")
    application.send(signal.SIGHUP)
    application.wait_for_one("reload", pid=worker)
    assert application.stop() == 0
    assert application.records("terminate", pid=worker)


def test_a_stop_while_such_a_loop_is_made(launch: Launch, method: str) -> None:
    application = launch("coroutines", "own_loop", "1", method=method, files={"gate-init": ""})
    application.wait_for_one("taken")
    application.send(signal.SIGTERM)
    application.wait_for_one("on_terminate")
    (application.directory / "gate-init").unlink()
    assert application.wait() == 0
    assert len(application.records("terminate")) == 1


@pytest.mark.parametrize("returns", ["0", "1"])
@pytest.mark.portable
def test_everything_happens_on_one_loop(launch: Launch, method: str, returns: str) -> None:
    application = launch("coroutines", "watched", returns, method=method)
    application.wait_for_one("run")
    application.send(signal.SIGHUP)
    application.wait_for_one("reloaded")
    assert application.stop() == 0
    seen = application.records()
    assert [record.event for record in seen if record.pid != application.pid] == [
        "init",
        "run",
        "reload",
        "reloaded",
        "terminate",
        "terminated",
        "cancelled",
        "generator closed",
    ]
    assert {record.loops for record in seen if "loops" in record} == {1}


def test_terminate_waits_for_reload(launch: Launch, method: str) -> None:
    application = launch("coroutines", "watched", "0", method=method)
    worker = application.wait_for_one("run").pid
    application.write("gate-reload", "")
    os.kill(worker, signal.SIGHUP)
    application.wait_for_one("reload")
    os.kill(worker, signal.SIGTERM)
    signal.sigtimedwait((), 0.2)
    assert not application.records("terminate")
    (application.directory / "gate-reload").unlink()
    assert application.wait_for_one("on_dead_worker").status == 0
    order = [record.event for record in application.records() if record.pid == worker]
    assert order.index("reloaded") < order.index("terminate")
    assert application.stop() == 0


def test_a_stop_during_the_construction_finds_run_begun(launch: Launch, method: str) -> None:
    application = launch("coroutines", "watched", "0", method=method, files={"gate-init": ""})
    worker = application.wait_for_one("init").pid
    os.kill(worker, signal.SIGTERM)
    (application.directory / "gate-init").unlink()
    assert application.wait_for_one("on_dead_worker").status == 0
    order = [record.event for record in application.records() if record.pid == worker]
    assert order.index("run") < order.index("terminate")
    assert application.stop() == 0


def test_defaults_and_mistakes(launch: Launch, method: str) -> None:
    application = launch("coroutines", "others", method=method)
    ids = {record.name: record.id for record in application.wait_for("added", 3)}
    assert application.wait_for_one("on_dead_worker", id=ids["NoCoroutine"]).status == 1
    application.wait_for_one("on_new_worker", service="Plain")
    stubborn = application.wait_for_one("run", service="Stubborn").pid
    # the default reload() has the worker replaced
    application.send(signal.SIGHUP)
    assert application.wait_for_one("on_dead_worker", id=ids["Plain"]).status == 0
    # what refuses to be cancelled is ended when the grace period is over
    refused = application.wait_for_one("refused", pid=stubborn)
    assert refused.deadline is not None
    assert application.wait_for_one("on_dead_worker", id=ids["Stubborn"]).status == 0
    assert application.stop() == 0


@pytest.mark.parametrize(("grace", "seconds"), [("", 20), ("7", 7), ("0", None)])
def test_stop_deadline(launch: Launch, method: str, grace: str, seconds: float | None) -> None:
    application = launch("coroutines", "bounded", grace, method=method)
    running = application.wait_for_one("run")
    assert application.wait_for_one("init").deadline is running.deadline is None
    os.kill(running.pid, signal.SIGTERM)
    ending = application.wait_for_one("terminate", pid=running.pid)
    if seconds is None:
        assert ending.deadline is None
    else:
        assert running.at + seconds <= ending.deadline <= ending.at + seconds
    assert application.stop() == 0


COROUTINES = "[cotyledon]\nservices = it\n[service:it]\nservice_type = coroutines\n"


@pytest.mark.portable
def test_a_configuration_may_name_one(launch: Launch, tmp_path: Path) -> None:
    file = tmp_path / "coroutines.conf"
    file.write_text(COROUTINES)
    application = launch("plugin_cli", "run", "--config-file", str(file))
    worker = application.wait_for_one("awaited", method="run").pid
    os.kill(worker, signal.SIGHUP)
    application.wait_for_one("awaited", method="reload", pid=worker)
    assert application.stop() == 0
    application.wait_for_one("awaited", method="terminate", pid=worker)

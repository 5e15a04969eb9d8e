"""Programs written for oslo.service: workers, reloads, ends, and configuration."""

from __future__ import annotations

import os
import signal

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch

RED = "[DEFAULT]\ncolor = red\n"
METHODS = ("fork", "spawn")


def start(launch: Launch, *arguments: str, method: str = "fork", conf: str = "") -> Application:
    return launch("launching", *arguments, method=method, files={"app.conf": RED + conf})


def change(application: Application, conf: str = "") -> None:
    """Change the configuration and tell the manager."""
    application.write("app.conf", RED.replace("red", "blue") + conf)
    application.send(signal.SIGHUP)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.portable
def test_a_reload_replaces_the_workers(launch: Launch, method: str) -> None:
    application = start(launch, "launched", "reload", "Painter", "Plain", method=method)
    before = {record.pid for record in application.wait_for("start", 4, color="red")}
    change(application)
    after = {record.pid for record in application.wait_for("start", 4, color="blue")}
    assert not before & after
    assert not application.records("reset")
    assert application.stop() == 0
    assert application.wait_for_one("end").status == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.portable
def test_mutating_reaches_live_workers(launch: Launch, method: str) -> None:
    application = start(launch, "launched", "mutate", "Painter", "Plain", method=method)
    before = {record.pid for record in application.wait_for("start", 4, color="red")}
    change(application)
    assert {record.pid for record in application.wait_for("reset", 4, color="blue")} == before
    assert application.stop() == 0
    assert len(application.records("start")) == 4


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_knows_the_command_line(launch: Launch, method: str) -> None:
    application = start(launch, "launched", "mutate", "Painter", method=method)
    assert application.wait_for_one("start").argument == "Painter"
    assert application.stop() == 0


def test_services_are_named_after_what_was_launched(launch: Launch) -> None:
    application = start(launch, "launched", "mutate", "Painter", "Unpicklable")
    pids = [record.pid for record in application.wait_for("start", 4)]
    titles = sorted(procfs.title(pid) for pid in pids)
    assert titles == [
        "launching.py: Painter worker(0)",
        "launching.py: Painter worker(1)",
        "launching.py: second worker(0)",
        "launching.py: second worker(1)",
    ]
    assert application.stop() == 0


def test_a_service_that_fails_is_started_again(launch: Launch) -> None:
    application = start(launch, "one", "Failing")
    assert {record.status for record in application.wait_for("death", 2)} == {1}
    assert application.stop() == 0
    assert application.wait_for_one("end").status == 0


def test_a_stop_that_has_to_be_forced(launch: Launch) -> None:
    application = start(launch, "one", "Stuck", conf="graceful_shutdown_timeout = 1\n")
    application.wait_for_one("start")
    status = application.stop()
    assert status == application.wait_for_one("end").status


def test_an_interrupt_ends_at_once(launch: Launch) -> None:
    application = start(launch, "one", "Painter")
    application.wait_for_one("start")
    assert application.stop(signal.SIGINT) == 1


def test_what_has_ended_is_waited_for_again(launch: Launch) -> None:
    application = start(launch, "waited_for_again", "mutate")
    application.wait_for_one("start")
    assert application.stop() == 0
    assert [record.status for record in application.records("end")] == [0, 0]


def test_another_thread_stops_the_launcher(launch: Launch) -> None:
    application = start(launch, "from_thread", "stop")
    application.wait_for("start", 2)
    application.write("go", "")
    assert application.wait() == 0
    application.wait_until_gone()
    assert application.wait_for_one("done").at >= application.wait_for("stop", 2)[-1].at


def test_another_thread_restarts_the_services(launch: Launch) -> None:
    application = start(launch, "from_thread", "restart")
    application.wait_for("start", 2)
    application.write("app.conf", RED.replace("red", "blue"))
    application.write("go", "")
    application.wait_for("reset", 2, color="blue")
    assert application.stop() == 0


def test_restarting_in_the_launching_process(launch: Launch) -> None:
    application = start(launch, "here", "reload")
    first = application.wait_for_one("start", color="red")
    for number in (1, 2):
        change(application)
        again = application.wait_for("start", number, color="blue")[-1]
        assert again.pid == first.pid
    assert len(application.records("stop")) == 2
    assert application.stop() == 0
    assert len(application.records("stop")) == 3


def test_mutating_in_the_launching_process(launch: Launch) -> None:
    application = start(launch, "here", "mutate")
    application.wait_for_one("start", color="red")
    change(application)
    application.wait_for_one("reset", color="blue")
    assert application.stop() == 0
    assert len(application.records("start")) == len(application.records("stop")) == 1


POLICY = """
[cotyledon]
restart_policy = limited
limited_max_restarts = 1
limited_period = 3600

[service:failing]
workers = 1
on_give_up = shutdown
"""


def test_the_configuration_supervises(launch: Launch) -> None:
    application = start(launch, "launched", "reload", "Failing", conf=POLICY)
    assert application.wait() == 3
    application.wait_until_gone()
    assert len(application.records("start")) == 2


def test_the_configuration_lets_workers_live(launch: Launch) -> None:
    strategy = "[service:Painter]\nreload_strategy = in_place\n"
    application = start(launch, "launched", "reload", "Painter", conf=strategy)
    before = {record.pid for record in application.wait_for("start", 2)}
    change(application, strategy)
    assert {record.pid for record in application.wait_for("reset", 2, color="blue")} == before
    assert application.stop() == 0


@pytest.mark.parametrize("restart_method", ["reload", "mutate"])
def test_a_reload_follows_the_configuration(launch: Launch, restart_method: str) -> None:
    application = start(launch, "launched", restart_method, "Painter", "Plain")
    application.wait_for("start", 4)
    change(application, "[service:Painter]\nworkers = 3\ngraceful_shutdown_timeout = 5\n")
    application.wait_for_one("worker", worker_id=2)
    if restart_method == "mutate":
        application.wait_for("reset", 2, service="Painter")
    else:
        application.wait_for("start", 3, service="Painter", color="blue")
    assert application.stop() == 0


def test_a_fault_in_the_configuration_leaves_everything_as_it_is(launch: Launch) -> None:
    application = start(launch, "launched", "reload", "Painter")
    application.wait_for("start", 2)
    change(application, "[service:Painter]\nworkerz = 3\n")
    application.wait_for("on_reload")
    change(application, "[service:Painter]\nworkers = 3\nreload_strategy = in_place\n")
    application.wait_for("reset", 2)
    application.wait_for("start", 3)
    assert application.stop() == 0
    assert len(application.records("start")) == 3


def test_a_worker_alone_is_told_to_reload(launch: Launch) -> None:
    application = start(launch, "one", "Painter")
    pid = application.wait_for_one("start").pid
    os.kill(pid, signal.SIGHUP)
    assert application.wait_for_one("reset").pid == pid
    assert application.stop() == 0

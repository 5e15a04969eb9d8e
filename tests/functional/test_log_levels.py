"""Levels of loggers, set in workers that run."""

from __future__ import annotations

import json
import logging
import os
import signal

import pytest

from cotyledon_core.control.client import Client
from cotyledon_core.control.errors import ControlError
from tests.functional.configured import sections
from tests.functional.controlled import Controlled
from tests.functional.harness import Launch
from tests.functional.test_cli_control import ask, refused

METHODS = ("fork", "forkserver", "spawn")
APP = "app"
"""A logger whose level the service sets itself."""


def logging_service(launch: Launch, workers: int = 2, **options: object) -> Controlled:
    web = {"service_type": "logging", "workers": workers}
    return Controlled(launch, sections(web=web), **options)  # type: ignore[arg-type]


def levels(client: Client, logger: str = APP) -> dict[int, str | None]:
    return {each.worker: each.level for each in client.worker_log_levels("web", logger=logger)}


def replace(running: Controlled, worker: int) -> None:
    """Kill a worker; wait for the process that it gets."""
    old = running.pids()["web", worker]
    os.kill(old, signal.SIGKILL)
    running.application.until(
        lambda: running.pids().get(("web", worker), old) != old, "a replacement"
    )


@pytest.mark.portable
@pytest.mark.parametrize("method", METHODS)
def test_it_holds_in_a_worker_and_its_replacement_until_it_is_reset(
    launch: Launch, method: str
) -> None:
    running = logging_service(launch, method=method)
    pids = running.pids()
    with running.client() as client:
        (told,) = client.worker_log_levels("web", 1, logger=APP, level="DEBUG")
        assert (told.service, told.worker, told.pid) == ("web", 1, pids["web", 1])
        assert (told.logger, told.level, told.effective) == (APP, "DEBUG", "DEBUG")
        assert levels(client) == {0: "WARNING", 1: "DEBUG"}
        assert running.pids() == pids
        replace(running, 1)
        # before its service is made, and after
        assert running.application.records("found", worker_id=1)[-1].level == logging.DEBUG
        running.application.until(lambda: levels(client)[1] == "DEBUG", "the level again")
        assert levels(client)[0] == "WARNING"
        (told,) = client.worker_log_levels("web", 1, logger=APP, level="RESET")
        assert told.level == "WARNING"
        replace(running, 1)
        assert levels(client) == {0: "WARNING", 1: "WARNING"}
    running.stop()


@pytest.mark.parametrize("method", METHODS)
def test_that_of_a_service_holds_in_the_workers_to_come(launch: Launch, method: str) -> None:
    running = logging_service(launch, 1, method=method)
    with running.client() as client:
        client.worker_log_levels("web", logger="other", level="ERROR")
        client.scale("web", 3, wait=True)
        assert levels(client, "other") == {0: "ERROR", 1: "ERROR", 2: "ERROR"}
        # the last order holds, the wider one is behind it
        client.worker_log_levels("web", 1, logger="other", level="INFO")
        client.worker_log_levels("web", 2, logger="other", level="RESET")
        assert levels(client, "other") == {0: "ERROR", 1: "INFO", 2: "NOTSET"}
        client.worker_log_levels(logger="other", level="RESET")
        assert set(levels(client, "other").values()) == {"NOTSET"}
    running.stop()


def test_what_the_application_sets_meanwhile_holds_after_a_reset(launch: Launch) -> None:
    running = logging_service(launch, 1)
    with running.client() as client:
        client.worker_log_levels("web", logger=APP, level="DEBUG")
        running.application.send(signal.SIGHUP)
        running.application.wait_for("configured")
        running.application.until(lambda: levels(client) == {0: "DEBUG"}, "the order's level")
        client.worker_log_levels("web", logger=APP, level="RESET")
        assert levels(client) == {0: "ERROR"}
    running.stop()


def test_one_that_does_not_answer_is_told_later(launch: Launch) -> None:
    running = logging_service(launch)
    stopped = running.pids()["web", 1]
    os.kill(stopped, signal.SIGSTOP)
    try:
        with running.client() as client, running.client() as other:
            assert other.hello().pid == running.application.pid
            found = client.worker_log_levels("web", logger=APP, level="DEBUG")
            assert {each.worker: each.level for each in found} == {0: "DEBUG", 1: None}
            done = ask(running, "log-level", APP, "--service", "web")
            assert done.returncode == 1
            assert "web:0" in done.stdout
            assert "web:1" in done.stderr
            os.kill(stopped, signal.SIGCONT)
            running.application.until(lambda: levels(client)[1] == "DEBUG", "the answer")
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert running.pids()["web", 1] == stopped
    running.stop()


def test_the_manager_s_own_are_not_the_workers(launch: Launch) -> None:
    running = logging_service(launch, 1)
    with running.client() as client:
        assert client.log_level("other", "DEBUG").level == "DEBUG"
        replace(running, 0)
        assert levels(client, "other") == {0: "NOTSET"}
        assert client.log_level("other", "RESET").level == "NOTSET"
    running.stop()


def test_many_questions_at_a_time(launch: Launch) -> None:
    running = logging_service(launch, 3)
    with running.connect() as raw:
        for number in range(8):
            arguments = {"logger": f"logger.{number}", "level": "INFO", "service": "web"}
            request = {"version": 1, "id": number, "command": "worker-log-level"}
            raw.send(json.dumps({**request, "arguments": arguments}).encode() + b"\n")
        answers = {line["id"]: line["result"]["workers"] for line in (raw.line() for _ in range(8))}
    assert sorted(answers) == list(range(8))
    for number, workers in answers.items():
        assert {each["logger"] for each in workers} == {f"logger.{number}"}
        assert [each["level"] for each in workers] == ["INFO"] * 3
    running.stop()


def test_what_is_refused(launch: Launch) -> None:
    program = {"service_type": "program", "command": "/bin/sleep 3600"}
    running = Controlled(launch, sections(web={}, shell=program))
    for arguments, code in (
        ({"service": "shell"}, "failed"),
        ({"service": "absent"}, "unknown_service"),
        ({"service": "web", "worker": 1}, "unknown_worker"),
        ({"logger": "a\nb"}, "bad_request"),
        ({"level": "LOUD"}, "bad_request"),
    ):
        with running.client() as client, pytest.raises(ControlError) as caught:
            client.worker_log_levels(**arguments)  # type: ignore[arg-type]
        assert caught.value.code == code
    with running.client() as client:
        # of all services, those of programs are left out
        (only,) = client.worker_log_levels(level="ERROR")
        assert (only.service, only.logger, only.level) == ("web", "root", "ERROR")

        def fill() -> None:
            for number in range(1000):
                client.worker_log_levels("web", logger=f"{number}" * 300, level="INFO")

        with pytest.raises(ControlError) as caught:
            fill()
        assert caught.value.code == "failed"
        assert client.worker_log_levels("web")[0].level == "ERROR"
    running.stop()


def test_by_the_command(launch: Launch) -> None:
    running = logging_service(launch)
    pids = running.pids()
    done = ask(running, "log-level", APP, "debug", "--service", "web:1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"web:1, pid {pids['web', 1]}: app: DEBUG\n"
    lines = ask(running, "log-level", APP, "--all").stdout.splitlines()
    assert lines[0].startswith("manager: app: NOTSET")
    assert sorted(line.rpartition(" ")[2] for line in lines[1:]) == ["DEBUG", "WARNING"]
    assert len(ask(running, "log-level", APP, "reset", "--service", "web").stdout.split("\n")) == 3
    with running.client() as client:
        assert levels(client) == {0: "WARNING", 1: "WARNING"}
    refused(ask(running, "log-level", APP, "--service", "web:7"), 4, "7")
    running.stop()

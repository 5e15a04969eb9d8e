"""Periodic work with real processes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.harness import Application

pytest.importorskip("futurist")

Launch = Callable[..., Application]


class Configured:
    """Runs one service of the type ``jobs`` from a file that can change."""

    def __init__(self, launch: Launch, file: Path) -> None:
        self._launch = launch
        self._file = file

    def write(self, callables: str, *options: str, workers: int = 1, method: str = "fork") -> None:
        lines = [
            "[cotyledon]",
            "services = it",
            "notifiers = record",
            f"start_method = {method}",
            "[service:it]",
            "service_type = jobs",
            f"workers = {workers}",
            "spacing = 0.05",
            "callables = " + ", ".join(f"periodic_jobs:{name}" for name in callables.split()),
            *options,
        ]
        self._file.write_text("\n".join(lines) + "\n")

    def start(self, **more: object) -> Application:
        return self._launch("plugin_cli", "run", "--config-file", str(self._file), **more)


@pytest.fixture
def configured(launch: Launch, tmp_path: Path) -> Configured:
    return Configured(launch, tmp_path / "periodic.conf")


def test_callables_run_again_and_again(configured: Configured, method: str) -> None:
    configured.write("plain Marked", method=method)
    application = configured.start()
    application.wait_for("plain", 3)
    application.wait_for("often", 3)
    assert len(application.records("made")) == 1
    assert not application.records("seldom")
    assert application.stop() == 0


def test_the_configured_time_stands_above_the_codes(configured: Configured) -> None:
    configured.write(
        "plain Marked", "spacings = Marked.seldom:0.05, Marked.often:0", "jitter = 0.5"
    )
    application = configured.start()
    application.wait_for("seldom", 3)
    assert not application.records("often")
    assert application.stop() == 0


def test_run_immediately(configured: Configured) -> None:
    configured.write("plain Marked", "spacings = plain:3600", "run_immediately = true")
    application = configured.start()
    application.wait_for("plain")
    application.wait_for("seldom")
    assert application.stop() == 0


def test_an_error_is_contained(configured: Configured) -> None:
    configured.write("failing plain")
    application = configured.start()
    application.wait_for("failing", 3)
    application.wait_for("plain", 3)
    assert not application.records("worker_exited")
    assert application.stop() == 0


def test_a_callable_that_ends_the_process_does(configured: Configured) -> None:
    configured.write("plain leaving")
    application = configured.start()
    ended = application.wait_for_one("worker_exited")
    assert ended.status == {"code": 3, "signal": None}
    assert application.stop() == 0


def test_one_that_takes_long_holds_up_no_other(configured: Configured) -> None:
    configured.write("waiting plain")
    application = configured.start(files={"gate-waiting": ""})
    waiting = application.wait_for_one("waiting")
    for _ in range(3):
        last = application.wait_for_later(waiting.at, "plain")
        application.wait_for_later(last.at, "plain")
    assert len(application.records("waiting")) == 1, "it does not overlap with itself"
    (application.directory / "gate-waiting").unlink()
    application.wait_for("waiting", 2)
    assert application.stop() == 0


def test_a_stop_waits_for_what_runs(configured: Configured) -> None:
    configured.write("waiting")
    application = configured.start(files={"gate-waiting": ""})
    application.wait_for("waiting")
    application.send(signal.SIGTERM)
    application.wait_for("manager_stopping")
    assert not application.records("waited")
    (application.directory / "gate-waiting").unlink()
    assert application.wait() == 0
    application.wait_until_gone()
    assert len(application.records("waiting")) == len(application.records("waited")) == 1


def test_what_overruns_the_grace_period_is_ended(configured: Configured) -> None:
    configured.write("waiting", "graceful_shutdown_timeout = 1")
    application = configured.start(files={"gate-waiting": ""})
    application.wait_for("waiting")
    application.stop()
    assert not application.records("waited")


def test_each_callable_runs_in_one_worker(configured: Configured) -> None:
    configured.write("plain Marked failing", "spacings = Marked.seldom:0.05", workers=3)
    application = configured.start()
    names = ("plain", "often", "seldom", "failing")
    pids = {name: {each.pid for each in application.wait_for(name, 3)} for name in names}
    assert all(len(found) == 1 for found in pids.values())
    assert len(set.union(*pids.values())) == 3
    assert application.stop() == 0


def test_a_changed_number_divides_anew(configured: Configured) -> None:
    configured.write("plain failing")
    application = configured.start()
    (pid,) = {application.wait_for_one(name).pid for name in ("plain", "failing")}
    configured.write("plain failing", workers=2)
    application.send(signal.SIGHUP)
    application.wait_for("manager_reloaded")
    before = {record.pid for record in application.wait_for("worker_exited")}
    assert before == {pid}

    def divided() -> bool:
        later = {name: application.records(name)[-1].pid for name in ("plain", "failing")}
        return len({*later.values(), pid}) == 3

    application.until(divided, "a worker for each")
    assert application.stop() == 0


def test_the_work_is_divided_by_the_callable(configured: Configured) -> None:
    configured.write("divided", "partition = work", workers=2)
    application = configured.start()
    for share in ([0, 2], [1, 2]):
        application.wait_for("divided", 2, share=share)
    assert application.stop() == 0


WATCHED = ("watchdog = service", "watchdog_timeout = 2")


def test_a_callable_that_hangs_is_found(configured: Configured) -> None:
    configured.write("waiting", *WATCHED, "run_timeout = 0.1")
    application = configured.start(files={"gate-waiting": ""})
    ended = application.wait_for_one("worker_exited")
    assert ended.cause == "hung"
    (hung,) = application.records("worker_hung")
    assert "wait_at" in hung.dump
    (application.directory / "gate-waiting").unlink()
    application.wait_for("waited")
    assert application.stop() == 0


def test_one_that_only_takes_long_is_no_hung_worker(configured: Configured) -> None:
    configured.write("waiting plain", *WATCHED)
    application = configured.start(files={"gate-waiting": ""})
    began = application.wait_for_one("waiting").at
    application.wait_for_later(began + 4, "plain")
    assert not application.records("worker_exited")
    (application.directory / "gate-waiting").unlink()
    assert application.stop() == 0


def test_a_service_with_periodics_of_its_own(launch: Launch, method: str) -> None:
    application = launch("periodic_jobs", method=method)
    assert {each.worker_id for each in application.wait_for("first", 3)} == {0}
    assert {each.worker_id for each in application.wait_for("second", 3)} == {1}
    assert application.stop() == 0

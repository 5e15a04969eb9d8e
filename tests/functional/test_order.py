"""Services that start after others, and are stopped before them."""

from __future__ import annotations

import os
import signal

import pytest

from tests.functional.harness import Application, Launch


def open_gate(application: Application, name: str) -> None:
    (application.directory / f"gate-{name}").unlink()


@pytest.mark.portable
def test_started_after_and_stopped_before(launch: Launch, method: str) -> None:
    gates = {"gate-ready": "", "gate-terminate": ""}
    application = launch("ordered", "plain", method=method, files=gates)
    application.wait_for_workers(2)
    assert not application.records("init", service="second")
    open_gate(application, "ready")
    application.wait_for_workers(4)
    ready = application.records("ready")
    assert len(ready) == 2
    assert max(r.at for r in ready) < min(
        r.at for r in application.records("init", service="second")
    )
    application.wait_for("manager_ready")
    application.send(signal.SIGTERM)
    application.wait_for("terminate", 2, service="second")
    assert not application.records("terminate", service="first")
    open_gate(application, "terminate")
    application.wait_for("terminate", 2, service="first")
    assert application.wait() == 0
    application.wait_until_gone()


def test_a_stop_before_the_first_is_ready(launch: Launch) -> None:
    application = launch("ordered", "plain", files={"gate-ready": ""})
    application.wait_for_workers(2)
    assert application.stop() == 0
    assert not application.records("init", service="second")
    assert not application.records("manager_ready")


def test_an_end_at_once_keeps_no_order(launch: Launch) -> None:
    application = launch("ordered", "plain", files={"gate-terminate": ""})
    application.wait_for_workers(4)
    assert application.stop(signal.SIGINT) == 1


def test_one_that_waits_in_vain_is_given_up(launch: Launch) -> None:
    """With nothing left to supervise the manager ends by itself."""
    application = launch("ordered", "fails")
    assert application.wait() == 3
    application.wait_until_gone()
    assert {record.service for record in application.records("given_up")} == {"first", "second"}
    assert not application.records("init", service="second")


# -- a stop that waits a while


def test_workers_are_asked_to_end_a_while_after_the_stop(launch: Launch) -> None:
    application = launch("ordered", "plain", "1.0")
    application.wait_for_workers(4)
    application.send(signal.SIGTERM)
    stopping = application.wait_for_one("manager_stopping")
    application.wait_for_one("on_terminate")
    application.send(signal.SIGTERM)
    ended = application.wait_for("terminate", 2, service="second")
    assert min(record.at for record in ended) >= stopping.at + 0.9
    assert application.wait() == 0
    application.wait_until_gone()
    assert len(application.records("on_terminate")) == 1


def test_nothing_is_started_while_a_stop_waits(launch: Launch) -> None:
    application = launch("ordered", "plain", "1.0")
    workers = application.wait_for_workers(4)
    application.send(signal.SIGTERM)
    application.wait_for_one("on_terminate")
    os.kill(workers["second", 0], signal.SIGKILL)
    application.wait_for_one("on_dead_worker")
    assert application.wait() == 0
    application.wait_until_gone()
    assert len(application.records("init")) == 4


def test_an_end_at_once_while_a_stop_waits(launch: Launch) -> None:
    application = launch("ordered", "plain", "9.0")
    application.wait_for_workers(4)
    application.send(signal.SIGTERM)
    application.wait_for_one("on_terminate")
    assert application.stop(signal.SIGINT) == 1
    assert not application.records("terminate")

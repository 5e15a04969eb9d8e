"""``shutdown()``, from wherever an application may call it."""

from __future__ import annotations

import os
import signal

import pytest

from tests.functional.harness import Launch


@pytest.mark.parametrize("kind", ["on_reload", "on_dead_worker", "on_terminate"])
def test_from_a_hook(launch: Launch, method: str, kind: str) -> None:
    application = launch("shutdown", "from_hook", kind, method=method)
    workers = application.wait_for_workers(2)
    if kind == "on_dead_worker":
        os.kill(workers["web", 0], signal.SIGKILL)
    else:
        application.send(signal.SIGHUP if kind == "on_reload" else signal.SIGTERM)
    assert application.wait() == 0
    application.wait_until_gone()
    # A death during the shutdown may be told too.
    assert len(application.records("returned")) == len(application.records("calling")) >= 1
    assert len(application.records("on_terminate")) == 1
    assert len(application.records("terminate")) == (1 if kind == "on_dead_worker" else 2)


def test_from_the_new_worker_hook(launch: Launch) -> None:
    application = launch("shutdown", "from_new_worker_hook")
    application.wait_for("calling")
    assert application.wait() == 0
    application.wait_until_gone()


def test_from_a_signal_handler(launch: Launch) -> None:
    application = launch("shutdown", "from_signal_handler")
    application.wait_for_workers(2)
    application.send(signal.SIGUSR1)
    assert application.wait() == 0
    application.wait_until_gone()
    assert len(application.records("terminate")) == 2


@pytest.mark.portable
def test_from_another_thread_waits_for_the_end(launch: Launch, method: str) -> None:
    application = launch("shutdown", "from_thread", method=method)
    workers = application.wait_for_workers(2)
    application.send(signal.SIGHUP)
    assert application.wait() == 0
    application.wait_until_gone()
    (returned,) = application.records("returned")
    ends = application.records("terminate")
    assert {end.pid for end in ends} == set(workers.values())
    assert returned.at > max(end.at for end in ends)


def test_before_run(launch: Launch, method: str) -> None:
    application = launch("shutdown", "before_run", method=method)
    assert application.wait() == 0
    application.wait_until_gone()
    assert application.records("returned")
    assert not application.records("init")


def test_a_stop_does_not_wait_for_the_starts(launch: Launch, method: str) -> None:
    application = launch("shutdown", "at_the_first_start", method=method)
    assert application.wait() == 0
    application.wait_until_gone()
    (started,) = application.records("started")
    # forks are so quick that many of them are made before signals are looked at
    assert 0 < started["count"] <= (64 if method == "fork" else 8)


@pytest.mark.parametrize("scenario", ["after_the_end", "after_the_end_from_thread"])
def test_after_the_end_does_nothing(launch: Launch, scenario: str) -> None:
    application = launch("shutdown", scenario)
    application.wait_for_workers(1)
    assert application.stop() == 0
    assert application.records("returned")

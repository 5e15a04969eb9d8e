"""Exit statuses of workers, and what follows an end."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.functional.harness import Launch

STATUSES = {
    "none": 0,
    "zero": 0,
    "text": 1,
    "seven": 7,
    "wrapped": 44,
    "negative": 255,
    "exception": 1,
    "interrupt": 1,
    "generator": 1,
}


@pytest.mark.parametrize("where", ["init", "run", "terminate", "reload"])
def test_status(launch: Launch, method: str, where: str) -> None:
    application = launch("ending", "method", where, method=method)
    ways = {record.id: record.way for record in application.wait_for("added", len(STATUSES))}
    if where in ("terminate", "reload"):
        number = signal.SIGTERM if where == "terminate" else signal.SIGHUP
        for way in STATUSES:
            os.kill(application.wait_for_one("run", way=way).pid, number)
    for service_id in ways:
        application.wait_for_one("on_dead_worker", id=service_id)
    seen = {(ways[death.id], death.status) for death in application.records("on_dead_worker")}
    assert seen == set(STATUSES.items())
    assert "a farewell in words" in application.output()
    assert application.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGUSR2])
@pytest.mark.portable
def test_death_by_signal_is_told_once_and_replaced(
    launch: Launch, method: str, number: int
) -> None:
    application = launch("plain", "10", "3", "0", method=method)
    workers = application.wait_for_workers(3)
    for worker_id in range(3):
        os.kill(workers["web", worker_id], number)
    for worker_id in range(3):
        application.wait_for_replacement(workers["web", worker_id], ("web", worker_id))
    deaths = application.wait_for("on_dead_worker", 3)
    assert sorted((death.worker_id, death.status) for death in deaths) == [
        (worker_id, -number) for worker_id in range(3)
    ]
    assert {death.pid for death in deaths} == {application.pid}
    assert application.stop() == 0
    assert len(application.records("on_dead_worker")) <= 6


def test_every_death_is_told_once(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "0", "20", method=method)
    first = application.wait_for_workers(20)
    for pid in first.values():
        os.kill(pid, signal.SIGKILL)
    application.wait_for_replacements(first)
    workers = application.wait_for_workers(20)
    application.wait_for("on_dead_worker", 20)
    told = Counter(death.worker_id for death in application.records("on_dead_worker"))
    assert told == dict.fromkeys(range(20), 1)
    assert set(workers) == set(first)
    assert not application.records("init", predecessor_alive=True)
    assert application.stop() == 0


def test_replacement_has_the_same_id(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "2", "2", method=method)
    workers = application.wait_for_workers(4)
    successor = None
    for number in (signal.SIGTERM, signal.SIGKILL):
        victim = successor or workers["web", 1]
        os.kill(victim, number)
        successor = application.wait_for_replacement(victim, ("web", 1))
    assert {**workers, ("web", 1): successor} == application.workers()
    assert application.stop() == 0


@pytest.mark.portable
def test_returning_run_does_not_end_the_worker(launch: Launch, method: str) -> None:
    application = launch("ending", "returning", method=method)
    workers = application.wait_for_workers(2)
    signal.sigtimedwait((), 0.2)
    assert application.workers() == workers
    os.kill(workers["threaded", 0], signal.SIGTERM)
    assert application.wait_for_one("on_dead_worker").status == 4
    assert application.workers()["threaded", 1] == workers["threaded", 1]
    assert application.stop() == 0


@pytest.mark.portable
def test_output_is_flushed_at_a_normal_end(launch: Launch, method: str) -> None:
    application = launch("ending", "returning", method=method)
    application.wait_for_workers(2)
    assert application.stop() == 0
    assert application.output("stdout").count("said without a flush") == 2


def test_stopped_and_continued_worker_goes_on(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "2", "0", method=method)
    workers = application.wait_for_workers(2)
    for pid in workers.values():
        os.kill(pid, signal.SIGSTOP)
        application.wait_for_state(pid, "T")
        os.kill(pid, signal.SIGCONT)
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    assert application.workers() == workers
    assert not application.records("on_dead_worker")
    assert application.stop() == 0


def test_stopped_and_continued_manager_goes_on(launch: Launch) -> None:
    application = launch("plain", "10", "2", "0")
    workers = application.wait_for_workers(2)
    application.send(signal.SIGSTOP)
    application.wait_for_state(application.pid, "T")
    os.kill(workers["web", 0], signal.SIGKILL)
    application.send(signal.SIGCONT)
    application.wait_for_replacement(workers["web", 0], ("web", 0))
    assert application.workers()["web", 1] == workers["web", 1]
    assert application.stop() == 0

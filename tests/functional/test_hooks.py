"""The four kinds of hooks: where they run, and what a bad one does."""

from __future__ import annotations

import os
import signal

import pytest

from tests.functional.harness import Application, Launch


def names(application: Application) -> list[str]:
    return [record.name for record in application.records("hook")]


@pytest.mark.portable
def test_where_hooks_run_and_what_they_get(launch: Launch, method: str) -> None:
    application = launch("hooks", "looking", method=method)
    workers = application.wait_for_workers(2)
    os.kill(workers["web", 0], signal.SIGKILL)
    application.wait_for_replacement(workers["web", 0], ("web", 0))
    application.send(signal.SIGHUP)
    application.wait_for("hook", name="on_reload")
    assert application.stop() == 0
    arguments = {
        "on_terminate": [],
        "on_reload": [],
        "on_dead_worker": ["UUID", "int", "int"],
        "on_new_worker": ["UUID", "int", "Web"],
    }
    processes = {record.pid for record in application.records("init")}
    for record in application.records("hook"):
        assert record.arguments == arguments[record.name]
        assert record.main_thread
        assert record.pid in (processes if record.name == "on_new_worker" else [application.pid])
    assert set(names(application)) == set(arguments)
    assert names(application).count("on_new_worker") == 3


def test_new_worker_hook_comes_between_construction_and_run(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "2", "0", method=method)
    for pid in application.wait_for_workers(2).values():
        events = [record.event for record in application.records(pid=pid)]
        assert events == ["init", "on_new_worker", "run"]
    assert application.stop() == 0


def test_hooks_come_before_the_workers_are_told(launch: Launch, method: str) -> None:
    application = launch("hooks", "busy_then_leaving", "on_reload", method=method)
    application.wait_for_workers(2)
    application.send(signal.SIGHUP)
    reloads = application.wait_for("reload", 2)
    assert application.stop() == 0
    (reloaded,) = application.records("on_reload")
    assert min(record.at for record in reloads) >= reloaded.at
    (terminating,) = application.records("on_terminate")
    assert min(record.at for record in application.records("terminate")) >= terminating.at


@pytest.mark.parametrize("what", ["exception", "exit", "interrupt", "base"])
@pytest.mark.parametrize("kind", ["on_reload", "on_dead_worker", "on_terminate"])
def test_raising_hook_ends_neither_manager_nor_supervision(
    launch: Launch, kind: str, what: str
) -> None:
    application = launch("hooks", "raising", kind, what)
    workers = application.wait_for_workers(2)
    os.kill(workers["web", 0], signal.SIGKILL)
    application.wait_for_replacement(workers["web", 0], ("web", 0))
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    assert application.stop() == 0
    assert len(application.records("terminate")) == 2
    assert set(names(application)) == {"first", "second"}
    assert not application.records(kind)


def test_exception_in_new_worker_hook_is_survived(launch: Launch, method: str) -> None:
    application = launch("hooks", "raising", "on_new_worker", "exception", method=method)
    workers = application.wait_for_workers(2)
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    assert application.workers() == workers
    assert names(application).count("third") == 0
    assert application.stop() == 0


@pytest.mark.parametrize("what", ["exit", "interrupt", "base"])
def test_exit_in_new_worker_hook_ends_only_that_worker(launch: Launch, what: str) -> None:
    application = launch("hooks", "raising", "on_new_worker", what)
    application.wait_for("hook", 2, name="second")
    assert application.stop() == 0


@pytest.mark.parametrize("way", ["sleep", "gil"])
@pytest.mark.parametrize("kind", ["on_reload", "on_dead_worker", "on_terminate", "on_new_worker"])
def test_term_is_obeyed_while_a_hook_hangs(launch: Launch, kind: str, way: str) -> None:
    application = launch("hooks", "hanging", kind, way)
    if kind == "on_new_worker":
        application.wait_for("hanging", 2)
    else:
        workers = application.wait_for_workers(2)
        if kind == "on_dead_worker":
            os.kill(workers["web", 0], signal.SIGKILL)
        if kind == "on_reload":
            application.send(signal.SIGHUP)
        if kind != "on_terminate":
            application.wait_for("hanging")
    status = application.stop()
    if kind != "on_new_worker":
        assert status == (1 if way == "sleep" else -signal.SIGKILL)


@pytest.mark.parametrize("how", ["term", "shutdown"])
def test_stop_that_was_asked_for_early_is_bound_too(launch: Launch, how: str) -> None:
    application = launch("hooks", "hanging_early", how)
    assert application.wait() == 1
    application.wait_until_gone()
    assert application.records("hanging")
    assert not application.records("init")


@pytest.mark.parametrize(
    ("way", "number"),
    [("sleep", signal.SIGINT), ("sleep", signal.SIGALRM), ("gil", signal.SIGINT)],
)
def test_gone_at_once_while_a_hook_hangs(launch: Launch, way: str, number: int) -> None:
    """A grace period without end does not concern it."""
    application = launch("hooks", "hanging_without_end", way)
    application.wait_for_workers(20)
    application.wait_for("child", 20)
    application.send(signal.SIGHUP)
    application.wait_for("hanging")
    assert application.stop(number) in (1, -signal.SIGKILL)


def test_one_sighup_is_one_reload_hook(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "1", "0", method=method)
    application.wait_for_workers(1)
    for count in range(1, 6):
        application.send(signal.SIGHUP)
        application.wait_for("on_reload", count)
        application.wait_for("reload", count)
    assert application.stop() == 0
    assert len(application.records("on_reload")) == 5
    assert len(application.records("reload")) == 5

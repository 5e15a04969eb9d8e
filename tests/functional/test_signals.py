"""What SIGTERM, SIGINT, SIGALRM and SIGHUP do to a manager and its workers."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch


def terminated(application: Application) -> Counter[int]:
    return Counter(record.pid for record in application.records("terminate"))


@pytest.mark.portable
def test_term_ends_all_gracefully(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "2", "1", method=method)
    workers = application.wait_for_workers(3)
    assert set(workers) == {("web", 0), ("web", 1), ("batch", 0)}
    assert application.stop() == 0
    assert [record.pid for record in application.records("on_terminate")] == [application.pid]
    assert terminated(application) == dict.fromkeys(workers.values(), 1)
    assert len(application.records("init")) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGALRM])
@pytest.mark.portable
def test_int_and_alrm_end_all_at_once(launch: Launch, method: str, number: int) -> None:
    application = launch("plain", "0", "1", "1", method=method)
    application.wait_for_workers(2)
    assert application.stop(number) == 1
    assert not application.records("terminate")
    assert not application.records("on_terminate")


def test_int_and_alrm_end_a_worker_at_once(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "2", "0", method=method)
    workers = application.wait_for_workers(2)
    os.kill(workers["web", 0], signal.SIGINT)
    os.kill(workers["web", 1], signal.SIGALRM)
    deaths = application.wait_for("on_dead_worker", 2)
    assert sorted((death.worker_id, death.status) for death in deaths) == [(0, 1), (1, 1)]
    application.wait_for_workers(2)
    assert application.stop() == 0
    assert not terminated(application).keys() & set(workers.values())


@pytest.mark.parametrize("pause", [0, 0.01, 0.05])
def test_term_twice(launch: Launch, pause: float) -> None:
    application = launch("stopping", "slow_end", "0.3")
    workers = application.wait_for_workers(2)
    application.send(signal.SIGTERM)
    if pause:
        application.wait_for("on_terminate")
        signal.sigtimedwait((), pause)
    application.send(signal.SIGTERM)
    assert application.wait() == 0
    application.wait_until_gone()
    assert len(application.records("on_terminate")) == 1
    assert terminated(application) == dict.fromkeys(workers.values(), 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.portable
def test_a_second_stop_while_the_interpreter_ends(launch: Launch, number: int) -> None:
    application = launch("stopping", "signal_at_exit", str(int(number)))
    application.wait_for_workers(2)
    assert application.stop() == 0
    assert len(application.records("at_exit")) == 1


def test_hup_then_term(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "2", "1", method=method)
    application.wait_for_workers(3)
    application.send(signal.SIGHUP)
    assert application.stop() == 0
    assert len(application.records("on_terminate")) == 1
    assert set(terminated(application).values()) == {1}


def test_term_to_the_whole_group_restarts_nothing(launch: Launch, method: str) -> None:
    """What systemd does by default."""
    application = launch("plain", "10", "3", "3", method=method)
    workers = application.wait_for_workers(6)
    os.killpg(procfs.read(application.pid).pgrp, signal.SIGTERM)
    assert application.wait() == 0
    application.wait_until_gone()
    assert terminated(application) == dict.fromkeys(workers.values(), 1)
    assert len(application.records("init")) == 6


def test_terminate_runs_once_however_many_terms(launch: Launch, method: str) -> None:
    application = launch("stopping", "slow_end", "0.3", method=method)
    workers = application.wait_for_workers(2)
    victim = workers["slow", 0]
    for _ in range(5):
        os.kill(victim, signal.SIGTERM)
    application.wait_for("terminate", pid=victim)
    os.kill(victim, signal.SIGTERM)
    application.wait_for_replacement(victim, ("slow", 0))
    assert len(application.records("terminate", pid=victim)) == 1
    assert application.stop() == 0


CALLS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987]


@pytest.mark.parametrize("call", CALLS)
def test_term_at_a_call_of_construction_or_start(launch: Launch, call: int) -> None:
    """SIGTERM as the manager's n-th function call begins."""
    application = launch("stopping", "signal_at_call", str(signal.SIGTERM.value), str(call), "3")
    application.until(
        lambda: bool(application.records("signal")) or len(application.workers()) == 3,
        "SIGTERM",
    )
    if not application.records("signal"):
        application.send(signal.SIGTERM)
    status = application.wait()
    application.wait_until_gone()
    early = application.records("signal", handled=False)
    assert status == 0 or (early and status == -signal.SIGTERM)


@pytest.mark.parametrize("call", CALLS)
def test_sighup_at_a_call_of_construction_or_start(launch: Launch, call: int) -> None:
    """One SIGHUP, one hook; every worker reloads or is younger."""
    application = launch("stopping", "signal_at_call", str(signal.SIGHUP.value), str(call), "3")

    def settled() -> bool:
        return application.ended or len(application.workers()) == 3

    application.until(settled, "workers or an early end")
    if application.records("signal", handled=False):
        assert application.wait() == -signal.SIGHUP
        return
    moments = application.records("signal")
    if not moments:
        # There were fewer calls until all workers ran.
        assert application.stop() == 0
        return
    application.wait_for("on_reload")
    for pid in application.wait_for_workers(3).values():
        if application.records("init", pid=pid)[0].at < moments[0].at:
            application.wait_for("reload", pid=pid)
    assert application.stop() == 0
    assert len(application.records("on_reload")) == 1
    assert len(application.records("init")) == 3


@pytest.mark.parametrize("moment", ["constructed", "added", "run"])
def test_term_before_run_starts_nothing(launch: Launch, method: str, moment: str) -> None:
    application = launch("stopping", "term_before_run", moment, method=method)
    assert application.wait() == 0
    application.wait_until_gone()
    assert not application.records("init")


@pytest.mark.parametrize("pause", [0, 0.01, 0.03, 0.1, 0.2])
def test_term_at_any_time_of_construction(launch: Launch, pause: float) -> None:
    application = launch("stopping", "term_after", str(pause))
    status = application.wait()
    application.wait_until_gone()
    assert status == 0 or (status == -signal.SIGTERM and not application.records("manager"))


def test_term_while_50_workers_start(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "50", "0", method=method)
    application.wait_for("init", 2)
    assert application.stop() == 0


def test_term_while_1000_workers_start(launch: Launch) -> None:
    application = launch("plain", "10", "1000", "0")
    application.wait_for("init", 5)
    assert application.stop() == 0
    assert len(application.records("init")) < 1000


@pytest.mark.parametrize("where", ["init", "run"])
def test_term_in_a_crash_loop(launch: Launch, where: str) -> None:
    application = launch("stopping", "crash_loop", where)
    application.wait_for("on_dead_worker", 4)
    assert application.stop() == 0


@pytest.mark.parametrize("hook", ["on_reload", "on_dead_worker", "on_terminate"])
def test_term_inside_a_hook(launch: Launch, hook: str) -> None:
    application = launch("stopping", "term_in_hook", hook)
    workers = application.wait_for_workers(2)
    if hook == "on_dead_worker":
        os.kill(workers["slow", 0], signal.SIGKILL)
    else:
        application.send({"on_reload": signal.SIGHUP, "on_terminate": signal.SIGTERM}[hook])
    assert application.wait() == 0
    application.wait_until_gone()
    assert len(application.records("init")) <= 3


def test_term_after_a_storm_of_signals_in_a_hook(launch: Launch) -> None:
    """More signals than any pipe holds, while nobody reads it."""
    application = launch("stopping", "storm_in_hook", "100000")
    application.wait_for_workers(1)
    application.send(signal.SIGHUP)
    application.wait_for("stormed")
    assert application.stop() == 0


def test_term_after_a_storm_from_outside(launch: Launch) -> None:
    application = launch("stopping", "own_handler")
    application.wait_for_workers(1)
    manager = application.manager
    for _ in range(5000):
        for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGCHLD, signal.SIGWINCH):
            os.kill(manager, number)
    assert application.stop() == 0


def test_interrupted_calls_change_nothing(launch: Launch, method: str) -> None:
    application = launch("stopping", "own_handler", method=method)
    workers = application.wait_for_workers(1)
    for count in range(1, 21):
        application.send(signal.SIGUSR1)
        application.wait_for("own_handler", count, pid=application.pid)
    assert application.workers() == workers
    assert application.stop() == 0


def test_own_handler_works_in_manager_and_worker(launch: Launch) -> None:
    application = launch("stopping", "own_handler")
    workers = application.wait_for_workers(1)
    for pid in (application.pid, *workers.values()):
        os.kill(pid, signal.SIGUSR1)
        application.wait_for("own_handler", pid=pid)
    assert application.workers() == workers
    assert application.stop() == 0


@pytest.mark.portable
def test_worker_that_overruns_its_own_grace_is_forced(launch: Launch, method: str) -> None:
    application = launch("stopping", "overrun", "30", "1", method=method)
    application.wait_for_workers(1)
    assert application.stop() == 0


def test_managers_bound_holds_over_an_endless_service(launch: Launch, method: str) -> None:
    application = launch("stopping", "overrun", "1", "0", method=method)
    application.wait_for_workers(1)
    assert application.stop() == 1


def test_grace_of_zero_waits(launch: Launch) -> None:
    application = launch("stopping", "gated_end", "0")
    (worker,) = application.wait_for_workers(1).values()
    gate = application.directory / "gate-end"
    gate.touch()
    application.send(signal.SIGTERM)
    application.wait_for("terminate")
    signal.sigtimedwait((), 1)
    assert procfs.alive(worker)
    assert procfs.alive(application.pid)
    gate.unlink()
    assert application.wait() == 0
    application.wait_until_gone()


def test_raised_grace_holds_for_workers_that_live(launch: Launch) -> None:
    application = launch("stopping", "changed_grace", "1", "3600")
    workers = application.wait_for_workers(2)
    gate = application.directory / "gate-end"
    gate.touch()
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    application.send(signal.SIGTERM)
    application.wait_for("terminate", 2)
    signal.sigtimedwait((), 2)
    assert application.workers() == workers
    gate.unlink()
    assert application.wait() == 0
    application.wait_until_gone()
    assert len(application.records("terminated")) == 2


@pytest.mark.portable
def test_nothing_to_do_runs_on_until_told(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "0", "0", method=method)
    application.wait_for("manager")
    signal.sigtimedwait((), 0.3)
    assert procfs.alive(application.pid)
    assert application.stop() == 0


def test_signals_to_a_newborn_worker_reach_only_it(launch: Launch, method: str) -> None:
    """A worker that has not come to our code yet: its signals are its own."""
    application = launch("newborn", method=method)
    workers = application.wait_for_workers(2)
    # The first death is logged, for which the manager may fork too.
    os.kill(workers["web", 1], signal.SIGKILL)
    application.wait_for_replacement(workers["web", 1], ("web", 1))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        before = len(application.records("newborn"))
        gate = application.directory / "gate-newborn"
        gate.touch()
        os.kill(workers["web", 0], signal.SIGKILL)
        newborn = application.wait_for("newborn", before + 1)[-1].pid
        os.kill(newborn, number)
        signal.sigtimedwait((), 0.05)
        gate.unlink()
        workers = application.wait_for_workers(2)
        if number == signal.SIGTERM:
            application.wait_for_end_of(newborn)
            workers = application.wait_for_workers(2)
        if number == signal.SIGHUP and workers["web", 0] == newborn:
            application.wait_for("reload", pid=newborn)
    assert not application.records("on_reload")
    assert not application.records("on_terminate")
    assert application.stop() == 0

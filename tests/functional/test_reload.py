"""SIGHUP: who reloads, who is replaced, and when."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.functional import procfs
from tests.functional.harness import Launch


@pytest.mark.portable
def test_reload_in_place_or_replacement(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "2", "2", method=method)
    workers = application.wait_for_workers(4)
    application.send(signal.SIGHUP)
    reloads = application.wait_for("reload", 2)
    for worker_id in range(2):
        application.wait_for_replacement(workers["batch", worker_id], ("batch", worker_id))
    assert {record.pid for record in reloads} == set(application.workers(service="web").values())
    assert application.workers(service="web").items() <= workers.items()
    assert len(application.records("on_reload")) == 1
    assert application.stop() == 0
    assert not application.records("init", predecessor_alive=True)
    assert all(death.status == 0 for death in application.records("on_dead_worker"))


def test_sighup_to_one_worker(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "1", "1", method=method)
    workers = application.wait_for_workers(2)
    os.kill(workers["web", 0], signal.SIGHUP)
    application.wait_for("reload", pid=workers["web", 0])
    os.kill(workers["batch", 0], signal.SIGHUP)
    application.wait_for_replacement(workers["batch", 0], ("batch", 0))
    assert application.workers()["web", 0] == workers["web", 0]
    assert not application.records("on_reload")
    assert application.stop() == 0


def test_sighup_to_the_whole_group(launch: Launch) -> None:
    """A closed terminal, or a careless operator."""
    application = launch("plain", "10", "2", "2")
    workers = application.wait_for_workers(4)
    os.killpg(procfs.read(application.pid).pgrp, signal.SIGHUP)
    for worker_id in range(2):
        application.wait_for("reload", pid=workers["web", worker_id])
        application.wait_for_replacement(workers["batch", worker_id], ("batch", worker_id))
    assert application.workers(service="web").items() <= workers.items()
    assert application.stop() == 0


def test_sighup_during_construction_leads_to_a_reload(launch: Launch, method: str) -> None:
    gate = None
    application = launch("reloading", "services", "gated", method=method)
    application.wait_for_workers(2)
    gate = application.directory / "gate-init"
    gate.touch()
    workers = application.workers()
    os.kill(workers["gated", 0], signal.SIGKILL)
    newborn = application.wait_for("init", 3)[-1].pid
    application.send(signal.SIGHUP)
    application.wait_for("on_reload")
    application.wait_for("reload", pid=workers["gated", 1])
    gate.unlink()
    application.wait_for("reload", pid=newborn)
    assert procfs.alive(newborn)
    assert application.stop() == 0


def test_sighup_during_construction_replaces(launch: Launch, method: str) -> None:
    application = launch("reloading", "services", "batch", method=method)
    workers = application.wait_for_workers(2)
    gate = application.directory / "gate-init"
    gate.touch()
    os.kill(workers["batch", 0], signal.SIGKILL)
    newborn = application.wait_for("init", 3)[-1].pid
    application.send(signal.SIGHUP)
    application.wait_for("on_reload")
    gate.unlink()
    application.wait_for_end_of(newborn)
    application.wait_for_replacement(workers["batch", 1], ("batch", 1))
    successors = application.wait_for_workers(2)
    assert not set(successors.values()) & {newborn, *workers.values()}
    assert application.stop() == 0
    assert not application.records("init", predecessor_alive=True)


def test_sighup_during_reload_leads_to_another(launch: Launch, method: str) -> None:
    application = launch("reloading", "services", "gated", method=method)
    workers = application.wait_for_workers(2)
    gate = application.directory / "gate-reload"
    gate.touch()
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    for count in (2, 3, 4):
        application.send(signal.SIGHUP)
        application.wait_for("on_reload", count)
    last = time.monotonic()
    gate.unlink()
    for pid in workers.values():
        application.wait_for_later(last, "reload", pid=pid)
    assert application.workers() == workers
    assert application.stop() == 0
    for pid in workers.values():
        events = [
            record.event
            for record in application.records(pid=pid)
            if record.event in ("reload", "reloaded")
        ]
        assert events == ["reload", "reloaded"] * (len(events) // 2)


def test_storm_of_sighups(launch: Launch) -> None:
    application = launch("reloading", "slow_hook")
    workers = application.wait_for_workers(4)
    for _ in range(50):
        application.send(signal.SIGHUP)
        signal.sigtimedwait((), 0.01)
    last = time.monotonic()
    application.send(signal.SIGHUP)
    for worker_id in range(2):
        application.wait_for_later(last, "reload", pid=workers["gated", worker_id])
        application.wait_for_later(last, "run", service="batch", worker_id=worker_id)
    application.wait_for_workers(4)
    assert application.workers(service="gated").items() <= workers.items()
    assert application.stop() == 0
    assert 1 <= len(application.records("on_reload")) <= 51
    assert not application.records("init", predecessor_alive=True)


def test_every_worker_reloads_or_is_younger_after_deaths(launch: Launch, method: str) -> None:
    application = launch("plain", "10", "6", "0", method=method)
    workers = application.wait_for_workers(6)
    for worker_id in range(0, 6, 2):
        os.kill(workers["web", worker_id], signal.SIGKILL)
    moment = time.monotonic()
    application.send(signal.SIGHUP)

    def all_know() -> bool:
        living = application.workers()
        return len(living) == 6 and all(
            any(
                record.at > moment
                for record in application.records(pid=pid)
                if record.event in ("init", "reload")
            )
            for pid in living.values()
        )

    application.until(all_know, "everybody's reload")
    assert application.stop() == 0


def test_sighup_while_50_workers_start(launch: Launch) -> None:
    application = launch("plain", "10", "50", "0")
    application.wait_for("init", 5)
    moment = time.monotonic()
    application.send(signal.SIGHUP)

    def all_know() -> bool:
        told = {record.pid for record in application.records("reload")}
        young = {record.pid for record in application.records("init") if record.at > moment}
        living = application.workers()
        return len(living) == 50 and set(living.values()) <= told | young

    application.until(all_know, "everybody's reload")
    assert application.stop() == 0
    assert len(application.records("init")) == 50


def test_term_during_reload_waits_for_it(launch: Launch, method: str) -> None:
    application = launch("reloading", "services", "gated", method=method)
    workers = application.wait_for_workers(2)
    gate = application.directory / "gate-reload"
    gate.touch()
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    application.send(signal.SIGTERM)
    application.wait_for("on_terminate")
    signal.sigtimedwait((), 0.1)
    assert not application.records("terminate")
    gate.unlink()
    assert application.wait() == 0
    application.wait_until_gone()
    for pid in workers.values():
        events = [record.event for record in application.records(pid=pid)]
        assert events[-3:] == ["reload", "reloaded", "terminate"]


def test_no_reload_beside_terminate(launch: Launch, method: str) -> None:
    application = launch("reloading", "services", "gated", method=method)
    workers = application.wait_for_workers(2)
    gate = application.directory / "gate-end"
    gate.touch()
    os.kill(workers["gated", 0], signal.SIGTERM)
    application.wait_for("terminate")
    os.kill(workers["gated", 0], signal.SIGHUP)
    application.send(signal.SIGHUP)
    application.wait_for("reload", pid=workers["gated", 1])
    gate.unlink()
    application.wait_for_replacement(workers["gated", 0], ("gated", 0))
    assert not application.records("reload", pid=workers["gated", 0])
    assert application.stop() == 0


def test_stuck_reload_does_not_hold_up_a_stop(launch: Launch, method: str) -> None:
    application = launch("reloading", "services", "stuck", method=method)
    application.wait_for_workers(2)
    application.send(signal.SIGHUP)
    application.wait_for("reload", 2)
    assert application.stop() == 0


def test_sighup_during_replacement_never_doubles_a_worker(launch: Launch) -> None:
    application = launch("reloading", "services", "batch")
    workers = application.wait_for_workers(2)
    gate = application.directory / "gate-end"
    gate.touch()
    application.send(signal.SIGHUP)
    application.wait_for("terminate")
    application.send(signal.SIGHUP)
    application.wait_for("on_reload", 2)
    assert application.workers() == workers
    gate.unlink()
    for worker_id in range(2):
        application.wait_for_replacement(workers["batch", worker_id], ("batch", worker_id))
    application.wait_for_workers(2)
    assert application.stop() == 0
    assert not application.records("init", predecessor_alive=True)


def test_crashing_worker_and_sighups(launch: Launch) -> None:
    application = launch("reloading", "services", "crashing", "gated")
    application.wait_for("on_dead_worker", 2)
    for count in range(1, 6):
        application.send(signal.SIGHUP)
        application.wait_for("reload", 2 * count)
    assert application.stop() == 0
    assert not application.records("init", predecessor_alive=True)


def test_sighup_reaches_workers_only(launch: Launch, method: str) -> None:
    """Helpers of workers and manager, the fork server, the resource tracker live on."""
    application = launch("reloading", "helped", method=method)
    workers = application.wait_for_workers(2)
    servers = {
        process.pid
        for process in application.living()
        if "from multiprocessing." in procfs.title(process.pid)
        and process.pid not in workers.values()
    }
    assert len(servers) == {"fork": 0, "forkserver": 2, "spawn": 1}[method]
    for count in (1, 2):
        application.send(signal.SIGHUP)
        application.wait_for("reload", 2 * count)
    helpers = application.wait_for("helper", 3)
    living = {process.pid for process in application.living()}
    assert {record.helper for record in helpers} <= living
    assert servers <= living
    assert application.workers() == workers
    application.stop()

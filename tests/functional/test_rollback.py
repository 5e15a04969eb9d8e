"""A reload that fails half-way, under ``cotyledon run``: what goes back, and what stays."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest

from tests.functional.configured import Pids, Running, Sections, sections
from tests.functional.harness import Launch, Record

BEHAVIOURS: dict[str, tuple[dict[str, Any], str]] = {
    "raise": ({}, "it is wrong"),
    "hang": ({"replacement_timeout": 1}, "replacement_timeout"),
    "crash": ({"min_ready_time": 5}, "min_ready_time"),
}


def before(changes: dict[str, Any] | None = None, **web: Any) -> Sections:
    return sections(
        changes,
        web={"value": "old", "workers": 2, "graceful_shutdown_timeout": 1, **web},
        told={"service_type": "in-place", "value": "old"},
        scaled={"workers": 3},
        removed={"workers": 2},
    )


def after(changes: dict[str, Any] | None = None, **web: Any) -> Sections:
    return sections(
        changes,
        scaled={"workers": 1},
        added={"value": "added"},
        told={"service_type": "in-place", "value": "new"},
        web={"value": "new", "workers": 2, "graceful_shutdown_timeout": 1, **web},
    )


OLD = {"web": 2, "told": 1, "scaled": 3, "removed": 2}
NEW = {"web": 2, "told": 1, "scaled": 1, "added": 1}


def names_the_worker(failed: Record) -> bool:
    return failed.service == "web" and bool(re.match(r"worker web\(\d\) ", failed.error))


def values(running: Running, pids: Pids, *services: str) -> set[str]:
    """What the workers of these services were made with."""
    made = running.values()
    return {made[pid] for (service, _), pid in pids.items() if service in services}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_rollback(launch: Launch, behaviour: str) -> None:
    options, why = BEHAVIOURS[behaviour]
    running = Running(launch, before())
    pids = running.wait_for_counts(**OLD)
    failed = running.fail(after(behaviour=behaviour, **options))
    assert names_the_worker(failed)
    assert why in failed.error
    assert running.application.wait_for_one("reload_undone").error == ""
    back = running.wait_for_counts(**OLD)
    assert values(running, back, "web", "told") == {"old"}
    assert back["scaled", 0] == pids["scaled", 0]
    assert len({back["web", number] for number in range(2)} & set(pids.values())) == 1
    running.succeed(after())
    assert values(running, running.wait_for_counts(**NEW), "web", "told") == {"new"}
    running.stop()


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_rollback_with_other_start_methods(launch: Launch, method: str) -> None:
    given = {"start_method": method}
    running = Running(launch, before(given), method=method)
    running.wait_for_counts(**OLD)
    assert names_the_worker(running.fail(after(given, behaviour="raise")))
    assert running.application.wait_for_one("reload_undone").error == ""
    assert values(running, running.wait_for_counts(**OLD), "web", "told") == {"old"}
    running.succeed(after(given))
    assert values(running, running.wait_for_counts(**NEW), "web", "told") == {"new"}
    running.stop()


def test_halt(launch: Launch) -> None:
    halt = {"on_reload_failure": "halt"}
    running = Running(launch, before(halt))
    pids = running.wait_for_counts(**OLD)
    assert names_the_worker(running.fail(after(halt, behaviour="raise")))
    # of web one worker works on, and another cannot
    running.application.wait_for("service_removed")
    assert len(set(running.pids("web").values()) & set(pids.values())) == 1
    assert running.pids("removed") == {}
    assert len(running.pids("scaled")) == 1
    assert not running.application.records("reload_undone")
    running.succeed(after(halt))
    assert values(running, running.wait_for_counts(**NEW), "web", "told") == {"new"}
    running.stop()


def test_rollback_with_a_surge_keeps_the_old_workers(launch: Launch) -> None:
    surge = {"max_unavailable": 0, "max_surge": 1}
    running = Running(launch, before(**surge))
    pids = running.wait_for_counts(**OLD)
    assert names_the_worker(running.fail(after(behaviour="raise", **surge)))
    running.application.wait_for("reload_undone")
    back = running.wait_for_counts(**OLD)
    assert {back["web", 0], back["web", 1]} == {pids["web", 0], pids["web", 1]}
    running.stop()


def test_an_added_service_that_fails_is_not_the_reload_s(launch: Launch) -> None:
    """It was never there: it is restarted as any other."""
    running = Running(launch, sections(web={}))
    pids = running.wait_for_counts(web=1)
    running.succeed(sections(web={}, added={"behaviour": "raise"}))
    running.application.wait_for("worker_restarting", service="added")
    assert running.pids("web") == pids
    running.succeed(sections(web={}, added={}))
    running.wait_for_counts(web=1, added=1)
    running.stop()


def test_a_way_back_that_is_lost_ends_there(launch: Launch) -> None:
    """The old configuration does not work any more, either."""
    running = Running(launch, sections(web={"value": "old", "workers": 2}))
    running.wait_for_counts(web=2)
    gate = running.application.directory / "gate-init"
    gate.touch()
    wrong = {"workers": 2, "value": "new", "replacement_timeout": 1}
    running.fail(sections(web=wrong))
    gate.unlink()
    running.application.wait_for("reload_undone")
    running.succeed(sections(web={"value": "newer", "workers": 2}))
    assert values(running, running.wait_for_counts(web=2), "web") == {"newer"}
    running.stop()


def test_notifiers_go_back(launch: Launch) -> None:
    running = Running(launch, sections({"notifiers": "events, second"}, web={}))
    application = running.application
    application.wait_for("second manager_ready")
    web = {"value": "new", "behaviour": "raise"}
    colour = {"notifier:second": {"colour": "blue"}}
    running.fail(sections({"notifiers": "events, second"}, web=web) | colour)
    application.wait_for("second reload_undone", colour=None)
    assert not application.records("second reload_undone", colour="blue")
    running.fail(sections(web=web))
    application.wait_for("second reload_undone", 2, colour=None)
    assert len(application.records("reload_undone")) == 2
    running.stop()
    assert application.records("manager_stopped")
    assert application.records("second manager_stopped", colour=None)


# What an operator has scaled


def test_an_operator_s_count_lasts_until_the_configured_one_changes(launch: Launch) -> None:
    running = Running(launch, sections(web={"workers": 2}), "operated", "5")
    running.application.send(signal.SIGUSR1)
    running.wait_for_counts(web=5)
    running.succeed()
    running.succeed(sections(web={"workers": 2, "start_timeout": 50}))
    running.succeed(sections(web={"workers": 2, "value": "new"}))
    assert values(running, running.wait_for_counts(web=5), "web") == {"new"}
    # one that is undone changes nothing, either
    running.fail(sections(web={"workers": 3, "value": "newer", "behaviour": "raise"}))
    running.application.wait_for("reload_undone")
    assert values(running, running.wait_for_counts(web=5), "web") == {"new"}
    running.succeed(sections(web={"workers": 3, "value": "new"}))
    running.wait_for_counts(web=3)
    running.stop()


def test_an_operator_s_count_comes_back_with_the_service(launch: Launch) -> None:
    running = Running(launch, sections(web={"workers": 2}, batch={}), "operated", "4")
    running.application.send(signal.SIGUSR1)
    running.wait_for_counts(web=4, batch=1)
    running.succeed(sections(web={"workers": 2, "start_timeout": 50}, batch={}))
    running.fail(sections(batch={"value": "new", "behaviour": "raise"}))
    running.application.wait_for("reload_undone")
    running.wait_for_counts(web=4, batch=1)
    running.stop()


# The manager does not stop for what the reload takes back


@pytest.mark.parametrize(
    "policy",
    [
        {"restart_policy": "never"},
        {"restart_policy": "limited", "limited_max_restarts": 0, "on_give_up": "shutdown"},
    ],
    ids=["nothing left", "given up"],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_rollback_comes_before_the_end(
    launch: Launch, workers: int, policy: dict[str, Any]
) -> None:
    web = {"workers": workers, "value": "old", **policy}
    running = Running(launch, sections(web=web))
    running.wait_for_counts(web=workers)
    running.fail(sections(web={**web, "value": "new", "behaviour": "raise"}))
    running.application.wait_for("reload_undone")
    assert values(running, running.wait_for_counts(web=workers), "web") == {"old"}
    assert not running.application.records("manager_stopping")
    running.stop()


def test_the_end_comes_with_halt(launch: Launch) -> None:
    halt = {"on_reload_failure": "halt"}
    web = {"value": "old", "restart_policy": "never"}
    running = Running(launch, sections(halt, web=web))
    running.wait_for_counts(web=1)
    running.fail(sections(halt, web={**web, "value": "new", "behaviour": "raise"}))
    assert running.application.wait() == 3
    running.application.wait_until_gone()


def test_what_takes_the_place_of_the_last_service(launch: Launch) -> None:
    """One is removed of which nothing runs at that moment, and the other has finished."""
    slow = {"restart_delay": 3600, "restart_delay_max": 3600}
    done = {"behaviour": "crash", "restart_policy": "never"}
    running = Running(launch, sections(done=done, web={**slow, "behaviour": "crash"}))
    running.wait_for_back_off("web")
    running.application.wait_for("worker_stopped", service="done")
    running.succeed(sections(done=done, other={}))
    running.wait_for_counts(other=1)
    running.stop()

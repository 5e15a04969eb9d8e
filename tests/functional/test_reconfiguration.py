"""``cotyledon run``: a reload changes what differs in the files, and nothing else."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest

from tests.functional.configured import Running, Sections, sections
from tests.functional.harness import APPS, Launch

TWO = {"workers": 2}


def test_services_come_and_go(launch: Launch, method: str) -> None:
    running = Running(launch, sections(web=TWO, batch={}), method=method)
    before = running.wait_for_counts(web=2, batch=1)
    given = {} if method == "fork" else {"start_method": method}
    running.succeed(sections(given, web=TWO, extra=TWO))
    after = running.wait_for_counts(web=2, extra=2)
    assert {key: after[key] for key in after if key[0] == "web"}.items() <= before.items()
    assert running.application.wait_for_one("service_removed").service == "batch"
    assert running.application.records("service_added")[-1].service == "extra"
    # it comes back as it was
    running.succeed(sections(given, batch={"value": "again"}, web=TWO))
    running.wait_for_counts(web=2, batch=1)
    running.stop()


def test_scaling(launch: Launch) -> None:
    running = Running(launch, sections(web=TWO, batch={}))
    before = running.wait_for_counts(web=2, batch=1)
    running.succeed(sections(web={"workers": 4}, batch={"workers": 0}))
    after = running.wait_for_counts(web=4)
    assert running.pids("web").items() >= {k: p for k, p in before.items() if k[0] == "web"}.items()
    running.succeed(sections(web={"workers": 1}, batch={"workers": 1}))
    last = running.wait_for_counts(web=1, batch=1)
    assert last["web", 0] == after["web", 0]
    running.stop()


def test_another_type(launch: Launch) -> None:
    running = Running(launch, sections(web=TWO, batch={}))
    before = running.wait_for_counts(web=2, batch=1)
    assert running.succeed(sections(web={**TWO, "service_type": "other"}, batch={})).replaced == 2
    after = running.wait_for_counts(web=2, batch=1)
    assert after["batch", 0] == before["batch", 0]
    types = running.values(field="type")
    assert {types[pid] for pid in running.pids("web").values()} == {"other"}
    running.stop()


LIVE = {
    "graceful_shutdown_timeout": 3,
    "start_timeout": 20,
    "watchdog_signal": "KILL",
    "max_lifetime": 3600,
    "max_recycling": 1,
    "on_give_up": "shutdown",
    "reload_strategy": "all_at_once",
    "max_unavailable": 2,
    "max_surge": 1,
    "min_ready_time": 1,
    "replacement_timeout": 100,
    "restart_policy": "limited",
}
REPLACING = {
    "value": "new",
    "ready_when": "booted",
    "watchdog": "service",
    "watchdog_timeout": 60,
    "max_memory": "1G",
    "max_tasks": 1000,
    "recycle_jitter": 0.5,
    "capture_stderr": "true",
}


def test_live_options_touch_no_worker(launch: Launch) -> None:
    running = Running(launch, sections(web=TWO))
    before = running.wait_for_counts(web=2)
    web = dict(TWO)
    for key, value in LIVE.items():
        web[key] = value  # type: ignore[assignment]
        result = running.succeed(sections(web=web))
        assert (key, result.reloaded, result.replaced) == (key, 0, 0)
    live = {"stop_delay": 0.1, "spawn_interval": 0.01, "on_reload_failure": "halt"}
    running.succeed(sections(live, web=web))
    assert running.wait_for_counts(web=2) == before
    running.stop()


def test_other_options_replace_the_service_s_workers(launch: Launch) -> None:
    running = Running(launch, sections(web={}, batch={}))
    before = running.wait_for_counts(web=1, batch=1)
    web: dict[str, object] = {}
    for key, value in REPLACING.items():
        web[key] = value
        result = running.succeed(sections(web=web, batch={}))
        assert (key, result.replaced) == (key, 1)
        after = running.wait_for_counts(web=1, batch=1)
        assert after["web", 0] != before["web", 0]
        assert after["batch", 0] == before["batch", 0]
        before = after
    assert running.values()[before["web", 0]] == "new"
    running.stop()


@pytest.mark.parametrize(
    "change",
    [
        ("cotyledon", "start_method", "spawn"),
        ("cotyledon", "name", "another"),
        ("cotyledon", "dump_signal", "USR2"),
        ("service:batch", "start_after", "web"),
    ],
    ids=lambda change: str(change[1]),
)
def test_what_needs_a_restart_refuses_all(launch: Launch, change: tuple[str, str, str]) -> None:
    running = Running(launch, sections(web={}, batch={}))
    before = running.wait_for_counts(web=1, batch=1)
    section, key, value = change
    wanted = sections(web={"workers": 3, "value": "new"}, batch={}, extra={})
    wanted[section][key] = value
    failed = running.fail(wanted)
    assert f"[{section}] {key}" in failed.error
    assert running.wait_for_counts(web=1, batch=1) == before
    del wanted[section][key]
    running.succeed(wanted)
    running.wait_for_counts(web=3, batch=1, extra=1)
    running.stop()


@pytest.mark.parametrize(
    "broken", ["[broken", "[cotyledon]\nservices = no such", "[service:web]\nworkers = x\n", ""]
)
def test_a_broken_file_changes_nothing(launch: Launch, broken: str) -> None:
    running = Running(launch, sections(web={}, batch={"service_type": "in-place"}))
    before = running.wait_for_counts(web=1, batch=1)
    assert "test.conf" in running.fail(broken).error
    assert running.wait_for_counts(web=1, batch=1) == before
    assert not running.application.records("reload")
    running.succeed(sections(web={"value": "new"}, batch={"service_type": "in-place"}))
    after = running.wait_for_counts(web=1, batch=1)
    assert running.values()[after["web", 0]] == "new"
    assert after["batch", 0] == before["batch", 0]
    running.stop()


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("notifier:second", "colour", "wrong"),
        ("service:web", "value", "wrong"),
        ("service:web", "restart_policy", "broken"),
        ("service:web", "restart_policy", "absent"),
    ],
)
def test_a_plugin_that_cannot_be_made_changes_nothing(
    launch: Launch, section: str, key: str, value: str
) -> None:
    given = {"notifiers": "events, second"}
    running = Running(launch, sections(given, web={}))
    before = running.wait_for_counts(web=1)
    wanted = sections(given, web={"workers": 3})
    wanted.setdefault(section, {})[key] = value
    assert running.fail(wanted).service == ""
    assert running.wait_for_counts(web=1) == before
    running.succeed(sections(given, web={"workers": 2}))
    running.wait_for_counts(web=2)
    running.stop()


def test_unchanged_services_are_told_or_left_alone(launch: Launch, method: str) -> None:
    configuration = sections(
        web=TWO, batch={**TWO, "service_type": "in-place"}, forced={"reload_strategy": "rolling"}
    )
    running = Running(launch, configuration, method=method)
    before = running.wait_for_counts(web=2, batch=2, forced=1)
    result = running.succeed()
    assert (result.reloaded, result.replaced) == (2, 0)
    assert running.wait_for_counts(web=2, batch=2, forced=1) == before
    told = {record.pid for record in running.application.records("reload")}
    assert told == set(running.pids("batch").values())
    running.stop()


# Programs

PROGRAM = f"{sys.executable} {APPS / 'plugin_program.py'}"


def program(act: str, **options: Any) -> Sections:
    web = {"service_type": "program", "command": f"{PROGRAM} {act}", "workers": 2, **options}
    return sections(web=web)


def test_a_program_is_replaced_when_the_next_one_says_that_it_is_ready(launch: Launch) -> None:
    running = Running(launch, program("ready first", ready_when="notified"))
    before = running.wait_for_counts(web=2)
    gate = running.application.directory / "gate-ready"
    gate.touch()
    running.write(program("ready second", ready_when="notified"))
    running.application.send(signal.SIGHUP)
    newborn = running.application.wait_for("program", 3)[-1]
    signal.sigtimedwait((), 0.1)
    assert len(set(running.pids().values()) & set(before.values())) == 1
    assert not running.results()
    gate.unlink()
    running.application.wait_for("manager_reloaded")
    after = running.wait_for_counts(web=2)
    assert newborn.pid in after.values()
    assert not set(after.values()) & set(before.values())
    # what has changed nothing leaves it alone
    assert running.succeed().replaced == 0
    assert running.wait_for_counts(web=2) == after
    running.stop()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_program_that_is_not_there_does_not_replace_one_that_is(
    launch: Launch, method: str
) -> None:
    good, bad = program("serve"), program("serve", command="/no/such/program")
    if method != "fork":
        bad["cotyledon"]["start_method"] = method
    running = Running(launch, good, method=method)
    before = running.wait_for_counts(web=2)
    failed = running.fail(bad)
    assert failed.service == "web"
    assert "/no/such/program" in failed.error
    running.application.wait_for("reload_undone")
    after = running.wait_for_counts(web=2)
    assert len(set(after.values()) & set(before.values())) == 1
    running.stop()


def test_policies_change(launch: Launch) -> None:
    running = Running(launch, sections(web={"behaviour": "crash", "restart_delay_max": 0.1}))
    running.application.wait_for("worker_restarting", 2)
    running.succeed(sections(web={"behaviour": "crash", "restart_policy": "never"}, batch={}))
    running.application.wait_for("worker_stopped")
    running.wait_for_counts(batch=1)
    running.succeed(sections(web={"value": "mended"}, batch={}))
    running.wait_for_counts(web=1, batch=1)
    running.stop()


def test_the_pace_changes(launch: Launch) -> None:
    """A wrong pace is mended before the start that it holds up."""
    running = Running(launch, sections(web={}))
    running.succeed(sections({"spawn_interval": 3600}, web={}))
    running.write(sections({"spawn_interval": 3600}, web={"workers": 3}))
    running.application.send(signal.SIGHUP)
    running.application.wait_for("service_scaled")
    running.write(sections({"spawn_interval": 0}, web={"workers": 3}))
    running.application.send(signal.SIGHUP)
    running.wait_for_counts(web=3)
    running.stop()


def test_notifiers_change(launch: Launch) -> None:
    running = Running(launch, sections(web={}))
    pids = running.wait_for_counts(web=1)
    both: Sections = sections({"notifiers": "events, second"}, web={})
    running.succeed(both)
    running.application.wait_for("second manager_reloaded")
    running.succeed(both | {"notifier:second": {"colour": "blue"}})
    told = running.application.wait_for("second manager_reloaded", 2)
    assert [record.colour for record in told] == [None, "blue"]
    running.succeed(sections(web={"value": "new"}))
    running.succeed(both)
    running.application.wait_for("second manager_reloaded", 3)
    assert running.pids().keys() == pids.keys()
    running.stop()
    # the log relay and the hosts are gone, too

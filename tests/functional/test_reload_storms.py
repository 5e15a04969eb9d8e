"""Reloads that come when something else is under way, and stops that come while one is."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.configured import Running, Sections, sections
from tests.functional.harness import Launch
from tests.functional.sampling import Sampler

STORM = 50


def current(running: Running, *services: str) -> set[str]:
    """What the living workers were made with."""
    made = running.values()
    return {made[pid] for pid in running.pids(*services).values() if pid in made}


def wait_for_generation(running: Running, value: str, **counts: int) -> None:
    """Wait until all workers are there, all of them made with this."""
    running.application.until(
        lambda: running.wait_for_counts(**counts) and current(running) == {value}, value
    )


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("fork", {}),
        ("fork", {"max_unavailable": 0, "max_surge": 2}),
        ("fork", {"reload_strategy": "all_at_once"}),
        ("forkserver", {}),
    ],
    ids=["rolling", "surge", "all at once", "forkserver"],
)
def test_a_storm_with_changing_configuration(
    launch: Launch, method: str, options: dict[str, Any]
) -> None:
    def generation(number: int) -> Sections:
        web = {"value": number, "workers": 6, **options}
        return sections({"start_method": method}, web=web)

    storm = STORM if method == "fork" else 15
    running = Running(launch, generation(0), method=method)
    running.wait_for_counts(web=6)
    with Sampler(running.application.directory) as sampler:
        for number in range(1, storm + 1):
            running.write(generation(number))
            running.application.send(signal.SIGHUP)
            signal.sigtimedwait((), 0.02)
        wait_for_generation(running, str(storm), web=6)
    assert sampler.most_generations <= 2
    assert sampler.most_of_one_worker <= (2 if "max_surge" in options else 1)
    assert not running.application.records("reload_failed")
    running.stop()


def test_the_last_of_many_services_wins(launch: Launch) -> None:
    """Services come and go, and change their size, faster than that can be done."""
    names = ("a", "b", "c", "d")

    def generation(number: int) -> Sections:
        chosen = [name for index, name in enumerate(names) if number >> index & 1] or ["a"]
        return sections(**{name: {"workers": 1 + number % 3} for name in chosen})

    running = Running(launch, generation(15))
    for number in range(STORM):
        running.write(generation(number * 7 % 16))
        running.application.send(signal.SIGHUP)
        signal.sigtimedwait((), 0.01)
    running.succeed(generation(5))
    running.wait_for_counts(a=3, c=3)
    running.stop()
    assert not running.application.records("reload_failed")


def test_while_50_workers_start(launch: Launch) -> None:
    running = Running(launch, sections(web={}))
    running.write(sections(web={"workers": 50, "value": "old"}))
    with Sampler(running.application.directory) as sampler:
        running.application.send(signal.SIGHUP)
        running.application.wait_for("value", 10)
        running.write(sections(web={"workers": 50, "value": "new"}))
        running.application.send(signal.SIGHUP)
        wait_for_generation(running, "new", web=50)
    assert sampler.most_of_one_worker == 1
    running.stop()


def test_at_the_first_start(launch: Launch) -> None:
    """A reload that is asked for before the manager is ready."""
    running = Running(launch, sections(web={"workers": 50, "value": "old"}), wait=False)
    running.application.wait_for("value", 5)
    running.write(sections(web={"workers": 50, "value": "new"}))
    running.application.send(signal.SIGHUP)
    running.application.wait_for("manager_ready")
    wait_for_generation(running, "new", web=50)
    running.stop()


def test_during_a_scale(launch: Launch) -> None:
    running = Running(launch, sections(web={"workers": 2}), "operated", "12")
    running.write(sections(web={"workers": 2, "value": "new"}))
    running.application.send(signal.SIGUSR1)
    running.application.send(signal.SIGHUP)
    wait_for_generation(running, "new", web=12)
    running.write(sections(web={"workers": 2, "value": "newer"}))
    running.application.send(signal.SIGHUP)
    running.application.send(signal.SIGUSR1)
    wait_for_generation(running, "newer", web=12)
    running.stop()


def test_during_back_off(launch: Launch) -> None:
    """The change does not wait until the back-off is over."""
    slow = {"restart_delay": 3600, "restart_delay_max": 3600}
    running = Running(launch, sections(web={"workers": 4, "value": "old", **slow}))
    for _ in range(2):  # the first restart is immediate
        pids = running.wait_for_counts(web=4)
        os.kill(pids["web", 2], signal.SIGKILL)
        running.application.wait_for_end_of(pids["web", 2])
    running.wait_for_back_off("web")
    running.succeed(sections(web={"workers": 4, "value": "new", **slow}))
    wait_for_generation(running, "new", web=4)
    running.stop()


@pytest.mark.parametrize("gate", ["init", "end"])
@pytest.mark.parametrize("surge", [0, 1])
def test_another_reload_while_one_waits(launch: Launch, gate: str, surge: int) -> None:
    options = {"workers": 4, "max_surge": surge}
    running = Running(launch, sections(web={**options, "value": "first"}))
    running.wait_for_counts(web=4)
    shut = running.application.directory / f"gate-{gate}"
    shut.touch()
    with Sampler(running.application.directory) as sampler:
        running.write(sections(web={**options, "value": "second"}))
        running.application.send(signal.SIGHUP)
        event, number = ("value", 5) if gate == "init" else ("terminate", 1)
        running.application.wait_for(event, number)
        for value in ("third", "fourth"):
            running.write(sections(web={**options, "value": value}))
            running.application.send(signal.SIGHUP)
            signal.sigtimedwait((), 0.05)
        shut.unlink()
        wait_for_generation(running, "fourth", web=4)
    assert sampler.most_generations <= 2
    assert {record.value for record in running.application.records("value")} >= {"first", "second"}
    assert not running.application.records("value", value="third")
    running.stop()


# Stops


@pytest.mark.parametrize(
    ("method", "gate", "surge"),
    [
        ("fork", "init", 0),
        ("fork", "init", 1),
        ("fork", "end", 0),
        ("fork", "end", 1),
        ("forkserver", "init", 0),
        ("spawn", "init", 0),
        ("spawn", "end", 1),
    ],
)
def test_a_stop_in_the_middle(launch: Launch, method: str, gate: str, surge: int) -> None:
    given = {"start_method": method}
    options = {"workers": 3, "max_surge": surge, "max_unavailable": 1 - surge}
    running = Running(launch, sections(given, web={**options, "value": "old"}), method=method)
    running.wait_for_counts(web=3)
    shut = running.application.directory / f"gate-{gate}"
    shut.touch()
    running.write(sections(given, web={**options, "value": "new"}))
    running.application.send(signal.SIGHUP)
    event, number = ("value", 4) if gate == "init" else ("terminate", 1)
    running.application.wait_for(event, number)
    running.application.send(signal.SIGTERM)
    running.application.wait_for("manager_stopping")
    running.application.send(signal.SIGHUP)
    shut.unlink()
    assert running.application.wait() == 0
    running.application.wait_until_gone()
    assert len(running.application.records("value")) <= 4


def test_a_stop_while_a_new_worker_proves_itself(launch: Launch) -> None:
    options = {"workers": 3, "min_ready_time": 100}
    running = Running(launch, sections(web={**options, "value": "old"}))
    running.wait_for_counts(web=3)
    running.write(sections(web={**options, "value": "new"}))
    running.application.send(signal.SIGHUP)
    running.application.wait_for("worker_ready", 4)
    running.stop()
    assert len(running.application.records("value")) == 4


def test_a_stop_on_the_way_back(launch: Launch) -> None:
    running = Running(launch, sections(web={"workers": 3, "value": "old"}))
    running.wait_for_counts(web=3)
    gate = running.application.directory / "gate-init"
    gate.touch()
    running.write(sections(web={"workers": 3, "value": "new", "behaviour": "raise"}))
    running.application.send(signal.SIGHUP)
    running.application.wait_for("value", 5)
    running.application.send(signal.SIGTERM)
    running.application.wait_for("manager_stopping")
    gate.unlink()
    assert running.application.wait() == 0
    running.application.wait_until_gone()


def test_reloads_during_a_stop(launch: Launch) -> None:
    running = Running(launch, sections(web={"workers": 3, "value": "old"}))
    pids = running.wait_for_counts(web=3)
    gate = running.application.directory / "gate-end"
    gate.touch()
    running.application.send(signal.SIGTERM)
    running.application.wait_for("terminate", 3)
    running.write(sections(web={"workers": 5, "value": "new"}))
    for _ in range(5):
        running.application.send(signal.SIGHUP)
        signal.sigtimedwait((), 0.02)
    assert all(procfs.alive(pid) for pid in pids.values())
    gate.unlink()
    assert running.application.wait() == 0
    running.application.wait_until_gone()
    assert len(running.application.records("value")) == 3

"""``add`` and ``reconfigure`` while the manager runs."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch

TRIGGERS = ("hook", "thread")


def command(application: Application, trigger: str, *commands: Any) -> None:
    """Have the application run commands; wait until they are done or refused."""
    done = len(application.records("done")) + len(application.records("refused"))
    application.write("gate-commands", json.dumps(commands))
    if trigger == "hook":
        application.send(signal.SIGHUP)
    if trigger == "dead_worker_hook":
        (victim,) = application.wait_for_workers(1, service="batch").values()
        os.kill(victim, signal.SIGKILL)
    application.until(
        lambda: (
            len(application.records("done")) + len(application.records("refused"))
            >= done + len(commands)
        ),
        "obedience",
    )


@pytest.mark.parametrize("trigger", [*TRIGGERS, "dead_worker_hook"])
@pytest.mark.portable
def test_up_and_down_and_none(launch: Launch, method: str, trigger: str) -> None:
    application = launch("commanded", trigger, "Web:2", "Batch:1", method=method)
    application.wait_for_workers(3)
    # Each death of the same worker makes its next start later.
    for count in (3, 0) if trigger == "dead_worker_hook" else (4, 1, 0, 2):
        before = application.workers(service="web")
        command(application, trigger, ("reconfigure", "Web", count))
        after = application.wait_for_workers(count, service="web")
        assert set(after) == {("web", worker_id) for worker_id in range(count)}
        kept = set(before) & set(after)
        assert {worker: before[worker] for worker in kept} == {
            worker: after[worker] for worker in kept
        }
    assert application.stop() == 0
    assert not application.records("init", predecessor_alive=True)


def test_scaled_away_end_gracefully(launch: Launch, method: str) -> None:
    application = launch("commanded", "thread", "Web:3", method=method)
    workers = application.wait_for_workers(3)
    command(application, "thread", ("reconfigure", "Web", 1))
    application.wait_for_workers(1)
    ended = {record.pid for record in application.records("terminate")}
    assert ended == {workers["web", 1], workers["web", 2]}
    assert application.stop() == 0


def test_scaled_away_end_by_force_if_need_be(launch: Launch, method: str) -> None:
    application = launch("commanded", "thread", "Endless:2", method=method)
    workers = application.wait_for_workers(2)
    command(application, "thread", ("reconfigure", "Endless", 1))
    application.wait_for_end_of(workers["endless", 1])
    assert application.workers() == {("endless", 0): workers["endless", 0]}
    command(application, "thread", ("reconfigure", "Endless", 0), ("reconfigure", "Endless", 1))
    application.wait_for_replacement(workers["endless", 0], ("endless", 0))
    assert not application.records("init", predecessor_alive=True)
    assert application.stop() == 0


def test_down_and_up_again_never_doubles_a_worker(launch: Launch) -> None:
    application = launch("commanded", "thread", "Endless:3")
    application.wait_for_workers(3)
    command(
        application,
        "thread",
        ("reconfigure", "Endless", 1),
        ("reconfigure", "Endless", 4),
        ("reconfigure", "Endless", 2),
        ("reconfigure", "Endless", 4),
    )
    application.wait_for_workers(4)
    assert not application.records("init", predecessor_alive=True)
    assert application.stop() == 0


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("workers", [-1, 1.5, "2", None, True, -5])
def test_impossible_counts_are_refused_and_change_nothing(
    launch: Launch, trigger: str, workers: Any
) -> None:
    application = launch("commanded", trigger, "Web:2")
    before = application.wait_for_workers(2)
    command(application, trigger, ("reconfigure", "Web", workers))
    (refused,) = application.records("refused")
    kind = type(workers).__name__
    assert refused.error == "ValueError"
    assert refused.text == f"'workers' must be an int >= 0, not: {workers} ({kind})"
    command(application, trigger, ("reconfigure", "notexists", 1))
    assert application.records("refused")[1].text == "notexists service id doesn't exists"
    assert application.workers() == before
    assert application.stop() == 0


@pytest.mark.parametrize("trigger", [*TRIGGERS, "dead_worker_hook"])
def test_add_while_running(launch: Launch, method: str, trigger: str) -> None:
    application = launch("commanded", trigger, "Batch:1", method=method)
    application.wait_for_workers(1)
    command(application, trigger, ("add", "Web", 2))
    added = application.wait_for_workers(2, service="web")
    command(application, trigger, ("reconfigure", "Web", 3))
    application.wait_for_workers(3, service="web")
    assert added.items() <= application.workers().items()
    assert application.stop() == 0


def test_worker_outlives_the_thread_that_asked_for_it(launch: Launch, method: str) -> None:
    application = launch("commanded", "thread", "Batch:1", method=method)
    application.wait_for_workers(1)
    command(application, "thread", ("add", "Web", 1))
    workers = application.wait_for_workers(2)
    command(application, "thread", ("reconfigure", "Web", 2))
    application.wait_for_workers(3)
    assert workers.items() <= application.workers().items()
    assert application.stop() == 0


def test_scaled_away_in_the_moment_of_deaths(launch: Launch) -> None:
    """The highest worker goes, the dead one comes back, nothing else happens."""
    application = launch("commanded", "hook", "Web:12")
    application.wait_for_workers(12)
    for victim in range(10):
        workers = application.workers()
        kills = [workers["web", victim], *([workers["web", 11]] if victim % 2 else [])]
        command(
            application,
            "hook",
            ("kill", signal.SIGKILL, *kills),
            ("reconfigure", "Web", 11),
        )
        application.wait_for_replacement(workers["web", victim], ("web", victim))
        rest = application.wait_for_workers(11)
        assert set(rest) == {("web", worker_id) for worker_id in range(11)}
        assert not procfs.alive(workers["web", 11])
        command(application, "hook", ("reconfigure", "Web", 12))
        application.wait_for_workers(12)
    assert not application.records("on_terminate")
    assert not application.records("init", predecessor_alive=True)
    assert application.stop() == 0


def test_scaling_while_1000_workers_start(launch: Launch) -> None:
    application = launch("commanded", "thread", "Web:1000")
    application.wait_for("init", 5)
    command(application, "thread", ("reconfigure", "Web", 3))
    application.wait_for_workers(3)
    assert len(application.records("init")) < 1000
    assert application.stop() == 0


def test_scaling_during_shutdown_starts_nothing(launch: Launch) -> None:
    application = launch("commanded", "terminate_hook", "Web:1")
    application.wait_for_workers(1)
    application.write("gate-commands", json.dumps([("reconfigure", "Web", 3), ("add", "Batch", 1)]))
    assert application.stop() == 0
    assert len(application.records("init")) == 1

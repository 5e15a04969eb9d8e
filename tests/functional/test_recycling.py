"""Workers that have reached a bound are replaced, a few at a time."""

from __future__ import annotations

import pytest

from tests.functional.harness import Application, Launch, Record


def recycled(application: Application, count: int = 1) -> list[Record]:
    """The replacements so far; each worker had ended in order, because it was asked to."""
    found = application.wait_for("recycled", count)
    for record in found:
        (ended,) = application.records("exited", ended=record.ended)
        assert ended.asked
        assert ended.code == 0
        assert application.records("terminate", pid=record.ended)
    return found


@pytest.mark.portable
def test_memory(launch: Launch, method: str) -> None:
    application = launch("recycling", "growing", "1", "max_memory=150M", method=method)
    (first,) = recycled(application)
    assert first.reason.startswith("max_memory: ")
    application.wait_for_replacement(first.ended, ("growing", 0))
    assert application.stop() == 0


@pytest.mark.portable
def test_tasks(launch: Launch, method: str) -> None:
    """Of all threads together."""
    application = launch(
        "recycling", "working", "1", "max_tasks=100", "recycle_jitter=0", method=method
    )
    (first,) = recycled(application)
    assert first.reason == "max_tasks: 100 tasks are done"
    application.wait_for_replacement(first.ended, ("working", 0))
    assert application.stop() == 0


def test_fewer_tasks_do_not_suffice(launch: Launch) -> None:
    application = launch("recycling", "working", "2", "max_tasks=101", "recycle_jitter=0")
    workers = application.wait_for_workers(2)
    application.until(
        lambda: all(len(application.records("done", pid=pid)) == 2 for pid in workers.values()),
        "all tasks",
    )
    assert application.stop() == 0
    assert not application.records("recycled")


@pytest.mark.portable
def test_lifetime(launch: Launch, method: str) -> None:
    """Again and again, one worker at a time."""
    application = launch(
        "recycling", "idle", "3", "max_lifetime=0.3", "max_recycling=1", method=method
    )
    found = recycled(application, 6)
    assert {record.worker_id for record in found} == {0, 1, 2}
    assert application.stop() == 0
    assert not application.records("init", predecessor_alive=True)


def test_a_stop_while_workers_are_replaced(launch: Launch) -> None:
    application = launch("recycling", "idle", "8", "max_lifetime=0.1", "max_recycling=100%")
    application.wait_for("recycled", 8)
    assert application.stop() == 0

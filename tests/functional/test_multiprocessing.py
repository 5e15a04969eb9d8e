"""Workers are correct children for multiprocessing, whatever started them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections import Counter

import pytest

from tests.functional.harness import Launch


@pytest.mark.portable
def test_what_multiprocessing_says_of_a_worker(launch: Launch, method: str) -> None:
    application = launch("children", "facts", method=method)
    workers = application.wait_for_workers(4)
    facts = application.records("multiprocessing")
    assert {fact.parent for fact in facts} == {application.pid}
    assert {fact.current for fact in facts} == set(workers.values())
    for fact in facts:
        assert fact.current == fact.pid
        assert fact.parent_alive
        assert fact.alive
        assert not fact.parent_ended
        assert not fact.main
        assert not fact.daemon
        assert fact.children == 0
        assert not fact.main_thread
        assert "MainThread" in fact.threads
    assert len({fact.random for fact in facts}) == 4
    assert application.stop() == 0


def test_worker_can_have_children_of_its_own(launch: Launch, method: str) -> None:
    application = launch("children", "parents", method=method)
    application.wait_for_workers(2)
    for record in application.wait_for("answered", 2):
        assert (record.answer, record.status) == ("an answer", 0)
    assert application.stop() == 0


@pytest.mark.portable
def test_queues_events_and_locks_as_arguments(launch: Launch, method: str) -> None:
    application = launch("children", "queues", method=method)
    consumed = application.wait_for_one("consumed")
    assert consumed["items"] == [0, 1, 2]
    assert consumed.value == 3
    assert application.stop() == 0


def test_queue_to_the_manager(launch: Launch, method: str) -> None:
    application = launch("children", "manager_queue", method=method)
    (pid,) = application.wait_for_workers(1).values()
    application.send(signal.SIGHUP)
    assert application.wait_for_one("manager got").item == pid
    assert application.stop() == 0


@pytest.mark.parametrize("ended_by", ["worker", "manager"])
def test_finalizers_run_at_a_normal_end(launch: Launch, method: str, ended_by: str) -> None:
    application = launch("children", "finalizers", method=method)
    workers = application.wait_for_workers(2)
    if ended_by == "worker":
        os.kill(workers["finalized", 0], signal.SIGTERM)
        application.wait_for_replacement(workers["finalized", 0], ("finalized", 0))
        application.wait_for("atexit of worker", pid=workers["finalized", 0])
        workers = application.wait_for_workers(2)
    assert application.stop() == 0
    for event in ("atexit of worker", "finalizer of worker"):
        ended = Counter(record.pid for record in application.records(event))
        assert set(workers.values()) <= set(ended), event
        assert set(ended.values()) == {1}, event
    for event in ("atexit of manager", "finalizer of manager"):
        assert [record.pid for record in application.records(event)] == [application.pid], event
    for stream, said in (("stdout", "printed by"), ("stderr", "written by")):
        for pid in workers.values():
            assert application.output(stream).count(f"{said} {pid};") == 1
    assert application.output("stdout").count("printed by the manager") == 1
    if method == "fork":
        kept = (application.directory / "kept.log").read_text()
        assert all(kept.count(f"kept by {pid}\n") == 1 for pid in workers.values())


def test_workers_start_beside_a_full_pipe(launch: Launch) -> None:
    """What the manager cannot write yet is written once, by itself."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * select.PIPE_BUF)
    os.set_blocking(writer, True)
    application = launch("children", "finalizers", stdout=writer)
    os.close(writer)
    with open(reader, "rb") as pipe:
        workers = application.wait_for_workers(2)
        os.set_blocking(reader, False)
        assert b"printed" not in pipe.read()
        assert application.stop() == 0
        printed = pipe.read().decode()
    said = ["by the manager", *(f"by {pid}" for pid in workers.values())]
    assert sorted(printed.split(";")) == sorted(["", *(f"printed {each}" for each in said)])


@pytest.mark.portable
def test_locks_work_when_the_manager_has_ended(launch: Launch, method: str) -> None:
    """The process that tracks them is the application's; to find it dead is a warning."""
    application = launch("children", "locks", method=method)
    application.wait_for_workers(1)
    application.send(signal.SIGHUP)
    application.wait_for("made")
    assert application.stop() == 0
    assert len(application.records("made")) == 2


def test_fork_beside_busy_threads(launch: Launch) -> None:
    """Locks that the application's threads hold at a fork are free in the worker."""
    application = launch("children", "busy_threads", "40")
    application.wait_for_workers(40)
    assert application.stop() == 0
    assert not application.records("thread ended")

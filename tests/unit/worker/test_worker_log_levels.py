"""How a worker learns of log levels, without harm to what it does."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn
from uuid import UUID

import pytest

from cotyledon_core.log_levels import HELD, RESET, Note, shown
from cotyledon_core.process.board import NOWHERE, Board
from cotyledon_core.process.signals import SIGURG
from cotyledon_core.service import Service
from cotyledon_core.types import ServiceId, WorkerId
from cotyledon_core.worker import log_levels
from cotyledon_core.worker.assignment import Assignment
from cotyledon_core.worker.lifecycle import Worker

DEADLINE = 20.0
LOGGER = "no.such.logger"
ANSWER = "X_LOG_LEVEL=1\t%s\t%s"


class Link:
    """Notes what is told, after the gate is opened."""

    def __init__(self, board: Board) -> None:
        self.place = board.take()
        self.gate = threading.Event()
        self.told: list[str] = []

    def wait(self, signals: Any, timeout: float | None) -> bool:
        return False

    def tell(self, line: str) -> None:
        assert self.gate.wait(DEADLINE)
        self.told.append(line)


@pytest.fixture
def link() -> Iterator[Link]:
    board = Board(0)
    board.write_note(Note(questions={1: LOGGER}).encode())
    made = Link(board)
    yield made
    made.gate.set()
    until(lambda: not log_levels._lock.locked() and not log_levels._next.locked())
    board.close()


@pytest.fixture
def worker(link: Link) -> Worker:
    assignment = Assignment(ServiceId(UUID(int=1)), WorkerId(0), "web", Service)
    return Worker(assignment, link)  # type: ignore[arg-type]


def until(condition: Any) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def ask(worker: Worker) -> None:
    """The manager has sent its signal."""
    assert SIGURG is not None
    worker.signals.note(SIGURG)
    worker._wait()


def test_whoever_waits_does_so_for_all(worker: Worker, link: Link) -> None:
    """A lock of the application's may be held for long."""
    before = _thread._count()
    ask(worker)
    until(lambda: log_levels._lock.locked())
    for _ in range(20):
        ask(worker)
    assert _thread._count() - before <= 2
    link.gate.set()
    until(lambda: len(link.told) == 2)
    assert link.told == [ANSWER % shown(LOGGER)] * 2


def test_one_that_has_no_more_threads_goes_on(
    worker: Worker, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> NoReturn:
        raise RuntimeError("can't start new thread")

    link.gate.set()
    with monkeypatch.context() as patch:
        patch.setattr(log_levels, "start_new_thread", refuse)
        ask(worker)
    assert link.told == []
    ask(worker)
    until(lambda: link.told == [ANSWER % shown(LOGGER)])


def test_levels_that_came_while_it_ran_are_held_after_a_reload(worker: Worker, link: Link) -> None:
    assert SIGURG is not None
    worker._service = worker._calls = Service(WorkerId(0))
    link.gate.set()
    ask(worker)
    until(lambda: link.told and not log_levels._lock.locked())
    HELD.set("test_worker_log_levels", "DEBUG")
    try:
        worker._reload_once()
        # the main thread sees to it
        assert worker.signals.is_pending(SIGURG)
    finally:
        HELD.hold({})


def test_the_manager_s_own_do_not_stay_where_there_is_no_note(link: Link) -> None:
    link.place = NOWHERE
    HELD.set("test_worker_log_levels", "DEBUG")
    try:
        assignment = Assignment(ServiceId(UUID(int=1)), WorkerId(0), "web", Service)
        worker = Worker(assignment, link)  # type: ignore[arg-type]
        log_levels.begin(assignment, link, worker.signals)  # type: ignore[arg-type]
        assert shown("test_worker_log_levels")[0] == "NOTSET"
        assert not HELD
    finally:
        HELD.set("test_worker_log_levels", RESET)

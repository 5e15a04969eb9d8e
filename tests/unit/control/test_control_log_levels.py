"""Asking workers for levels of loggers: what a turn costs, and when the next one is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from cotyledon_core.control.commands.log_levels import PATIENCE, TOLD_AT_ONCE, Levels
from cotyledon_core.control.tasks import Done
from cotyledon_core.log_levels import Order

WORKERS = 3 * TOLD_AT_ONCE


class Process:
    """Has not answered."""

    def __init__(self, number: int) -> None:
        self.incarnation = self.child = self
        self.worker_id = self.pid = number
        self.answers: dict[int, str] = {}


class Manager:
    """Notes how many workers are looked at."""

    def __init__(self) -> None:
        self.log_levels = self
        self.looks = 0
        self.told: list[Process] = []
        self.gone: set[Process] = set()

    def name_of(self, process: Process) -> str:
        return "web"

    def ask(self, logger: str, processes: list[Process], order: Order | None) -> int:
        for process in processes:
            process.answers[7] = ""
        return 7

    def tell(self, process: Process) -> None:
        self.told.append(process)

    def lives(self, process: Process) -> bool:
        self.looks += 1
        return process not in self.gone

    def forget(self, number: int, processes: list[Process]) -> None:
        pass


class Asking:
    """The task, and its turns."""

    def __init__(self, workers: int = WORKERS) -> None:
        self.manager = Manager()
        manager: Any = self.manager
        self.processes: Any = [Process(number) for number in range(workers)]
        self.task = Levels(manager, self.processes, "", None, now=0.0)

    def step(self, now: float = 0.0) -> Done | None:
        return self.task.step(now, lambda value: True)


def test_a_turn_does_not_cost_more_with_more_workers() -> None:
    asking = Asking()
    while asking.task.deadline() == 0.0:
        assert asking.step() is None
    assert asking.manager.told == asking.processes
    for process in asking.processes:
        assert asking.step() is None
        process.answers[7] = "DEBUG\tDEBUG"
    done = asking.step()
    assert done is not None
    assert [each["worker"] for each in done.value["workers"]] == list(range(WORKERS))
    assert asking.manager.looks <= 4 * WORKERS


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_last_answer_wants_a_turn(workers: int) -> None:
    """The server may have had no time for it in that one."""
    asking = Asking(workers)
    if workers:
        assert asking.step() is None
        assert asking.task.deadline() == PATIENCE
        for process in asking.processes[1:]:
            process.answers[7] = "DEBUG\tDEBUG"
        asking.manager.gone.add(asking.processes[0])
    assert asking.task.deadline() == 0.0
    done = asking.step()
    assert done is not None
    assert len(done.value["workers"]) == max(workers - 1, 0)


def test_who_has_not_answered_in_time_has_no_level() -> None:
    asking = Asking(2)
    assert asking.step() is None
    asking.processes[0].answers[7] = "DEBUG\tDEBUG"
    assert asking.step(PATIENCE - 0.1) is None
    done = asking.step(PATIENCE)
    assert done is not None
    assert [each["level"] for each in done.value["workers"]] == ["DEBUG", None]

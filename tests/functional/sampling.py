"""Looks at workers that mark themselves, as often as it can.

A worker makes a file ``NAME:ID:PID`` in the directory ``processes`` when it begins, the same in
``ready`` when it is about to become ready, and takes the latter away when it is asked to end. A
listing of such a directory is a picture of one moment. In the name more may follow: of what
generation the process is.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tests.functional import procfs

PERIOD = 0.005
"""Seconds."""


class Mark(NamedTuple):
    """One worker's process."""

    service: str
    worker_id: int
    pid: int
    more: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str) -> Mark:
        service, worker_id, pid, *more = name.split(":")
        return cls(service, int(worker_id), int(pid), tuple(more))


Picture = frozenset[Mark]


class Sampler:
    """Takes pictures until the ``with`` statement is left.

    :param directory: the application's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for name in ("processes", "ready"):
            (directory / name).mkdir(exist_ok=True)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._take)
        self._gone: set[str] = set()
        self.ready: set[Picture] = set()
        """All the groups of workers that were ready at a moment."""
        self.processes: set[Picture] = set()
        """All the groups of processes that lived at a moment."""

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _take(self) -> None:
        over = False
        while not over:
            self.ready.add(frozenset(map(Mark.of, os.listdir(self._directory / "ready"))))
            names = set(os.listdir(self._directory / "processes")) - self._gone
            marks = {name: Mark.of(name) for name in names}
            self._gone |= {name for name, mark in marks.items() if not procfs.alive(mark.pid)}
            self.processes.add(frozenset(marks[name] for name in names - self._gone))
            over = self._done.wait(PERIOD)

    @property
    def least_ready(self) -> int:
        return min(map(len, self.ready))

    @property
    def most_processes(self) -> int:
        return max(map(len, self.processes))

    @property
    def most_generations(self) -> int:
        """The greatest number of generations that lived at a time."""
        return max(len({mark.more for mark in picture}) for picture in self.processes)

    @property
    def most_of_one_worker(self) -> int:
        """The greatest number of processes that a worker had at a time."""
        return max(
            max(Counter((mark.service, mark.worker_id) for mark in picture).values(), default=0)
            for picture in self.processes
        )

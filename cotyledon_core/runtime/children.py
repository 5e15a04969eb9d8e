"""The processes that are alive: who they are, and how they are signalled."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping

from cotyledon_core.process import proctable
from cotyledon_core.process.child import Child
from cotyledon_core.process.reaper import Usage
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.signals import SIGHUP
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.findings import Findings
from cotyledon_core.supervision.messages import Incarnation

ANCESTRY_LIMIT = 16
NO_ANSWERS: Mapping[int, str] = {}


class WorkerProcess:
    """A living process of a worker."""

    __slots__ = (
        "answers",
        "child",
        "dump",
        "error",
        "executed",
        "incarnation",
        "killed",
        "notifies",
        "oom_killed",
        "reload_signal",
        "start_error",
        "stop_signal",
        "undecided",
        "undelivered",
        "usage",
        "wrote_dump",
    )

    def __init__(self, incarnation: Incarnation, child: Child) -> None:
        self.incarnation = incarnation
        self.child = child
        self.stop_signal: int = signal.SIGTERM
        self.reload_signal: int | None = SIGHUP
        self.start_error = ""
        self.executed = False
        """Whether a program has taken the process over."""
        self.undecided = False
        """Whether that may still come."""
        self.error = ""
        self.dump = ""
        """The stacks that it has written at a fatal error."""
        self.killed = False
        """Whether it was sent SIGKILL."""
        self.oom_killed = False
        self.notifies = False
        """Whether its program says itself when it is ready."""
        self.wrote_dump = False
        """Whether it was asked for its stacks, or has written them before it was."""
        self.undelivered: list[Request] = []
        """What waits until the process can take it."""
        self.usage: Usage | None = None
        self.answers: Mapping[int, str] = NO_ANSWERS
        """By the number of a question that was put to it; empty until it has answered."""

    def findings(self) -> Findings:
        """What is known of the process, after its end; as long as it has its place."""
        usage = self.usage._asdict() if self.usage else {}
        stderr = self.child.stderr
        busy_seconds, units = self.child.place.work(time.monotonic())
        return Findings(
            **usage,
            busy_seconds=busy_seconds,
            units=units,
            oom_killed=self.oom_killed,
            dump=self.dump,
            stderr_tail=stderr.tail if stderr else "",
        )


class Children:
    """Worker processes by pid and by incarnation."""

    def __init__(self, roll: Roll) -> None:
        self._roll = roll
        self._by_pid: dict[int, WorkerProcess] = {}
        self._by_incarnation: dict[Incarnation, WorkerProcess] = {}

    def __contains__(self, pid: object) -> bool:
        return pid in self._by_pid

    def __len__(self) -> int:
        return len(self._by_pid)

    def pids(self) -> Iterator[int]:
        return iter(list(self._by_pid))

    def all(self) -> list[WorkerProcess]:
        return list(self._by_pid.values())

    def waited_for(self) -> Iterator[int]:
        """The pids of those that are children of ours, not of a fork server."""
        processes = list(self._by_pid.values())
        return (process.child.pid for process in processes if process.child.awaited is None)

    def add(self, process: WorkerProcess) -> None:
        self._roll.enter(process.child.pid, process.child.roll_slot)
        self._by_pid[process.child.pid] = process
        self._by_incarnation[process.incarnation] = process

    def remove(self, pid: int) -> WorkerProcess:
        """Forget a process that has ended."""
        self._roll.leave(pid)
        process = self._by_pid.pop(pid)
        del self._by_incarnation[process.incarnation]
        return process

    def get(self, incarnation: Incarnation) -> WorkerProcess | None:
        return self._by_incarnation.get(incarnation)

    def sender(self, pid: int) -> WorkerProcess | None:
        """The worker process that a message comes from: itself or an ancestor of the sender."""
        for _ in range(ANCESTRY_LIMIT):
            process = self._by_pid.get(pid)
            if process is not None:
                return process
            parent = proctable.parent_of(pid)
            if parent is None or parent <= 1:
                return None
            pid = parent
        return None

    def of_pid(self, pid: int) -> WorkerProcess | None:
        """The worker process with this pid."""
        return self._by_pid.get(pid)

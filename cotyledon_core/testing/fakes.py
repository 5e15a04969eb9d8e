"""A clock, processes and a kernel as values."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.messages import Incarnation, Instant

FIRST_PID = 100


class FakeClock:
    """Both clocks; they stand still until they are moved.

    :param monotonic: seconds.
    :param wall: seconds since the epoch.
    """

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self.monotonic = monotonic
        self.wall = wall

    def now(self) -> Instant:
        return Instant(self.monotonic, self.wall)

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.monotonic += seconds
        self.wall += seconds

    def advance_to(self, monotonic: float) -> None:
        """Let time pass until then, if that is not in the past."""
        self.advance(max(monotonic - self.monotonic, 0.0))

    def jump(self, seconds: float) -> None:
        """Set the wall clock, forward or backward."""
        self.wall += seconds


@dataclass(eq=False, slots=True)
class FakeProcess:
    """A process; after its end it exists until it is reaped."""

    incarnation: Incarnation
    pid: int
    obedient: bool = True
    """Whether it ends with status 0 when it is asked to end."""
    mortal: bool = True
    """Whether SIGKILL ends it: a process that waits for a dead disk does not end."""
    ready: bool = False
    """Whether it has said that it is ready."""
    beating: bool = True
    """Whether it gives signs of life while it lives."""
    last_beat: float = 0.0
    stacks: str = "stacks"
    """What it writes when it is asked for its stacks."""
    abortable: bool = True
    """Whether the watchdog's signal ends it."""
    status: ExitStatus | None = None
    """How it ended."""
    received: list[Request] = field(default_factory=list)
    """All signals so far."""

    @property
    def asked(self) -> bool:
        """Whether it was asked to end."""
        return not {Request.STOP, Request.INTERRUPT, Request.KILL}.isdisjoint(self.received)

    @property
    def dumped(self) -> str:
        """The stacks that it has written."""
        return self.stacks if Request.DUMP in self.received else ""


class FakeKernel:
    """Processes as values."""

    def __init__(self) -> None:
        self.obedient = True
        """Of processes to come, as is ``mortal``."""
        self.mortal = True
        self.refusals = 0
        """So many starts fail from now on."""
        self.processes: dict[int, FakeProcess] = {}
        """By pid; those that were reaped are gone."""
        self._free: list[int] = []
        self._fresh = itertools.count(FIRST_PID)
        self._ended: deque[FakeProcess] = deque()

    def spawn(self, incarnation: Incarnation) -> FakeProcess:
        """
        :raises BlockingIOError: if the start is refused.
        """
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError("Resource temporarily unavailable")
        pid = heapq.heappop(self._free) if self._free else next(self._fresh)
        process = FakeProcess(incarnation, pid, self.obedient, self.mortal)
        self.processes[pid] = process
        return process

    def signal(self, pid: int, request: Request) -> None:
        """Whoever has the pid gets the signal."""
        process = self.processes[pid]
        process.received.append(request)
        if request is Request.KILL and process.mortal:
            self.end(process, ExitStatus(signal=9))
        elif request is Request.ABORT and process.abortable:
            self.end(process, ExitStatus(signal=6))
        elif request in (Request.STOP, Request.INTERRUPT) and process.obedient:
            self.end(process, ExitStatus(code=0))

    def end(self, process: FakeProcess, status: ExitStatus) -> None:
        """The process ends, if it has not ended; nobody is told yet."""
        if process.status is None:
            process.status = status
            self._ended.append(process)

    def reap(self) -> FakeProcess | None:
        """Take the status of the process that ended first; its pid is free again."""
        if not self._ended:
            return None
        process = self._ended.popleft()
        del self.processes[process.pid]
        heapq.heappush(self._free, process.pid)
        return process

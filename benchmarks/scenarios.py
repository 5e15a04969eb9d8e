"""What is done to a contestant, and what is read from it meanwhile."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import procfs
from benchmarks.contestants import stamps
from benchmarks.roster import Contestant, environment, python
from benchmarks.session import Overdue, Session, SessionError

RECOVERY_LIMIT = 20.0
"""Seconds after which a recovery is given up: Cotyledon's limiter may take minutes."""
SMALL = 10
"""Up to so many workers a session is over so soon that a round has several."""

Sizes = Mapping[str, Collection[int]]
"""With how many workers each row is measured."""

FULL: Sizes = {
    "start": (1, 10, 100, 500, 1000),
    "launch": (1, 100),
    "recovery": (10, 500),
    "again": (10,),
    "half": (200,),
    "reload": (10, 100, 500),
    "replace": (10, 100, 500),
    "stop": (10, 100, 500),
    "neighbour": (10,),
    "watched": (1000,),
    "idle": (100,),
    "memory": (100,),
    "import": (0,),
}
QUICK: Sizes = {
    "start": (1, 10),
    "launch": (1,),
    "recovery": (10,),
    "half": (20,),
    "reload": (10,),
    "stop": (10,),
    "idle": (10,),
    "memory": (10,),
    "import": (0,),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured value of one row."""

    row: str
    value: float
    unit: str = "s"
    base: float | None = None
    """What the ratio refers to, if not to the bare loop's value of the same round."""
    overdue: bool = False
    """Whether the value is a limit that was exceeded."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the scenarios of one run have in common."""

    sizes: Sizes
    scratch: Path
    idle_seconds: float
    watchdog_periods: float = 2.0

    def wants(self, row: str, workers: int) -> bool:
        return workers in self.sizes.get(row, ())


Scenario = Callable[[Run, Contestant, int], Iterator[Sample]]


def schedule(run: Run) -> list[tuple[Scenario, int]]:
    """What one round does with every contestant, and with how many workers."""
    rows = ("start", "launch", "recovery", "reload", "stop", "idle", "memory")
    sizes = sorted({size for row in rows for size in run.sizes.get(row, ())})
    steps: list[tuple[Scenario, int]] = []
    for size in sizes:
        steps += [(life, size)] * (3 if size <= SMALL else 1)
    others = (
        ("again", again),
        ("half", half),
        ("replace", replacement),
        ("neighbour", neighbour),
        ("watched", watched),
    )
    for row, scenario in others:
        steps += [(scenario, size) for size in run.sizes.get(row, ())]
    return steps + [(imports, 0)] * (3 if run.wants("import", 0) else 0)


def life(run: Run, contestant: Contestant, workers: int) -> Iterator[Sample]:
    """One session from start to stop."""
    with contestant.start(run.scratch, workers) as session:
        begin = session.wait_for(stamps.MANAGER_RUNS, 1)
        end = session.wait_for(stamps.WORKER_RUNS, workers)
        if run.wants("start", workers):
            yield Sample(f"start of {workers}", end - begin)
        if run.wants("launch", workers):
            yield Sample(f"start of {workers}, from the program's own", end - session.launched)
        if run.wants("idle", workers):
            yield from rest(session, run.idle_seconds)
        if run.wants("memory", workers):
            yield from weigh(session)
        if run.wants("recovery", workers):
            yield Sample(f"recovery of one of {workers}", recover(session, [0]))
        if run.wants("reload", workers):
            yield Sample(f"reload of {workers}", reload(session, workers))
        if run.wants("stop", workers):
            session.settle()
            yield Sample(f"stop of {workers}", session.stop())


def again(run: Run, contestant: Contestant, workers: int) -> Iterator[Sample]:
    """A second worker dies soon after the first."""
    with contestant.start(run.scratch, workers) as session:
        session.wait_for(stamps.WORKER_RUNS, workers)
        recover(session, [0])
        yield Sample(f"recovery of a second one of {workers}", recover(session, [1]))


def half(run: Run, contestant: Contestant, workers: int) -> Iterator[Sample]:
    """Half of the workers die at once."""
    with contestant.start(run.scratch, workers) as session:
        session.wait_for(stamps.WORKER_RUNS, workers)
        row = f"recovery of half of {workers}"
        try:
            yield Sample(row, recover(session, range(0, workers, 2)))
        except Overdue as overdue:
            yield Sample(row, overdue.limit, overdue=True)


def replacement(run: Run, contestant: Contestant, workers: int) -> Iterator[Sample]:
    """SIGHUP to a service without reload code; compared with stopping and starting it."""
    if not contestant.has_services or not contestant.replaces:
        return
    with contestant.start(run.scratch, workers, "replaced") as session:
        begin = session.wait_for(stamps.MANAGER_RUNS, 1)
        start = session.wait_for(stamps.WORKER_RUNS, workers) - begin
        session.settle()
        begin = time.monotonic()
        os.kill(session.pid, signal.SIGHUP)
        replaced = session.wait_for(stamps.WORKER_RUNS, workers, begin) - begin
        session.settle()
        stop = session.stop()
    yield Sample(f"replacement of {workers}", replaced, base=start + stop)


def neighbour(run: Run, contestant: Contestant, workers: int) -> Iterator[Sample]:
    """A worker dies beside a service that crash-loops; compared with one that dies alone."""
    if not contestant.has_services:
        return
    with contestant.start(run.scratch, workers) as session:
        session.wait_for(stamps.WORKER_RUNS, workers)
        alone = recover(session, [0])
    with contestant.start(run.scratch, workers, "neighbour") as session:
        session.wait_for(stamps.WORKER_RUNS, workers)
        session.wait_for(stamps.NEIGHBOUR_CRASHES, 2)
        time.sleep(random.uniform(0, 2))  # any moment of the neighbour's pauses
        beside = recover(session, [0])
    yield Sample(f"recovery of one of {workers} beside a crash loop", beside, base=alone)


def watched(run: Run, contestant: Contestant, workers: int) -> Iterator[Sample]:
    """What the manager does for workers whose heartbeats it awaits."""
    if not contestant.has_watchdog:
        return
    with contestant.start(run.scratch, workers, "watched") as session:
        session.wait_for(stamps.WORKER_RUNS, workers)
        session.settle()
        before = procfs.activity(session.pid)
        seconds = stamps.WATCHDOG * run.watchdog_periods
        time.sleep(seconds)
        spent = procfs.activity(session.pid).since(before)
        session.settle()
        if len(session.workers()) != workers or len(session.stamps) != workers + 1:
            raise SessionError("workers were replaced that were alive")
    row = f"watchdog of {stamps.WATCHDOG:g} s on {workers}, the manager's share of a core"
    yield Sample(row, spent.cpu / seconds, "")


def imports(run: Run, contestant: Contestant, workers: int) -> Iterator[Sample]:
    """What the package's import takes in a new interpreter."""
    for row, statement in contestant.imports.items():
        program = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter()-t)"
        output = subprocess.run(
            python("-c", program), env=environment(run.scratch), stdout=subprocess.PIPE, check=True
        ).stdout
        yield Sample(row, float(output))


def recover(session: Session, worker_ids: Collection[int]) -> float:
    """Kill workers; seconds until all their replacements run user code."""
    session.settle()
    workers = session.workers()
    victims = [workers[worker_id] for worker_id in worker_ids]
    begin = time.monotonic()
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    return session.wait_for(stamps.WORKER_RUNS, len(victims), begin, RECOVERY_LIMIT) - begin


def reload(session: Session, workers: int) -> float:
    """Seconds from SIGHUP until all workers execute their reload code."""
    session.settle()
    begin = time.monotonic()
    os.kill(session.pid, signal.SIGHUP)
    return session.wait_for(stamps.WORKER_RELOADED, workers, begin) - begin


def rest(session: Session, seconds: float) -> Iterator[Sample]:
    """What the manager does while there is nothing to do."""
    session.settle()
    before = procfs.activity(session.pid)
    time.sleep(seconds)
    spent = procfs.activity(session.pid).since(before)
    yield Sample(f"idle manager, CPU time in {seconds:g} s", spent.cpu)
    yield Sample(f"idle manager, context switches in {seconds:g} s", spent.context_switches, "")


def weigh(session: Session) -> Iterator[Sample]:
    """What the manager, each worker, and processes beside them hold."""
    session.settle()
    workers = set(session.workers().values())
    everything = procfs.descendants(os.getpid())
    helpers = [procfs.footprint(pid) for pid in everything - workers - {session.pid}]
    yield from _footprint("manager", [procfs.footprint(session.pid)])
    yield from _footprint("worker", [procfs.footprint(pid) for pid in workers])
    cpu = statistics.median(procfs.activity(pid).cpu for pid in workers)
    yield Sample("worker, CPU time of its start", cpu)
    yield Sample("helper processes", len(helpers), "")
    yield Sample("helper processes, private", sum(held.private for held in helpers), "B")


def _footprint(who: str, held: list[procfs.Footprint]) -> Iterator[Sample]:
    def median(values: Iterator[int]) -> float:
        return float(statistics.median(values))

    yield Sample(f"{who}, PSS", median(each.pss for each in held), "B")
    yield Sample(f"{who}, private memory", median(each.private for each in held), "B")
    yield Sample(f"{who}, threads", median(each.threads for each in held), "")
    yield Sample(f"{who}, descriptors", median(each.descriptors for each in held), "")

"""Measures what clients of the control socket cost a manager.

``python -m benchmarks.control`` from a checkout; ``--help`` lists the options.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import procfs
from benchmarks.cli import positive, raise_descriptor_limit
from benchmarks.contestants import stamps
from benchmarks.roster import SCRIPTS, environment, python
from benchmarks.scenarios import recover
from benchmarks.session import Session
from cotyledon_core.control import Client

MANY = 1000
FEW = 20
RATE = 100
"""Requests per second."""

ASKING = """
import sys, time
from cotyledon_core.control import Client
path, rate = sys.argv[1], float(sys.argv[2])
with Client(path) as client:
    client.hello()
    print("asking", flush=True)
    due = time.monotonic()
    while True:
        client.status()
        due += 1 / rate
        time.sleep(max(due - time.monotonic(), 0))
"""


def session(scratch: Path, workers: int, path: Path) -> Session:
    arguments = python(str(SCRIPTS / "steered.py"), str(workers), str(path))
    return Session(arguments, environment(scratch))


def looks(
    scratch: Path, workers: int, rounds: int, *, resources: bool
) -> tuple[list[float], list[float]]:
    """Seconds that ``status`` of many workers takes, and of the longest turn in each."""
    times, pauses = [], []
    path = scratch / "many"
    with session(scratch, workers, path) as running:
        running.wait_for(stamps.WORKER_RUNS, workers)
        running.settle()
        with Client(str(path)) as client:
            client.status(resources=resources)
            for _ in range(rounds):
                running.settle()
                begin = time.monotonic()
                client.status(resources=resources)
                times.append(time.monotonic() - begin)
                running.settle()
                long = [s for s in running.stamps if s.kind == stamps.LONG_TURN and s.at >= begin]
                pauses.append(max((each.worker_id / 1e6 for each in long), default=0.0))
        running.stop()
    return times, pauses


@contextlib.contextmanager
def asking(scratch: Path, path: Path) -> Iterator[None]:
    """A client that asks for the status again and again."""
    client = subprocess.Popen(
        [sys.executable, "-P", "-c", ASKING, str(path), str(RATE)],
        env=environment(scratch),
        stdout=subprocess.PIPE,
    )
    with client:
        try:
            assert client.stdout is not None
            client.stdout.readline()
            yield
        finally:
            client.kill()


def recoveries(scratch: Path, asked_before: float) -> tuple[list[float], list[float]]:
    """Seconds that recoveries take, in turns without and with a client that asks.

    :param asked_before: for how many seconds it has asked when a worker is killed.
    """
    alone, asked = [], []
    path = scratch / "few"
    with session(scratch, FEW, path) as running:
        running.wait_for(stamps.WORKER_RUNS, FEW)
        # each worker once: its second restart would wait
        for worker_id in range(0, FEW, 2):
            alone.append(recover(running, [worker_id]))
            with asking(scratch, path):
                time.sleep(asked_before)
                asked.append(recover(running, [worker_id + 1]))
        running.stop()
    return alone, asked


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(argv)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    raise_descriptor_limit()
    procfs.become_subreaper()
    alone: list[float] = []
    asked: list[float] = []
    with tempfile.TemporaryDirectory(prefix="cotyledon-benchmark-") as directory:
        scratch = Path(directory)
        for resources in (False, True):
            rounds = 4 * options.rounds
            times, pauses = looks(scratch, options.workers, rounds, resources=resources)
            print(
                f"status of {options.workers}{', with resources' if resources else ''}: "
                f"{statistics.median(times) * 1e3:.1f} ms; longest turn "
                f"{statistics.median(pauses) * 1e3:.1f} ms (at most {max(pauses) * 1e3:.1f} ms)"
            )
        asked_before = options.seconds / (options.rounds * FEW / 2)
        for _ in range(options.rounds):
            for found, more in zip((alone, asked), recoveries(scratch, asked_before), strict=True):
                found.extend(more)
    ratio = statistics.median(after / before for before, after in zip(alone, asked, strict=True))
    print(
        f"recovery of one of {FEW}: {statistics.median(alone) * 1e3:.2f} ms; with {RATE} requests "
        f"per second {statistics.median(asked) * 1e3:.2f} ms, {ratio:.2f}x"
    )
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.control", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    add("--workers", type=positive, default=MANY, metavar="N", help=f"for status; default: {MANY}")
    add(
        "--seconds",
        type=positive,
        default=60,
        metavar="N",
        help="for how long requests are sent, all in all; default: 60",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())

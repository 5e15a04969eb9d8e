"""Measures what notifiers cost: all of them against none, side by side in one run.

``python -m benchmarks.notifiers`` from a checkout; ``--help`` lists the options.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks import procfs
from benchmarks.cli import positive
from benchmarks.contestants import stamps
from benchmarks.contestants.notifying import STATUSES
from benchmarks.roster import SCRIPTS, environment, python
from benchmarks.scenarios import recover
from benchmarks.session import Session

WORKERS = 20
PACKAGES = {"statsd": "statsd", "opentelemetry": "opentelemetry"}
"""What must be installed for a notifier, by its name."""

Names = Sequence[str]


@contextlib.contextmanager
def receivers(scratch: Path) -> Iterator[dict[str, str]]:
    """Where notifiers send, by their names; what arrives is thrown away with the sockets."""
    with contextlib.ExitStack() as stack:
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        unix.bind(str(scratch / "notify"))
        yield {
            "log": "log",
            "systemd": f"systemd:{scratch / 'notify'}",
            "json-log": f"json-log:{scratch / 'events.json'}",
            "statsd": f"statsd:{udp.getsockname()[1]}",
            # nobody listens there: spans and metrics are made, and not sent
            "opentelemetry": "opentelemetry:http://127.0.0.1:9",
        }


def session(scratch: Path, names: Names, *more: str) -> Session:
    arguments = python(str(SCRIPTS / "notifying.py"), str(WORKERS), *names, *more)
    return Session(arguments, environment(scratch))


def recoveries(scratch: Path, sides: Sequence[Names]) -> list[list[float]]:
    """Seconds that recoveries take on each side, in turns."""
    found: list[list[float]] = [[] for _ in sides]
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(session(scratch, names)) for names in sides]
        for each in running:
            each.wait_for(stamps.WORKER_RUNS, WORKERS)
        # each worker once: its second restart would wait
        for worker_id in range(WORKERS):
            order = range(len(sides)) if worker_id % 2 else reversed(range(len(sides)))
            for side in order:
                found[side].append(recover(running[side], [worker_id]))
        for each in running:
            each.stop()
    return found


def rate(scratch: Path, names: Names) -> float:
    """Events per second through the manager."""
    with session(scratch, names, "talk") as running:
        begin = running.wait_for(stamps.WORKER_TALKS, 1)
        end = running.wait_for(stamps.EVENTS_TOLD, 1)
        running.stop()
    return STATUSES / (end - begin)


def main(argv: Sequence[str] | None = None) -> int:
    options = parse(argv)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    procfs.become_subreaper()
    times: list[list[float]] = [[], []]
    rates: list[list[float]] = [[], []]
    with tempfile.TemporaryDirectory(prefix="cotyledon-benchmark-") as directory:
        scratch = Path(directory)
        with receivers(scratch) as known:
            names = [name for name in known if find_spec(PACKAGES.get(name, "sys"))]
            sides: list[Names] = [(), [known[name] for name in names]]
            for _ in range(options.rounds):
                for side, found in enumerate(recoveries(scratch, sides)):
                    times[side] += found
                for side, each in enumerate(sides):
                    rates[side].append(rate(scratch, each))
    print(f"with: {', '.join(names)}")
    report(times, rates)
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notifiers", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    return parser.parse_args(argv)


def report(times: Sequence[Sequence[float]], rates: Sequence[Sequence[float]]) -> None:
    none, all_of_them = (statistics.median(each) for each in times)
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    print(f"recovery of one of {WORKERS}, without: {none * 1e3:.2f} ms")
    print(f"recovery of one of {WORKERS}, with:    {all_of_them * 1e3:.2f} ms  {ratio:.2f}x")
    for text, found in zip(("without:", "with:   "), rates, strict=True):
        print(f"events per second, {text} {statistics.median(found):.0f}")


if __name__ == "__main__":
    sys.exit(main())

"""Measures what notifiers cost: none, the log alone, and all, side by side in one run.

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
from collections.abc import Iterator, Mapping, Sequence
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
PACKAGES = {
    "statsd": ("statsd",),
    "prometheus": ("prometheus_client", "psutil"),
    "opentelemetry": ("opentelemetry",),
}
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
            "prometheus": f"prometheus:unix:{scratch / 'exporter'}",
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
    sides: dict[str, Names] = {}
    times: dict[str, list[float]] = {}
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="cotyledon-benchmark-") as directory:
        scratch = Path(directory)
        with receivers(scratch) as known:
            present = [name for name in known if all(map(find_spec, PACKAGES.get(name, ())))]
            sides = {
                "none": [],
                "log": [known["log"]],
                "all": [known[name] for name in present],
            }
            for _ in range(options.rounds):
                for name, found in zip(sides, recoveries(scratch, [*sides.values()]), strict=True):
                    times.setdefault(name, []).extend(found)
                for name, given in sides.items():
                    rates.setdefault(name, []).append(rate(scratch, given))
    print(f"all: {', '.join(present)}")
    for name in sides:
        print(row(name, times, rates))
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notifiers", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    return parser.parse_args(argv)


def row(
    name: str, times: Mapping[str, Sequence[float]], rates: Mapping[str, Sequence[float]]
) -> str:
    """What one side did; ratios are medians over the recoveries of the same turn."""
    recovery = statistics.median(times[name]) * 1e3
    ratios = [
        f"{statistics.median(b / a for a, b in zip(times[base], times[name], strict=True)):.2f}x"
        for base in ("none", "log")
    ]
    return (
        f"{name:5} recovery of one of {WORKERS}: {recovery:6.2f} ms, {ratios[0]} none, "
        f"{ratios[1]} log; {statistics.median(rates[name]):.0f} events per second"
    )


if __name__ == "__main__":
    sys.exit(main())

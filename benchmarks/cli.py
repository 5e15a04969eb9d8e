"""The command line."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import benchmarks
from benchmarks import procfs
from benchmarks.driver import Driver
from benchmarks.results import Results, table
from benchmarks.roster import roster
from benchmarks.scenarios import FULL, QUICK, Run

DESCRIPTORS = 8192
"""What a manager of 1,000 workers may need."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table.

    :return: the exit status; 1 if a contestant failed.
    """
    options = parse(argv)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    raise_descriptor_limit()
    procfs.become_subreaper()
    known = QUICK if options.quick else FULL
    sizes = {row: known[row] for row in options.rows if row in known}
    results = Results([each for each in roster() if each.key in options.contestants])
    with tempfile.TemporaryDirectory(prefix="cotyledon-benchmark-") as scratch:
        run = Run(sizes, Path(scratch), idle_seconds=0.5 if options.quick else 3.0)
        driver = Driver(run, results)
        driver.measure(options.rounds or (1 if options.quick else 5))
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results.as_dict(), indent=1) + "\n")
    return 1 if driver.failed else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command's arguments."""
    keys = [each.key for each in roster()]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="one round, few workers")
    add("--rounds", type=positive, metavar="N", help="default: 5, with --quick 1")
    add("--rows", type=names(FULL), default=list(FULL), help=f"of {','.join(FULL)}")
    add("--contestants", type=names(keys), default=keys, help=f"of {','.join(keys)}")
    add("--json", type=Path, metavar="FILE", help="also write the results there")
    return parser.parse_args(argv)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def names(known: Collection[str]) -> Callable[[str], list[str]]:
    """The type of an argument that lists some of the known names, separated by commas."""

    def check(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen).difference(known):
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(sorted(unknown))} (known: {', '.join(known)})"
            )
        return chosen

    return check


def raise_descriptor_limit() -> None:
    """Let this process, and so the contestants, have the descriptors of 1,000 workers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        enough = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, enough), hard))

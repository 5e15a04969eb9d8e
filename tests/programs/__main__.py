"""Run the scripts of this folder one after the other: ``python tests/programs [NAME …]``."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.script import SKIPPED, add_options

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def main() -> int:
    """Run them; return 1 if one found something wrong, else 0."""
    parser = _parser()
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no {', '.join(unknown)} here; there are {', '.join(NAMES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    outcomes = {}
    for name in options.names or NAMES:
        words = ["--on", options.on, "--cache", str(options.cache)]
        words += ["--keep"] if options.keep else []
        outcomes[name] = _run([sys.executable, str(HERE / f"{name}.py"), *words])
    for name, status in outcomes.items():
        print(f"{name}: {_tell(status)}")
    return int(any(status not in (0, SKIPPED) for status in outcomes.values()))


def _run(command: Sequence[str]) -> int:
    """Run a script, which ends when this is told to end."""
    with subprocess.Popen(command) as script:
        try:
            return script.wait()
        except SystemExit:
            script.terminate()
            raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tests/programs",
        description="Run services that were written for Cotyledon and oslo.service on this "
        "checkout, one after the other.",
        epilog="Exit status: 1 if something was wrong on this checkout. What is skipped, and why, "
        "is told and is no failure.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    add_options(parser)
    return parser


def _tell(status: int) -> str:
    known = {0: "all is well", SKIPPED: "skipped, the reason stands above"}
    return known.get(status, f"not well (exit status {status})")


if __name__ == "__main__":
    sys.exit(main())

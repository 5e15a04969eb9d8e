"""The command line of one program's script, and what it prints.

A trial is made on the framework that the program was written for first, and then on ours.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.commands import locked
from lab.environment import Environment
from lab.errors import Failed, Unavailable
from lab.trial import Finding, Trial

SKIPPED = 77
"""Exit status when something cannot be had on this machine."""

# Servers of root's are run by a user who may not read root's home directory.
_CACHES = "/var/cache" if os.getuid() == 0 else Path.home() / ".cache"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or _CACHES) / "cotyledon-programs"

BASELINE = "baseline"
OURS = "cotyledon-core"

Scenario = Callable[[Trial, Path], None]
"""Tries the program; is given the trial, and the cache for servers."""


def run(
    name: str,
    packages: Sequence[str],
    scenario: Scenario,
    arguments: Sequence[str] | None = None,
) -> int:
    """Try a program; return the exit status.

    0: all was found well on ours; 1: something was not; 77: it could not be tried.

    :param name: of the program and its requirements.
    :param packages: whose versions are told.
    """
    options = parser(name).parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        # Another run of it would install anew what this one runs.
        with locked(options.cache / f"{name}.lock"):
            return _run(name, packages, scenario, options)
    except Unavailable as unavailable:
        print(f"{name}: skipped: {unavailable}")
        return SKIPPED


def _end(number: int, frame: object) -> None:
    """Have a SIGTERM end all that was started, undisturbed by another."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def parser(name: str) -> argparse.ArgumentParser:
    """The options of a script."""
    made = argparse.ArgumentParser(
        description=f"Run {name}, installed from PyPI, on the framework that it was written for "
        "and on this checkout, end to end, and compare.",
        epilog="Exit status: 0 if all is well on this checkout, 1 if not, "
        f"{SKIPPED} if something cannot be had on this machine.",
    )
    add_options(made)
    return made


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those that go on from the command that runs all scripts to each of them."""
    parser.add_argument(
        "--on",
        choices=(BASELINE, OURS, "both"),
        default="both",
        help="the framework: the one that the program was written for, this checkout, "
        "or both (the default)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=CACHE,
        metavar="DIRECTORY",
        help="where environments and servers are kept for the next run (default: %(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the directories with configuration and logs"
    )


def _run(
    name: str, packages: Sequence[str], scenario: Scenario, options: argparse.Namespace
) -> int:
    cache = options.cache.resolve()
    environment = Environment(name, cache)
    environment.prepare()
    try:
        environment.install_checkout()
        paths = {BASELINE: "", OURS: environment.compat_path()}
    except Unavailable as fault:  # and no reason to skip it
        sys.exit(f"{name}: this checkout cannot be installed: {fault}")
    versions = ", ".join(f"{package} {environment.version(package)}" for package in packages)
    print(f"{versions}, cotyledon-core {environment.version('cotyledon-core')}", flush=True)
    failed = False
    for framework in (BASELINE, OURS):
        if options.on not in (framework, "both"):
            continue
        variables = {"PYTHONPATH": paths[framework]}
        findings = _try(environment, variables, scenario, cache, options.keep)
        _tell(framework, findings)
        failed |= framework == OURS and not all(finding.good for finding in findings)
    return int(failed)


def _try(
    environment: Environment,
    variables: Mapping[str, str],
    scenario: Scenario,
    cache: Path,
    keep: bool,
) -> Sequence[Finding]:
    directory = Path(tempfile.mkdtemp(prefix="programs-trial-"))
    trial = Trial(environment, variables, directory)
    try:
        with trial.stack:
            scenario(trial, cache)
    except Failed:
        pass
    except OSError as error:
        trial.find("what the trial asks for is answered", False, error)
    finally:
        bad = not all(finding.good for finding in trial.findings)
        if keep or bad:
            print(f"see {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory)
    return trial.findings


def _tell(framework: str, findings: Sequence[Finding]) -> None:
    print(f"on {framework}")
    for finding in findings:
        detail = f" ({finding.detail})" if finding.detail else ""
        print(f"  {'ok  ' if finding.good else 'FAIL'} {finding.question}{detail}", flush=True)

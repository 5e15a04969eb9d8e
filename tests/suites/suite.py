"""A run of somebody else's tests, and what is expected of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tests.suites.environment import ROOT, Environment

ANSWERS = ROOT / "cotyledon_core" / "compat" / "path"
LISTS = Path(__file__).parent

ONE_TEST = 20
"""Seconds; some wait without end for a log line that is not written."""
WHOLE = 200
"""Seconds for all of them."""


class Suite:
    """Runs tests in an environment.

    :param answered: the folder of :mod:`cotyledon_core.compat` that is put on ``PYTHONPATH``:
        ``cotyledon``, ``oslo_service`` or ``both``.
    :param directory: for what the run writes.
    :param root: above all tests; the directory unless given.
    """

    def __init__(
        self, environment: Environment, answered: str, directory: Path, root: Path | None = None
    ) -> None:
        self._environment = environment
        self._root = root or directory
        self._answered = ANSWERS / answered
        self._directory = directory
        self.output = ""

    def run(self, tests: Sequence[Path], *first: Path) -> dict[str, str]:
        """Run the tests.

        :param first: folders that come first on ``PYTHONPATH``.
        :returns: ``passed``, ``failed`` or ``skipped``, by test.
        """
        report = self._directory / "report.xml"
        report.unlink(missing_ok=True)
        python = str(self._environment.bin / "python")
        command = [
            python,
            str(LISTS / "stage" / "reaper.py"),
            *(
                python,
                "-m",
                "pytest",
                "-q",
                "-n",
                "4",
                f"--timeout={ONE_TEST}",
                "-p",
                "no:cacheprovider",
            ),
            *("-W", "ignore", f"--junitxml={report}", f"--rootdir={self._root}"),
            *map(str, tests),
        ]
        done = subprocess.run(
            command,
            cwd=self._directory,
            env=self._variables(first),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WHOLE,
            check=False,
        )
        self.output = done.stdout
        return _outcomes(report)

    def _variables(self, first: Sequence[Path]) -> dict[str, str]:
        path = [*first, self._answered, ROOT]
        kept = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        return {
            **kept,
            "PATH": f"{self._environment.bin}:{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            # or the tests have eventlet patch the standard library
            "OSLO_SERVICE_SKIP_EVENTLET": "1",
        }


def _outcomes(report: Path) -> dict[str, str]:
    """By test, such as ``test_opts.TestClass.test_name``."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        where = f".{case.get('classname')}".partition(".tests.")[2]
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        found[f"{where}.{case.get('name')}"] = "skipped" if "skipped" in kinds else outcome
    return found


def explained(name: str) -> dict[str, str]:
    """The reasons in a list, by test: ``test_opts.TestClass.test_name: the reason``."""
    lines = (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    entries = [line.partition(": ") for line in lines if line and not line.startswith("#")]
    assert all(reason for _, _, reason in entries), "each line is a test, a colon and a reason"
    return {test: reason for test, _, reason in entries}


def surprises(outcomes: Mapping[str, str], reasons: Mapping[str, str]) -> list[str]:
    """What is not as the list says, a line for each."""
    failed = {test for test, outcome in outcomes.items() if outcome == "failed"}
    return [
        *(f"{test} failed, and is not in the list" for test in sorted(failed - set(reasons))),
        *(
            f"{test} is in the list, and {outcomes.get(test, 'was not run')}"
            for test in sorted(set(reasons) - failed)
        ),
    ]

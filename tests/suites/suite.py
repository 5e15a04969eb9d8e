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

Outcomes = dict[str, str]
"""``passed``, ``failed`` or ``skipped``, by test, such as ``test_opts.TestClass.test_name``."""

ONE_TEST = 30
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

    def run(self, tests: Sequence[Path], reasons: Mapping[str, str], *first: Path) -> Outcomes:
        """Run the tests; those that fail without a reason once more, one at a time.

        Some of them sleep and then look whether something has happened, which
        a busy machine may not have come to.

        :param reasons: why tests fail, by test.
        :param first: folders that come first on ``PYTHONPATH``.
        """
        outcomes, places = self._run(list(map(str, tests)), first)
        doubtful = [
            places[test]
            for test, outcome in outcomes.items()
            if outcome == "failed" and test not in reasons
        ]
        if doubtful:
            outcomes |= self._run(["-n", "0", *doubtful], first)[0]
        return outcomes

    def _run(self, arguments: Sequence[str], first: Sequence[Path]) -> tuple[Outcomes, Outcomes]:
        """
        :returns: by test, its outcome and what pytest calls it.
        """
        report = self._directory / "report.xml"
        report.unlink(missing_ok=True)
        python = str(self._environment.bin / "python")
        command = [
            python,
            str(LISTS / "stage" / "reaper.py"),
            *(python, "-m", "pytest", "-q", "-n", "4", f"--timeout={ONE_TEST}"),
            *("-p", "no:cacheprovider", "-W", "ignore", f"--junitxml={report}"),
            *("-o", "junit_family=xunit1", f"--rootdir={self._root}", *arguments),
        ]
        done = subprocess.run(
            command,
            cwd=self._root,
            env=self._variables(first),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=WHOLE,
            check=False,
        )
        self.output += done.stdout
        return _read(report)

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


def _read(report: Path) -> tuple[Outcomes, Outcomes]:
    outcomes, places = {}, {}
    for case in ElementTree.parse(report).iter("testcase"):
        where, name = case.get("classname", ""), case.get("name", "")
        test = f"{f'.{where}'.partition('.tests.')[2]}.{name}"
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        outcomes[test] = "skipped" if "skipped" in kinds else outcome
        places[test] = f"{case.get('file')}::{where.rpartition('.')[2]}::{name}"
    return outcomes, places


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

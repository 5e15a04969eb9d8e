"""Loggers that load logging only when something is logged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cotyledon_core import log

ROOT = Path(__file__).parents[2]


def run(program: str) -> tuple[str, str]:
    """Standard output and error of a fresh interpreter, without what it says of its start."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nfrom cotyledon_core import log\n{program}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip(), done.stderr.strip()


def test_what_nobody_would_see_loads_nothing() -> None:
    program = "log.Log('a').info('unseen'); print('logging' in sys.modules)"
    assert run(program) == ("False", "")


def test_a_warning_is_seen_without_any_configuration() -> None:
    program = "log.Log('a').warning('%s is wrong', 'this'); print('logging' in sys.modules)"
    assert run(program) == ("True", "this is wrong")


def test_an_exception_comes_with_its_traceback() -> None:
    program = "try: 1 / 0\nexcept ZeroDivisionError: log.Log('a').exception('failed')"
    _, text = run(program)
    assert text.splitlines()[0] == "failed"
    assert text.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_records_are_those_of_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="tests.log")
    own = log.Log("tests.log")
    own.info("one")
    own.error("two %d", 2)
    own.log(log.DEBUG, "not wanted")
    assert caplog.record_tuples == [("tests.log", 20, "one"), ("tests.log", 40, "two 2")]
    assert {record.funcName for record in caplog.records} == {
        "test_records_are_those_of_the_logger"
    }


def test_whoever_has_to_comes_first(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(log, "before_use", lambda: seen.append(len(caplog.records)))
    log.Log("tests.log").warning("one")
    assert seen[0] == 0
    assert len(caplog.records) == 1

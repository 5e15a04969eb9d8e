"""What all unit tests share.

Hypothesis looks the same way each time; ``HYPOTHESIS_PROFILE=deep`` is for a long, random run.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

DEADLINE = 30.0
"""Seconds that a child may take; only a failing test waits so long."""

settings.register_profile("quick", deadline=None, derandomize=True)
settings.register_profile("deep", deadline=None, max_examples=5000, stateful_step_count=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


_RUNNERS_THREADS = "ignore:.*is multi-threaded, use of fork:DeprecationWarning"
"""The test runner may have threads; that a manager forks with threads is looked at elsewhere."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(_RUNNERS_THREADS))


@pytest.fixture
def in_child() -> Callable[[Callable[[], Any]], Any]:
    """Run a function in a forked child; return what it returned, or fail as it failed.

    The child leads a session; what it leaves there is ended.
    """
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    return _run_in_child


def _run_in_child(function: Callable[[], Any]) -> Any:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(reader)
        _be_child(function, writer)
    os.close(writer)
    try:
        return _answer(reader)
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _be_child(function: Callable[[], Any], writer: int) -> NoReturn:
    try:
        try:
            answer = (True, function())
        except BaseException:
            answer = (False, traceback.format_exc())
        os.write(writer, pickle.dumps(answer))
    finally:
        os._exit(0)


def _answer(reader: int) -> Any:
    data = b""
    while True:
        ready, _, _ = select.select([reader], [], [], DEADLINE)
        assert ready, "the child does not come to an end"
        more = os.read(reader, 65536)
        assert more, "the child ended without an answer"
        data += more
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            succeeded, result = pickle.loads(data)
            break
    assert succeeded, result
    return result

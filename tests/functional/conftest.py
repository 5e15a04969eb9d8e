"""Fixtures of the functional tests."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.harness import Application, Launch

METHODS = ("fork", "forkserver", "spawn")

# nohup has it ignored, by all that the tests start, too
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Each of multiprocessing's start methods."""
    return str(request.param)


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start applications; whatever is left of them ends with the test."""
    applications: list[Application] = []
    # Not pytest's own directory: some applications run as another user.
    top = Path(tempfile.mkdtemp(prefix="cotyledon-test-"))
    top.chmod(0o777)

    def start(script: str, *arguments: str, **options: Any) -> Application:
        directory = top / str(len(applications))
        directory.mkdir()
        directory.chmod(0o777)
        application = Application(script, *arguments, directory=directory, **options)
        applications.append(application)
        return application

    yield start
    reports = []
    for application in applications:
        application.close()
        reports.append(application.report())
    print(*reports, sep="\n")
    shutil.rmtree(top)

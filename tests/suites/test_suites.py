"""Cotyledon's and oslo.service's own tests, where our modules answer to those names.

Whatever fails is in a list beside this file, with the reason.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.suites.environment import Environment, Unavailable
from tests.suites.suite import Suite, explained, surprises

pytestmark = [pytest.mark.suites, pytest.mark.timeout(600)]

STAGE = Path(__file__).parent / "stage"
OSLO_SERVICE = (
    "backend",
    "functional",
    "test_fixture.py",
    "test_multiprocessing.py",
    "test_opts.py",
    "test_periodic.py",
    "test_spawn_context_integration.py",
    "test_systemd.py",
)
"""What of oslo.service's tests is about the threading backend, or about both."""


@pytest.fixture
def environment(pytestconfig: pytest.Config) -> Iterator[Environment]:
    """Where the tests are; skipped where it cannot be had."""
    assert pytestconfig.cache is not None
    try:
        found = Environment(pytestconfig.cache.mkdir("suites"))
    except Unavailable as error:
        pytest.skip(str(error))
    with contextlib.closing(found):
        yield found


def check(name: str, suite: Suite, tests: Sequence[Path], *first: Path) -> None:
    """
    :param name: of the list.
    """
    reasons = explained(name)
    outcomes = suite.run(tests, reasons, *first)
    print(suite.output)
    assert "passed" in outcomes.values()
    assert surprises(outcomes, reasons) == []


def test_oslo_service_on_our_cotyledon(environment: Environment, tmp_path: Path) -> None:
    """Its threading backend is a layer over Cotyledon; that is ours."""
    suite = Suite(environment, "cotyledon", tmp_path, environment.packages)
    tests = environment.packages / "oslo_service" / "tests"
    check("oslo_service_on_our_cotyledon", suite, [tests / part for part in OSLO_SERVICE])


def test_our_oslo_service(environment: Environment, tmp_path: Path) -> None:
    """All of it is ours, the looping calls and thread groups for eventlet included."""
    package = tmp_path / "first" / "oslo_service"
    shutil.copytree(environment.packages / "oslo_service" / "tests", package / "tests")
    shutil.copy(STAGE / "oslo_service_package.py", package / "__init__.py")
    suite = Suite(environment, "both", tmp_path)
    parts = (*OSLO_SERVICE, "test_loopingcall.py", "test_threadgroup.py")
    tests = [package / "tests" / part for part in parts]
    check("our_oslo_service", suite, tests, package.parent)


def test_our_cotyledon(environment: Environment, tmp_path: Path) -> None:
    """Its functional tests read its log lines, so they are written."""
    tests = tmp_path / "tests"
    shutil.copytree(environment.packages / "cotyledon" / "tests", tests)
    examples = tests / "examples.py"
    examples.write_text(
        "import cotyledon, cotyledon_lines\n"
        "cotyledon.ServiceManager = cotyledon_lines.Manager\n" + examples.read_text()
    )
    check("our_cotyledon", Suite(environment, "both", tmp_path), [tests], STAGE)

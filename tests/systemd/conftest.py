"""A machine for each test, with each systemd that can be had."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.functional import harness
from tests.systemd.bases import Unavailable, command
from tests.systemd.machine import COMMANDS, Machine
from tests.systemd.unit import ROOT, Unit

BASES = ("host", "backports", "trixie")
REFUSALS = pytest.StashKey[dict[str, str]]()

RunUnit = Callable[..., Unit]
"""What the fixture ``unit`` gives."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("systemd")


@pytest.fixture(params=BASES)
def machine(
    request: pytest.FixtureRequest,
    pytestconfig: pytest.Config,
    tmp_path: Path,
) -> Iterator[Machine]:
    """A machine; the test is skipped, with the reason, where it cannot be had."""
    base = request.param
    refusals = pytestconfig.stash.setdefault(REFUSALS, {})
    if base in refusals:
        pytest.skip(refusals[base])
    try:
        made = make(base, pytestconfig.cache.mkdir("systemd"), tmp_path)
    except Unavailable as error:
        refusals[base] = f"{base}: {error}"
        pytest.skip(refusals[base])
    try:
        yield made
        print(made.journal())
    finally:
        made.close()


def make(base: str, cache: Path, directory: Path) -> Machine:
    if not sys.platform.startswith("linux"):
        raise Unavailable("this is not Linux")
    if os.geteuid() != 0:
        raise Unavailable("only root can make a machine")
    for name in COMMANDS:
        command(name)
    python = dict.fromkeys((sys.prefix, sys.base_prefix))
    if "/usr" in python and base not in ("host", "backports"):
        raise Unavailable("the distribution's own Python is not in another release's tree")
    package = harness.import_path().split(os.pathsep)[0]
    visible = dict.fromkeys([str(ROOT), package, *python])
    return Machine(base, cache, directory, [Path(path) for path in visible if path != "/usr"])


@pytest.fixture
def unit(machine: Machine) -> RunUnit:
    """Makes the unit, from the lines that the test adds to it."""
    return partial(Unit, machine)


@pytest.fixture
def started(unit: RunUnit) -> Unit:
    """A unit that runs, with four workers."""
    made = unit()
    assert made.call("start") == 0
    made.wait_for_workers(4)
    return made

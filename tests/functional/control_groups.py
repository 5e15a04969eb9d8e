"""Control groups of a test's own, where the machine lets it make some."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest


@contextlib.contextmanager
def limited(controller: str, v1: Mapping[str, str], v2: Mapping[str, str]) -> Iterator[Path]:
    """A control group with limits; the test is skipped where it cannot be had.

    At the end whatever is in it is killed.

    :param v1: the files of the limits and what to write, in a hierarchy of the controller's own.
    :param v2: the same in the unified hierarchy.
    """
    try:
        group, limits = _place(controller, v1, v2)
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        try:
            for name, limit in limits.items():
                (group / name).write_text(limit)
        except OSError as error:
            pytest.skip(f"its {controller} cannot be limited: {error}")
        yield group
    finally:
        _remove(group)


def _place(
    controller: str, v1: Mapping[str, str], v2: Mapping[str, str]
) -> tuple[Path, Mapping[str, str]]:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        name = f"cotyledon-test-{uuid.uuid4()}"
        if controller in controllers.split(","):
            return Path(f"/sys/fs/cgroup/{controller}{path}", name), v1
        if not controllers and Path("/sys/fs/cgroup/cgroup.controllers").exists():
            return Path(f"/sys/fs/cgroup{path}", name), v2
    pytest.skip(f"there are no {controller} control groups")


def _remove(group: Path) -> None:
    end = time.monotonic() + 10
    while group.exists() and time.monotonic() < end:
        for pid in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(OSError):
            group.rmdir()

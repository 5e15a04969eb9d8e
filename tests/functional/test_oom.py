"""The kernel's OOM killer, in a memory control group of the test's own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotyledon_core.process.oom import INITIAL_PID_NAMESPACE
from tests.functional.control_groups import limited
from tests.functional.harness import Launch

LIMIT = 256 << 20
ENTER = 'echo $$ > "$0"/cgroup.procs && exec "$@"'


def names_pids() -> bool:
    """Whether the kernel's log can be read, and its pids are ours."""
    try:
        os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
        return os.readlink("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE
    except OSError:
        return False


@pytest.fixture
def control_group() -> Iterator[Path]:
    v1, v2 = {"memory.limit_in_bytes": str(LIMIT)}, {"memory.max": str(LIMIT)}
    with limited("memory", v1, v2) as group:
        yield group


def test_who_was_killed_for_lack_of_memory(
    launch: Launch, method: str, control_group: Path
) -> None:
    application = launch(
        "deaths",
        "hungry",
        "1",
        method=method,
        prefix=["sh", "-c", ENTER, str(control_group)],
    )
    ended = application.wait_for_one("exited", service="hungry")
    assert ended.status["signal"] == signal.SIGKILL
    assert not ended.forced
    if names_pids():
        assert ended.oom_killed
        assert "OOM killer" in ended.text
    else:
        assert not ended.oom_killed
        assert "OOM killer" in ended.detail
    application.send(signal.SIGTERM)
    assert application.wait() == 0


def test_a_child_that_was_killed_is_not_its_worker(
    launch: Launch, method: str, control_group: Path
) -> None:
    application = launch(
        "deaths",
        "hungry",
        "2",
        method=method,
        files={"gate-hunger": "", "gate-for ever": ""},
        prefix=["sh", "-c", ENTER, str(control_group)],
    )
    workers = application.wait_for_workers(2)
    os.kill(workers["hungry", 0], signal.SIGSTOP)
    (application.directory / "gate-hunger").unlink()
    child = application.wait_for_one("child ended", parent=workers["hungry", 1])
    assert child.status == -signal.SIGKILL
    application.write("gate-hunger", "")
    os.kill(workers["hungry", 1], signal.SIGKILL)
    ended = application.wait_for_one("exited", worker_id=1)
    assert not ended.oom_killed
    assert application.stop() == 0

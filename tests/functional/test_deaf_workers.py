"""Workers that cannot react any more: they end with the manager all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.functional import procfs
from tests.functional.harness import APPS, Launch

RUNNING = [
    "ignore",
    "block",
    "terminate",
    "gil",
    "stopped",
    "closed",
    "session",
    "session_gil",
    "session_stopped",
    "session_closed",
    "forking",
]
STARTING = ["constructor", "constructor_ignoring", "constructor_gil"]
ELSEWHERE = ["gil", "stopped", "constructor_ignoring", "session_gil"]
"""What is tried with the start methods other than fork too."""

EVERYWHERE = [("fork", way) for way in [*RUNNING, "session_ignore", *STARTING]] + [
    (method, way) for method in ("forkserver", "spawn") for way in ELSEWHERE
]


@pytest.mark.parametrize("way", RUNNING)
def test_worker_is_forced_after_its_own_grace(launch: Launch, way: str) -> None:
    application = launch("deaf", way, "20", environment={"SERVICE_GRACE": "1"})
    application.wait_for("deaf", 2)
    application.wait_for_workers(1)
    assert application.stop() == 0


@pytest.mark.parametrize(("method", "way"), EVERYWHERE)
def test_gone_within_the_managers_grace(launch: Launch, method: str, way: str) -> None:
    application = launch("deaf", way, "1", method=method)
    application.wait_for("deaf", 2)
    application.wait_for_workers(1)
    assert application.stop() in (0, 1)


@pytest.mark.parametrize(("method", "way"), EVERYWHERE)
def test_gone_after_a_killed_manager(launch: Launch, method: str, way: str) -> None:
    application = launch("deaf", way, "1", method=method)
    application.wait_for("deaf", 2)
    application.wait_for_workers(1)
    assert application.stop(signal.SIGKILL) == -signal.SIGKILL
    assert application.records("terminate", service="calm")


@pytest.mark.parametrize("way", ["constructor", "gil", "session_stopped"])
def test_service_without_end_is_bound_by_the_manager(launch: Launch, way: str) -> None:
    application = launch("deaf", way, "1", environment={"SERVICE_GRACE": "0"})
    application.wait_for("deaf", 2)
    application.wait_for_workers(1)
    assert application.stop() == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGALRM])
@pytest.mark.parametrize("way", ["ignore", "gil", "stopped", "constructor", "session_closed"])
def test_gone_at_once(launch: Launch, way: str, number: int) -> None:
    application = launch("deaf", way, "0", environment={"SERVICE_GRACE": "0"})
    application.wait_for("deaf", 2)
    application.wait_for_workers(1)
    assert application.stop(number) == 1


@pytest.mark.parametrize("way", ["ignore", "block", "stopped", "closed"])
def test_deaf_worker_disturbs_nobody(launch: Launch, way: str) -> None:
    application = launch("deaf", way, "1")
    application.wait_for("deaf", 2)
    calm = application.wait_for_workers(1)["calm", 0]
    os.kill(calm, signal.SIGHUP)
    successor = application.wait_for_replacement(calm, ("calm", 0))
    os.kill(successor, signal.SIGKILL)
    application.wait_for_replacement(successor, ("calm", 0))
    deaf = {record.pid for record in application.records("deaf")}
    if way != "closed":
        assert all(procfs.alive(pid) for pid in deaf)
    application.stop()


@pytest.fixture
def trace() -> Iterator[Callable[..., None]]:
    """Stop a process as a debugger does; the debugger ends with the test."""
    tracers = []

    def start(pid: int, *options: str) -> None:
        command = [sys.executable, str(APPS / "tracer.py"), str(pid), *options]
        tracer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        tracers.append(tracer)
        assert tracer.stdout is not None
        answer = tracer.stdout.readline().strip()
        if answer.startswith("refused"):
            pytest.skip(f"not permitted to trace: {answer}")
        assert answer == "stopped"

    yield start
    for tracer in tracers:
        tracer.kill()
        tracer.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("reaping", [True, False])
def test_traced_worker_holds_up_no_stop(
    launch: Launch, trace: Callable[..., None], method: str, number: int, reaping: bool
) -> None:
    """It obeys nothing but SIGKILL, and its tracer learns of its end first."""
    application = launch("plain", "1", "2", "0", method=method)
    workers = application.wait_for_workers(2)
    trace(workers["web", 0], *["reaping"] * reaping)
    expected = {signal.SIGTERM: (0, 1), signal.SIGINT: (1,), signal.SIGKILL: (-signal.SIGKILL,)}
    assert application.stop(number) in expected[signal.Signals(number)]


def test_killed_replacement_of_a_deaf_worker(launch: Launch, method: str) -> None:
    """SIGKILL and the replacement work for a stopped process too."""
    application = launch("deaf", "stopped", "1", method=method)
    deaf = [record.pid for record in application.wait_for("deaf", 2)]
    for pid in deaf:
        os.kill(pid, signal.SIGKILL)
    application.wait_for("deaf", 4)
    deaths = application.wait_for("on_dead_worker", 2)
    assert [death.status for death in deaths] == [-signal.SIGKILL] * 2
    assert application.stop() in (0, 1)

"""systemd's watchdog and its timeouts, and what it shows of the workers."""

from __future__ import annotations

import signal
import time

import pytest

from tests.systemd.conftest import RunUnit
from tests.systemd.machine import until
from tests.systemd.unit import Unit

WATCHED = ("WatchdogSec=1", "Restart=on-failure", "RestartSec=100ms")
LOG_ONLY = "[cotyledon]\nnotifiers = log\n"
LISTED = "[cotyledon]\nnotifiers = log, systemd\n[notifier:systemd]\n"


def outlast(seconds: float) -> None:
    """What systemd bounds takes longer than that."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end, str)


def fed(unit: Unit) -> int:
    """When the watchdog was last fed, in microseconds."""
    return int(unit.get("WatchdogTimestampMonotonic"))


def wait_until_fed(unit: Unit, intervals: int) -> None:
    before = fed(unit)
    until(
        lambda: fed(unit) > before + intervals * 1e6,
        lambda: f"fed at {fed(unit)}, {before} before",
    )


def test_the_watchdog_is_fed_and_ends_a_manager_that_hangs(unit: RunUnit) -> None:
    made = unit(*WATCHED)
    assert made.call("start") == 0
    first = made.wait_for_workers(4)
    wait_until_fed(made, 3)
    assert (made.get("SubState"), made.get("NRestarts")) == ("running", "0")
    made.send(signal.SIGSTOP)
    made.wait_for("NRestarts", "1")
    made.wait_for("SubState", "running")
    assert not made.wait_for_workers(4) & first
    wait_until_fed(made, 2)


def test_the_watchdog_is_not_fed_without_a_quorum(unit: RunUnit) -> None:
    made = unit(*WATCHED)
    made.configure("one", f"{LISTED}watchdog_quorum = 100%\n")
    assert made.call("start") == 0
    made.wait_for_workers(4)
    wait_until_fed(made, 2)
    made.gate("one-0").touch()
    made.send(signal.SIGKILL, *made.running(service="replaced", worker_id=0))
    made.wait_for("NRestarts", "1")
    made.gate("one-0").unlink()
    made.wait_for("SubState", "running")
    wait_until_fed(made, 2)


def test_without_the_notifier_there_is_no_watchdog(unit: RunUnit) -> None:
    made = unit(*WATCHED)
    assert made.call("start") == 0
    made.configure("one", LOG_ONLY)
    made.send(signal.SIGHUP)
    made.wait_for_records(2, "reload")
    outlast(3)
    assert (made.get("SubState"), made.get("NRestarts")) == ("running", "0")
    made.configure("one", LISTED)
    made.send(signal.SIGHUP)
    made.wait_for_records(4, "reload")
    wait_until_fed(made, 3)
    made.send(signal.SIGSTOP)
    made.wait_for("NRestarts", "1")


def test_the_status_shows_a_crash_loop(unit: RunUnit) -> None:
    made = unit()
    made.configure("broken")
    start = made.begin("start")
    made.wait_for(
        "StatusText",
        r"starting: 2 services, 2/4 workers ready, 2 restarting: "
        r"replaced\(0\) exit status 1: .*this generation is broken.*",
    )
    assert start.poll() is None
    assert made.call("stop") == 0
    made.machine.end(start)


def test_the_status_shows_a_worker_that_has_ended(started: Unit) -> None:
    started.gate("one-0").touch()
    started.send(signal.SIGKILL, *started.running(service="replaced", worker_id=0))
    started.wait_for(
        "StatusText", r"2 services, 3/4 workers ready, 1 restarting: replaced\(0\) signal 9"
    )
    started.gate("one-0").unlink()
    started.wait_for("StatusText", "2 services, 4/4 workers ready")
    assert (started.get("SubState"), started.get("NRestarts")) == ("running", "0")


def test_a_start_may_take_longer(unit: RunUnit) -> None:
    made = unit("TimeoutStartSec=4")
    made.gate("one-0").touch()
    start = made.begin("start")
    made.wait_for_records(2, "born")
    outlast(6)
    made.gate("one-0").unlink()
    assert made.machine.end(start).returncode == 0
    assert made.get("SubState") == "running"


@pytest.mark.parametrize("option", ["extend_timeout = 0", "extend_limit = 2"])
def test_a_start_that_makes_no_progress_may_not(unit: RunUnit, option: str) -> None:
    made = unit("TimeoutStartSec=4", "TimeoutStopSec=1")
    made.configure("one", f"{LISTED}{option}\n")
    made.gate("one-0").touch()
    assert made.call("start") != 0
    assert (made.get("ActiveState"), made.get("Result")) == ("failed", "timeout")
    assert not made.processes()


def test_reload_and_stop_may_take_longer(unit: RunUnit) -> None:
    made = unit("TimeoutStartSec=4", "TimeoutStopSec=1")
    assert made.call("start") == 0
    made.configure("two")
    made.gate("two-0").touch()
    reload = made.begin("reload")
    made.wait_for_records(1, "born", generation="two")
    outlast(6)
    assert reload.poll() is None
    made.gate("two-0").unlink()
    assert made.machine.end(reload).returncode == 0
    assert made.get("ReloadResult") == "success"
    made.gate("terminate-0").touch()
    stop = made.begin("stop")
    made.wait_for("StatusText", "stopping; .*")
    outlast(3)
    assert stop.poll() is None
    made.wait_for("StatusText", r"stopping; 2 left: reloads\(0\), replaced\(0\)|.*1 left.*")
    made.gate("terminate-0").unlink()
    assert made.machine.end(stop).returncode == 0
    assert made.get("Result") == "success"

"""The sample unit under a real systemd: its start, reload and stop."""

from __future__ import annotations

import errno
import signal
import sys

import pytest

from tests.systemd.conftest import RunUnit
from tests.systemd.unit import CONFIG_FILE, NAME, Unit

UNBOUND = "sockets = http\n[socket:http]\naddress = /no/such/directory/s\n"


def test_the_start_waits_for_all_workers(unit: RunUnit) -> None:
    made = unit()
    made.gate("one-0").touch()
    made.gate("one-1").touch()
    start = made.begin("start")
    for opened in ("one-0", "one-1"):
        made.wait_for_records(2, "born")
        assert made.get("ActiveState") == "activating"
        assert start.poll() is None
        made.gate(opened).unlink()
    assert made.machine.end(start).returncode == 0
    assert len(made.records("up")) == 2
    assert made.get("ActiveState") == "active"
    assert made.get("StatusText") == "2 services, 4/4 workers ready"


def test_a_start_that_does_not_succeed_is_bounded(unit: RunUnit) -> None:
    made = unit("TimeoutStartSec=2")
    made.configure("broken")
    assert made.call("start") != 0
    assert (made.get("ActiveState"), made.get("Result")) == ("failed", "timeout")
    assert not made.processes()


def test_a_start_that_fails_says_why(unit: RunUnit) -> None:
    made = unit()
    made.configure("one", "workers = many\n")
    assert made.call("start") != 0
    assert (made.get("ActiveState"), made.get("Result")) == ("failed", "exit-code")
    assert made.get("ExecMainStatus") == "1"
    assert made.get("StatusText").startswith("failed with exit status 1: /etc/cotyledon/")
    made.configure("one", UNBOUND)
    assert made.call("start") != 0
    status = made.get("StatusText")
    assert status.startswith("failed with exit status 1: [socket:http] address: cannot listen on")
    assert made.get("StatusErrno") == str(errno.ENOENT)
    made.configure("one")
    assert made.call("start") == 0
    assert made.get("StatusErrno") == "0"


@pytest.mark.parametrize("kill_mode", ["mixed", "control-group"])
def test_stop(unit: RunUnit, kill_mode: str) -> None:
    """With control-group systemd asks the workers too, at the same time as the manager."""
    made = unit(f"KillMode={kill_mode}")
    assert made.call("start") == 0
    workers = made.wait_for_workers(4)
    gate = made.gate("terminate-0")
    gate.touch()
    stop = made.begin("stop")
    made.wait_for("StatusText", "stopping.*")
    made.wait_for_records(4, "terminate")
    assert made.get("SubState") == "stop-sigterm"
    assert stop.poll() is None
    gate.unlink()
    assert made.machine.end(stop).returncode == 0
    assert (made.get("ActiveState"), made.get("Result")) == ("inactive", "success")
    assert made.get("ExecMainStatus") == "0"
    assert made.get("StatusText") == "stopped"
    assert {record.pid for record in made.records("terminate")} == workers
    assert len(made.records("terminate")) == len(made.records("init")) == 4
    assert not made.processes()


def test_a_refused_reload_ends_and_changes_nothing(started: Unit) -> None:
    workers = started.running()
    started.configure("one", "workers = many\n")
    assert started.call("reload") == 0
    assert started.get("SubState") == "running"
    status = started.get("StatusText")
    assert "the running configuration stays" in status
    assert "[service:replaced] workers" in status
    assert started.running() == workers
    started.configure("one")
    assert started.call("reload") == 0
    assert started.get("StatusText").startswith("reloaded")
    assert started.running(service="reloads") < workers


def test_a_signal_by_hand_is_a_reload_too(started: Unit) -> None:
    started.send(signal.SIGHUP)
    started.wait_for("StatusText", "reloaded.*")
    started.wait_for("SubState", "running")


def test_reload_by_a_command(unit: RunUnit) -> None:
    """As before systemd 253; it does not wait for the end."""
    made = unit("Type=notify", "ExecReload=/bin/kill -HUP $MAINPID")
    assert made.call("start") == 0
    assert made.call("reload") == 0
    made.wait_for("StatusText", "reloaded.*")
    made.wait_for("SubState", "running")
    assert made.call("stop") == 0
    assert made.get("Result") == "success"


def test_a_manager_behind_a_shell(unit: RunUnit) -> None:
    """It says which process is the main one."""
    command = f"{sys.executable} -m cotyledon_core run --config-file {CONFIG_FILE}"
    behind = f"ExecStart=/bin/sh -c '{command}; exit $?'"
    lines = ("Type=notify", "NotifyAccess=all", "WatchdogSec=0", "KillMode=control-group")
    made = unit(*lines, "ExecStart=", behind)
    assert made.call("start") == 0
    made.wait_for_workers(4)
    title = made.machine.run("cat", f"/proc/{made.get('MainPID')}/cmdline").stdout
    assert "master process" in title
    assert made.call("stop") == 0
    assert (made.get("ActiveState"), made.get("Result")) == ("inactive", "success")
    assert len(made.records("terminate")) == 4
    assert not made.processes()


def test_a_stop_during_a_reload(started: Unit) -> None:
    started.configure("two")
    started.gate("terminate-0").touch()
    started.gate("terminate-1").touch()
    reload = started.begin("reload")
    started.wait_for_records(1, "terminate", service="replaced")
    stop = started.begin("stop")
    started.wait_for("StatusText", "stopping.*")
    started.gate("terminate-0").unlink()
    started.gate("terminate-1").unlink()
    assert started.machine.end(stop).returncode == 0
    started.machine.end(reload)
    assert (started.get("ActiveState"), started.get("Result")) == ("inactive", "success")
    assert not started.processes()


@pytest.mark.parametrize("kill_mode", ["mixed", "control-group"])
def test_a_manager_that_is_killed_leaves_nothing(unit: RunUnit, kill_mode: str) -> None:
    lines = (f"KillMode={kill_mode}", "Restart=on-failure", "RestartSec=100ms")
    made = unit(*lines)
    assert made.call("start") == 0
    first = made.wait_for_workers(4)
    made.send(signal.SIGKILL)
    made.wait_for("NRestarts", "1")
    made.wait_for("SubState", "running")
    assert not made.wait_for_workers(4) & first
    assert not made.records("init", predecessor_alive=True)


def test_the_sample_is_understood(unit: RunUnit) -> None:
    made = unit()
    verified = made.machine.run("systemd-analyze", "verify", NAME)
    assert (verified.returncode, verified.stdout) == (0, "")

"""A reload that takes new workers, under a real systemd."""

from __future__ import annotations

import pytest

from tests.systemd.unit import Unit

OTHER_OPTIONS = "[cotyledon]\nnotifiers = log, systemd\n[notifier:systemd]\nextend_timeout = 20\n"


def test_reload_ends_when_all_is_done(started: Unit) -> None:
    in_place = started.running(service="reloads")
    started.configure("two")
    assert started.call("reload") == 0
    assert (started.get("ActiveState"), started.get("SubState")) == ("active", "running")
    assert started.get("ReloadResult") == "success"
    assert started.get("StatusText").startswith("reloaded")
    assert len(started.records("up", generation="two")) == 2
    assert len(started.running(service="replaced")) == 2
    started.wait_for_records(2, "reload")
    assert started.running(service="reloads") == in_place
    assert started.call("stop") == 0


@pytest.mark.parametrize("more", ["", OTHER_OPTIONS], ids=["services", "notifier"])
def test_reload_waits_for_the_replacements(started: Unit, more: str) -> None:
    started.configure("two", more)
    for worker_id in range(2):
        started.gate(f"two-{worker_id}").touch()
    reload = started.begin("reload")
    started.wait_for_records(1, "born", generation="two")
    started.wait_for("SubState", "reload-notify")
    assert started.get("StatusText").startswith("reloading")
    assert reload.poll() is None
    # one at a time
    assert (
        len(started.running(service="replaced", worker_id=0))
        + len(started.running(service="replaced", worker_id=1))
        == 1
    )
    for worker_id in range(2):
        started.gate(f"two-{worker_id}").unlink()
    assert started.machine.end(reload).returncode == 0
    assert len(started.records("up", generation="two")) == 2


def test_a_failed_reload_ends_and_is_undone(started: Unit) -> None:
    before = started.running(service="replaced")
    started.configure("broken")
    assert started.call("reload") == 0
    assert started.get("StatusText").startswith("reload failed")
    started.wait_for("StatusText", "reload failed.*; .*is undone; .*")
    started.wait_for_workers(2, service="reloads")
    after = started.wait_for_workers(2, service="replaced")
    assert len(before & after) == 1, "the other one was never touched"
    assert not started.records("up", generation="broken")
    assert started.get("ActiveState") == "active"

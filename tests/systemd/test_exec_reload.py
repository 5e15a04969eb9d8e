"""``ExecReload=`` with the command, for a systemd without ``Type=notify-reload``."""

from __future__ import annotations

import sys

from tests.systemd.conftest import RunUnit
from tests.systemd.unit import CONFIG_FILE

SOCKET = "[control]\nsocket = /run/control.sock\n"


def test_it_waits_for_the_result_and_fails_with_it(unit: RunUnit) -> None:
    command = f"{sys.executable} -m cotyledon_core reload --wait --config-file {CONFIG_FILE}"
    made = unit("Type=notify", f"ExecReload={command}")
    made.configure("one", SOCKET)
    assert made.call("start") == 0
    made.wait_for_workers(4)
    made.configure("two", SOCKET)
    assert made.call("reload") == 0
    assert len(made.records("up", generation="two")) == 2
    assert made.get("ReloadResult") == "success"
    made.configure("broken", SOCKET)
    assert made.call("reload") != 0
    assert made.get("ActiveState") == "active"
    assert made.get("StatusText").startswith("reload failed")
    assert made.call("stop") == 0

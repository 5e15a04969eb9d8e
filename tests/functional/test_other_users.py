"""A worker that has become another user's: its manager may not signal it."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from tests.functional.harness import Launch

USERS = 200_000
"""No user of the machine has a number above this; each test process takes its own."""
CAPABILITIES = "-all,+setuid,+dac_override,+dac_read_search"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_refused_signals_are_survived(launch: Launch, number: int) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv to become a user who may become another")
    user = USERS + os.getpid()
    prefix = (
        "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--clear-groups",
        f"--inh-caps={CAPABILITIES}",
        f"--ambient-caps={CAPABILITIES}",
    )
    application = launch("otheruser", str(user + os.getpid()), prefix=prefix)
    workers = application.wait_for_workers(2)
    for count in (1, 2):
        application.send(signal.SIGHUP)
        application.wait_for("reload", count, service="calm")
    assert application.workers() == workers
    application.send(number)
    assert application.wait() == (1 if number == signal.SIGTERM else -number)
    # The other user's worker sees the manager's death, which is no signal.
    application.wait_until_gone()
    assert {record.service for record in application.records("terminate")} == {"calm", "gone"}

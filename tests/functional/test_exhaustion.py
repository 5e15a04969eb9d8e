"""Fork refused, descriptors used up: the manager waits and tries again."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch

USERS = 100_000
"""No user of the machine has a number above this; each test process takes its own."""
CAPABILITIES = "-all,+dac_override,+dac_read_search"


def limited(processes: int) -> tuple[str, ...]:
    """A prefix that runs a command as a user with so many processes."""
    if os.geteuid() != 0 or not (shutil.which("setpriv") and shutil.which("prlimit")):
        pytest.skip("needs root, setpriv and prlimit to become a user with a limit of processes")
    user = USERS + os.getpid()
    return (
        "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--clear-groups",
        f"--inh-caps={CAPABILITIES}",
        f"--ambient-caps={CAPABILITIES}",
        "prlimit",
        f"--nproc={processes}:1000",
    )


@pytest.mark.parametrize("processes", [1, 2, 3, 6])
def test_processes_used_up_at_the_start(launch: Launch, processes: int) -> None:
    application = launch("exhausted", "6", prefix=limited(processes))
    application.wait_for("manager")
    signal.sigtimedwait((), 0.5)
    assert procfs.alive(application.pid)
    application.send(signal.SIGUSR1)
    application.wait_for_workers(6)
    assert application.stop() == 0


@pytest.mark.parametrize("processes", [1, 3, 8])
def test_term_while_processes_are_used_up(launch: Launch, processes: int) -> None:
    application = launch("exhausted", "20", prefix=limited(processes))
    application.wait_for("manager")
    signal.sigtimedwait((), 0.3)
    assert application.stop() == 0


def test_processes_used_up_later(launch: Launch) -> None:
    application = launch("exhausted", "4", prefix=limited(1000))
    workers = application.wait_for_workers(4)
    application.send(signal.SIGUSR2)
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
    application.until(lambda: not application.workers(), "the deaths")
    signal.sigtimedwait((), 0.5)
    assert not application.workers()
    application.send(signal.SIGUSR1)
    application.wait_for_workers(4)
    assert application.stop() == 0


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_used_up_with_spawn(launch: Launch, processes: int) -> None:
    application = launch("exhausted", "3", method="spawn", prefix=limited(processes))
    application.wait_for("manager")
    signal.sigtimedwait((), 0.5)
    assert procfs.alive(application.pid)
    application.send(signal.SIGUSR1)
    application.wait_for_workers(3)
    assert application.stop() == 0


@pytest.mark.parametrize("moment", ["start", "later"])
def test_descriptors_used_up(launch: Launch, moment: str) -> None:
    application = launch("descriptors", "exhausted", moment)
    workers = exhaust(application, moment)
    signal.sigtimedwait((), 0.5)
    assert procfs.alive(application.pid)
    application.send(signal.SIGUSR1)
    application.wait_for_replacements(workers)
    application.wait_for_workers(4)
    assert application.stop() == 0


@pytest.mark.parametrize("moment", ["start", "later"])
def test_term_while_descriptors_are_used_up(launch: Launch, moment: str) -> None:
    application = launch("descriptors", "exhausted", moment)
    exhaust(application, moment)
    signal.sigtimedwait((), 0.3)
    assert application.stop() == 0


def exhaust(application: Application, moment: str) -> dict[tuple[str, int], int]:
    """Have the manager without descriptors and without workers."""
    if moment == "start":
        application.wait_for("filling")
        return {}
    workers = application.wait_for_workers(4)
    application.send(signal.SIGHUP)
    application.wait_for("filled")
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
    return workers

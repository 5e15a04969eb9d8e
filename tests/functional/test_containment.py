"""Notifiers that behave badly harm nobody: each beside two good ones, while workers end."""

from __future__ import annotations

import os
import signal
import time
from statistics import median

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch

RESTARTS = 3


def start(launch: Launch, worst: str, *more: str) -> Application:
    application = launch("contained", worst, *more)
    application.wait_for("worker_ready", 2 + len(more), who="inline")
    return application


def host_of(application: Application, name: str = "bad") -> int | None:
    """The pid of the process that the notifier has."""
    for process in procfs.children(application.manager):
        if process.alive and f"notifier {name}" in procfs.title(process.pid):
            return process.pid
    return None


def wait_for_host(application: Application, *but: int) -> int:
    def found() -> int | None:
        pid = host_of(application)
        return None if pid in but else pid

    return application.until(found, "the notifier's process")


def restart_workers(application: Application, times: int = RESTARTS) -> None:
    """Kill a worker so often; return when another runs each time."""
    for _ in range(times):
        pid = application.wait_for_workers(2)["Reloading", 0]
        os.kill(pid, signal.SIGKILL)
        application.wait_for_replacement(pid, ("Reloading", 0))


def check_the_others_were_told(application: Application) -> None:
    """Those that behave have been told the same, and all of it."""
    told = [
        [
            (record.event, record.wall_time)
            for record in application.records()
            if record.get("who") == who
        ]
        for who in ("inline", "hosted")
    ]
    assert told[0] == told[1]
    assert told[0][0][0] == "manager_started"
    assert told[0][-1][0] == "manager_stopped"


def stop(application: Application) -> None:
    assert application.stop() == 0
    check_the_others_were_told(application)


def wait_for_giving_up(application: Application, cause: str) -> None:
    for who in ("inline", "hosted"):
        disabled = application.wait_for_one("notifier_disabled", who=who)
        assert disabled.notifier == "bad"
        assert cause in disabled.error
    assert host_of(application) is None
    # the manager goes on
    restart_workers(application, 1)
    assert host_of(application) is None


def test_one_that_raises(launch: Launch) -> None:
    application = start(launch, "fail")
    restart_workers(application)
    wait_for_giving_up(application, "failed too often")
    stop(application)


def test_one_that_raises_in_the_manager_s_own_process(launch: Launch) -> None:
    application = launch("contained", "fail", "beside")
    application.wait_for("worker_ready", 2, who="inline")
    restart_workers(application)
    wait_for_giving_up(application, "ValueError('x')")
    assert {record.pid for record in application.records("begun")} == {application.manager}
    stop(application)


def test_one_that_uses_up_its_descriptors_and_keeps_memory(launch: Launch) -> None:
    application = start(launch, "leak")
    before = len(procfs.descriptors(application.manager))
    restart_workers(application)
    wait_for_giving_up(application, "failed too often")
    assert len(procfs.descriptors(application.manager)) <= before
    stop(application)


@pytest.mark.parametrize("worst", ["leave", "shut"])
def test_one_that_ends_its_process_or_closes_all_it_has(launch: Launch, worst: str) -> None:
    application = start(launch, worst)
    application.wait_for("begun")
    restart_workers(application)
    # each process that it gets ends at the next start of a worker
    while not application.records("notifier_disabled", who="inline"):
        restart_workers(application, 1)
    # what one was at is lost, what waited for it is told to the next
    assert len({record.pid for record in application.records("begun")}) > 1
    wait_for_giving_up(application, "its process has ended")
    stop(application)


def test_one_that_is_killed(launch: Launch) -> None:
    application = start(launch, "nothing")
    first = wait_for_host(application)
    os.kill(first, signal.SIGKILL)
    restart_workers(application, 1)
    second = wait_for_host(application, first)
    application.wait_for_one("synchronized", pid=second)
    restart_workers(application)
    assert host_of(application) == second
    stop(application)
    assert not application.records("notifier_disabled")


def test_one_that_is_killed_again_and_again(launch: Launch) -> None:
    """Each is started later than the one before it, and after the fifth there is none."""
    application = start(launch, "nothing")
    hosts = [wait_for_host(application)]
    waits = []
    for _ in range(4):
        killed_at = time.monotonic()
        os.kill(hosts[-1], signal.SIGKILL)
        restart_workers(application, 1)
        hosts.append(wait_for_host(application, *hosts))
        synchronized = application.wait_for_one("synchronized", pid=hosts[-1])
        waits.append(synchronized.at - killed_at)
    # 0.05 s at first, doubled each time
    assert all(wait > 0.05 * 2**number for number, wait in enumerate(waits))
    os.kill(hosts[-1], signal.SIGKILL)
    wait_for_giving_up(application, "its process has ended 5 times in a row")
    stop(application)


def test_one_that_is_stopped(launch: Launch) -> None:
    """By SIGSTOP, as it were for ever."""
    application = start(launch, "nothing")
    os.kill(wait_for_host(application), signal.SIGSTOP)
    restart_workers(application)
    stop(application)


def test_one_that_hangs_has_a_queue_that_is_bounded(launch: Launch) -> None:
    """What it misses is counted and told."""
    gates = ("notifier", "talk")
    application = launch(
        "contained", "hang", "talking", files=dict.fromkeys((f"gate-{g}" for g in gates), "")
    )
    application.wait_for_one("begun")
    (application.directory / "gate-talk").unlink()
    restart_workers(application)
    application.wait_for_one("talked")
    restart_workers(application)
    assert not application.records("missed"), "it hangs"
    host = wait_for_host(application)
    (application.directory / "gate-notifier").unlink()
    assert application.wait_for_one("missed", pid=host).count > 0
    application.wait_for_one("synchronized", pid=host)
    # of so many, one that is well may miss some, too
    assert application.stop() == 0
    assert not application.records("notifier_disabled")


def test_one_that_hangs_to_the_end(launch: Launch) -> None:
    application = launch("contained", "hang", files={"gate-notifier": ""})
    application.wait_for_one("begun")
    restart_workers(application)
    assert len(application.records("begun")) == 1
    stop(application)


def test_one_that_hangs_at_the_end_and_ignores_all_signals(launch: Launch) -> None:
    application = start(launch, "sleep_at_the_end")
    restart_workers(application)
    stop(application)
    assert application.records("closing")


def test_one_that_has_children(launch: Launch) -> None:
    application = start(launch, "have_children")
    restart_workers(application)
    application.wait_for("child", 3 * RESTARTS)
    stop(application)


def test_one_that_floods_the_log(launch: Launch) -> None:
    reader, writer = os.pipe()
    try:
        # nobody reads what it writes
        application = start_with_stderr(launch, writer)
        restart_workers(application)
        stop(application)
    finally:
        os.close(reader)
        os.close(writer)


def start_with_stderr(launch: Launch, descriptor: int) -> Application:
    application = launch("contained", "flood", stderr=descriptor)
    application.wait_for_one("begun")
    return application


def delays(application: Application) -> list[float]:
    """From each end of a worker until the next one runs user code."""
    ends = [r.at for r in application.records("worker_exited", who="inline") if not r.asked]
    runs = [r.at for r in application.records("run")]
    return [min(run for run in runs if run > end) - end for end in ends]


def test_restarts_take_no_longer_beside_one_that_hangs(launch: Launch) -> None:
    """Compared side by side, generously: the machine has other work."""
    good = start(launch, "nothing")
    bad = launch("contained", "hang", files={"gate-notifier": ""})
    bad.wait_for("worker_ready", 2, who="inline")
    for _ in range(5):
        for application in (good, bad):
            restart_workers(application, 1)
    assert median(delays(bad)) < 10 * max(median(delays(good)), 0.01)
    for application in (good, bad):
        stop(application)

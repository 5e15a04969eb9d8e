"""Ends are told truthfully."""

from __future__ import annotations

import os
import signal

from tests.functional import procfs
from tests.functional.harness import Launch


def test_resource_usage(launch: Launch, method: str) -> None:
    application = launch("deaths", "burning", method=method)
    ended = application.wait_for_one("exited")
    assert ended.status == {"code": 3, "signal": None}
    if method == "forkserver":
        # it is not the manager's child
        assert ended.cpu_user is ended.cpu_system is ended.peak_memory is None
    else:
        assert 0.3 <= ended.cpu_user + ended.cpu_system < 30
        assert 64 << 20 <= ended.peak_memory < 4 << 30
    assert application.stop() == 0


VANISHING = """
def make(worker_id):
    raise ImportError("from within")
"""


def test_failures_at_boot_and_after_it(launch: Launch, method: str) -> None:
    application = launch("deaths", "failing", method=method, files={"vanishing.py": VANISHING})
    unborn = application.wait_for_one("exited", service="unborn")
    assert (unborn.phase, unborn.status["code"]) == ("boot", 1)
    assert unborn.detail == "LookupError('nothing to do')"
    assert unborn.detail in unborn.text
    refusing = application.wait_for_one("exited", service="refusing")
    assert (refusing.phase, refusing.status["code"]) == ("run", 1)
    assert refusing.detail == "ValueError('on purpose')"
    vanished = application.wait_for_one("exited", service="make")
    assert (vanished.phase, vanished.status["code"]) == ("boot", 1)
    assert ("from within" if method == "fork" else "No module named") in vanished.detail
    assert "start of make(0)" in application.output()
    assert application.stop() == 0


def test_captured_stderr(launch: Launch, method: str) -> None:
    application = launch("deaths", "captured", "talking", method=method)
    ended = application.wait_for_one("exited", service="talking")
    said = [f"talking(0): number {number}" for number in range(1000)]
    application.wait_for_one("logged", text="talking(0): the rest")
    logged = [record.text for record in application.records("logged")]
    assert logged[: logged.index("talking(0): the rest")] == [
        "talking(0): one",
        "talking(0): two \N{REPLACEMENT CHARACTER}",
        *said,
    ]
    whole = "".join(f"number {number}\n" for number in range(1000)) + "the rest"
    assert ended.stderr_tail == whole[-4096:]
    assert "number 1" not in ended.text
    application.send(signal.SIGTERM)
    assert application.wait() == 0


def test_a_grandchild_that_keeps_the_pipe_holds_up_nothing(launch: Launch, method: str) -> None:
    files = {"gate-talk": ""}
    application = launch("deaths", "captured", "talking", method=method, files=files)

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{application.pid}/fd"))

    counts = []
    for deaths in (1, 3):
        application.wait_for_workers(1)
        (application.directory / "gate-talk").unlink()
        application.wait_for("exited", deaths)
        application.write("gate-talk", "")
        application.wait_for("run", deaths + 1)
        application.wait_for_workers(1)
        counts.append(descriptors())
    # what is about to be closed was counted in either
    application.until(lambda: descriptors() <= counts[0], f"{counts[0]} descriptors, {counts}")
    application.send(signal.SIGTERM)
    assert application.wait() == 0


def test_captured_pipes_are_nobody_elses(launch: Launch, method: str) -> None:
    application = launch("deaths", "captured", "silent", "orphaned", "chattering", method=method)
    workers = application.wait_for_workers(2)
    pipes = {pid: os.readlink(f"/proc/{pid}/fd/2") for pid in workers.values()}
    assert len(set(pipes.values())) == 2

    def nobody_elses() -> bool:
        return not any(
            (set(pipes.values()) - {pipes.get(process.pid)})
            & set(procfs.descriptors(process.pid).values())
            for process in application.living()
            if process.pid != application.pid
        )

    # one that was forked this instant has yet to close them
    application.until(nobody_elses, "pipes that only their worker and the manager have")
    assert application.stop() == 0


def test_chatter_holds_up_nothing_and_is_not_held_up(launch: Launch, method: str) -> None:
    files = {"gate-log": ""}
    application = launch("deaths", "captured", "chattering", "silent", method=method, files=files)
    workers = application.wait_for_workers(1, service="silent")
    # nobody takes the log, all the same the writer goes on
    application.wait_for_one("chattered", number=1000)
    os.kill(workers["silent", 0], signal.SIGKILL)
    application.wait_for_replacement(workers["silent", 0], ("silent", 0))
    (application.directory / "gate-log").unlink()
    application.until(
        lambda: any("dropped" in record.text for record in application.records("logged")),
        "news of what was dropped",
    )
    assert application.stop() == 0


def test_an_orphan_may_write(launch: Launch, method: str) -> None:
    application = launch("deaths", "captured", "orphaned", method=method)
    application.wait_for_workers(1)
    application.send(signal.SIGKILL)
    application.wait_until_gone()
    assert application.records("terminate")


def test_stderr_of_a_program(launch: Launch, method: str) -> None:
    application = launch("deaths", "program", "sh -c 'echo said >&2; exit 5'", method=method)
    ended = application.wait_for_one("exited")
    assert (ended.status["code"], ended.stderr_tail) == (5, "said\n")
    application.wait_for_one("logged", text="command(0): said")
    assert application.stop() == 0


def test_fatal_errors(launch: Launch, method: str) -> None:
    application = launch("deaths", "fatal", "", method=method)
    faults = {0: (signal.SIGSEGV, "Segmentation fault"), 1: (signal.SIGABRT, "Aborted")}
    for worker_id, (number, text) in faults.items():
        for ended in application.wait_for("exited", 2, worker_id=worker_id)[:2]:
            assert ended.status["signal"] == number
            assert ended.dump.startswith(f"Fatal Python error: {text}\n")
            assert 'deaths.py", line' in ended.dump
    assert application.stop() == 0


def test_the_applications_own_faulthandler_stays(launch: Launch) -> None:
    application = launch("deaths", "fatal", "own")
    ended = application.wait_for_one("exited", worker_id=0)
    assert (ended.status["signal"], ended.dump) == (signal.SIGSEGV, "")
    assert "Fatal Python error: Segmentation fault" in application.output()
    assert application.stop() == 0


def test_a_program_that_is_not_there(launch: Launch, method: str) -> None:
    application = launch("deaths", "program", "/no/such/program", method=method)
    ended = application.wait_for("exited", 2)[0]
    assert (ended.cause, ended.phase, ended.status["code"]) == ("spawn failed", "boot", 127)
    assert "/no/such/program" in ended.detail
    assert ended.uptime > 0
    assert application.stop() == 0
    told = application.records("on_dead_worker")
    assert [record.status for record in told] == [
        record.status["code"] for record in application.records("exited")
    ]

"""External programs as workers."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.harness import APPS, Application

Launch = Callable[..., Application]

pytestmark = pytest.mark.portable

PROGRAM = f"{sys.executable} {APPS / 'plugin_program.py'}"


@pytest.fixture
def launch_program(launch: Launch, tmp_path: Path) -> Launch:
    """Run one service of the type ``program`` from a configuration file."""

    def start(
        *options: str,
        service_type: str = "program",
        workers: int = 1,
        method: str = "fork",
        **more: Any,
    ) -> Application:
        lines = [
            "[cotyledon]",
            "services = it",
            "notifiers = record",
            "restart_policy = leave",
            f"start_method = {method}",
            "[service:it]",
            f"service_type = {service_type}",
            f"workers = {workers}",
            *options,
        ]
        file = tmp_path / "programs.conf"
        file.write_text("\n".join(lines) + "\n")
        return launch("plugin_cli", "run", "--config-file", str(file), **more)

    return start


def test_the_program_is_the_worker(launch_program: Launch) -> None:
    application = launch_program(f"command = {PROGRAM} serve", workers=2)
    programs = application.wait_for("program", 2)
    spawned = application.wait_for("worker_spawned", 2)
    assert {record.pid for record in programs} == {record.pid for record in spawned}
    assert {record.ppid for record in programs} == {application.manager}
    for program in programs:
        assert procfs.title(program.pid) == f"{PROGRAM} serve"
    application.wait_for("manager_ready")
    assert application.stop() == 0
    assert len(application.records("program_signal", number=signal.SIGTERM)) == 2
    assert len(application.records("worker_exited", status={"code": 0, "signal": None})) == 2


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("exit 0", {"code": 0, "signal": None}),
        ("exit 7", {"code": 7, "signal": None}),
        ("die 9", {"code": None, "signal": 9}),
        ("die 15", {"code": None, "signal": 15}),
    ],
)
def test_its_end_is_the_workers(
    launch_program: Launch, act: str, status: dict[str, int | None]
) -> None:
    application = launch_program(f"command = {PROGRAM} {act}")
    ended = application.wait_for_one("worker_exited")
    assert (ended.status, ended.cause, ended.asked) == (status, "exited", False)
    assert ended.pid == application.wait_for_one("program").pid
    assert application.wait() == (0 if act in ("exit 0", "die 15") else 3), "nothing is left"
    assert application.records("worker_stopped")


@pytest.mark.parametrize(
    ("option", "path", "error"),
    [
        ("command = /no/such/program", "/no/such/program", "[Errno 2]"),
        ("command = no-such-program", "no-such-program", "[Errno 2]"),
        ("command = /etc/passwd", "/etc/passwd", "[Errno 13]"),
        (f"command = {PROGRAM} serve\ndirectory = /no/such/directory", sys.executable, "[Errno 2]"),
    ],
)
def test_a_program_that_cannot_start_is_a_spawn_failure(
    launch_program: Launch, option: str, path: str, error: str
) -> None:
    application = launch_program(option)
    ended = application.wait_for_one("worker_exited")
    assert ended.cause == "spawn failed"
    assert path in ended.detail
    assert error in ended.detail
    assert application.wait() == 3, "nothing is left"
    assert application.records("worker_stopped")


def test_the_options_reach_the_program(launch_program: Launch, tmp_path: Path) -> None:
    application = launch_program(
        f"command = {PROGRAM} serve 'two words' $$HOME *",
        "environment = GREETING:hello, OTHER:x",
        f"directory = {tmp_path}",
        "umask = 027",
        "rlimits = NOFILE:64/128",
    )
    program = application.wait_for_one("program")
    assert program.arguments == ["serve", "two words", "$HOME", "*"]
    assert program.greeting == "hello"
    assert program.directory == str(tmp_path)
    assert program.umask == 0o027
    assert program.nofile == [64, 128]
    assert application.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run a program as somebody else")
def test_user_and_group(launch_program: Launch) -> None:
    application = launch_program(
        "command = /bin/sh -c 'id -u > ids; id -g >> ids; id -G >> ids'",
        "user = nobody",
        "group = 12345",
    )
    application.wait_for("worker_exited", status={"code": 0, "signal": None})
    uid, gid, groups = (application.directory / "ids").read_text().splitlines()
    import pwd

    assert (int(uid), int(gid)) == (pwd.getpwnam("nobody").pw_uid, 12345)
    assert "0" not in groups.split()
    assert application.wait() == 0, "nothing is left"


def test_the_stop_signal_goes_to_the_program(launch_program: Launch) -> None:
    application = launch_program(f"command = {PROGRAM} serve", "stop_signal = INT")
    application.wait_for("program")
    assert application.stop() == 0
    assert [record.number for record in application.records("program_signal")] == [signal.SIGINT]


def test_the_program_may_speak_sd_notify(launch_program: Launch) -> None:
    application = launch_program(f"command = {PROGRAM} notify 'all is well'")
    told = application.wait_for_one("worker_status")
    assert (told.text, told.pid) == ("all is well", application.wait_for_one("program").pid)
    assert application.stop() == 0


def test_a_service_type_of_ones_own_may_be_a_program(launch_program: Launch) -> None:
    application = launch_program(service_type="own-type", workers=2)
    greetings = {record.greeting for record in application.wait_for("program", 2)}
    assert greetings == {"from worker 0", "from worker 1"}
    assert application.stop() == 0


def test_the_reload_signal_goes_to_the_program(launch: Launch) -> None:
    application = launch("plugin_programs", "reload_signal=USR1")
    program = application.wait_for_one("program")
    application.send(signal.SIGHUP)
    told = application.wait_for_one("program_signal")
    assert (told.number, told.pid) == (signal.SIGUSR1, program.pid)
    assert application.stop() == 0
    assert len(application.records("program")) == 1


def test_without_a_reload_signal_the_program_is_replaced(launch: Launch) -> None:
    application = launch("plugin_programs")
    first = application.wait_for_one("program")
    application.send(signal.SIGHUP)
    second = application.wait_for("program", 2)[1]
    assert second.pid != first.pid
    assert not procfs.alive(first.pid)
    assert [record.number for record in application.records("program_signal")] == [signal.SIGTERM]
    assert application.stop() == 0


def test_programs_end_with_a_killed_manager(launch: Launch) -> None:
    application = launch("plugin_programs")
    application.wait_for("program")
    application.send(signal.SIGKILL)
    application.wait()
    application.wait_until_gone()
    application.wait_for("program_signal", number=signal.SIGTERM)


def test_the_program_has_nothing_of_ours(launch: Launch, method: str) -> None:
    """Neither descriptors, nor blocked signals, nor those that Python ignores."""
    application = launch("plugin_programs", "command=sleep 3600", method=method)
    pid = application.wait_for_one("on_new_worker").pid
    application.until(lambda: procfs.title(pid) == "sleep 3600", "the program")
    # The program's own loader opens and closes files at first.
    application.until(lambda: set(procfs.descriptors(pid)) == {0, 1, 2}, "three descriptors")
    assert signals_of(pid, "SigBlk") == set()
    of_python = {signal.SIGPIPE, signal.SIGXFSZ}
    assert signals_of(pid, "SigIgn") <= signals_of(os.getpid(), "SigIgn") - of_python
    assert application.stop() == 0


def signals_of(pid: int, kind: str) -> set[int]:
    """A set of signals as /proc/PID/status tells it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(kind):
            mask = int(line.split()[1], 16)
            return {number for number in range(1, 65) if mask >> (number - 1) & 1}
    raise AssertionError(f"no {kind} for {pid}")


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_other_start_methods(launch: Launch, method: str) -> None:
    application = launch("plugin_programs", method=method)
    application.wait_for("program")
    assert application.stop() == 0
    ended = application.records("program_signal", number=signal.SIGTERM)
    assert len(ended) == 1


def test_a_program_says_itself_when_it_is_ready(launch_program: Launch) -> None:
    application = launch_program(
        f"command = {PROGRAM} ready", "ready_when = notified", files={"gate-ready": ""}
    )
    application.wait_for("program")
    application.wait_for("worker_spawned")
    assert not application.records("worker_ready")
    (application.directory / "gate-ready").unlink()
    application.wait_for("manager_ready")
    assert application.stop() == 0


def test_a_class_says_that_its_program_does(launch_program: Launch, method: str) -> None:
    application = launch_program(service_type="notified", method=method, files={"gate-ready": ""})
    application.wait_for("program")
    (application.directory / "gate-ready").unlink()
    opened = application.wait_for_one("opened")
    assert application.wait_for_one("worker_ready").at > opened.at
    assert application.stop() == 0


def test_a_program_that_sends_no_heartbeat_is_hung(launch_program: Launch) -> None:
    application = launch_program(f"command = {PROGRAM} beat 6", "watchdog_timeout = 1")
    program = application.wait_for_one("program")
    assert program.watchdog == ["1000000", str(program.pid)]
    application.wait_for("silent")
    ended = application.wait_for_one("worker_exited")
    assert (ended.cause, ended.status["signal"]) == ("hung", signal.SIGABRT)
    (hung,) = application.records("worker_hung")
    # six heartbeats at intervals of half its time
    assert hung.at - application.records("worker_ready")[0].at > 2.5
    assert hung.dump == ""
    assert application.wait() == 3, "nothing is left"


def test_nonsense_that_a_program_says_harms_nobody(launch_program: Launch) -> None:
    """What workers tell by themselves is not a program's to say."""
    application = launch_program(f"command = {PROGRAM} nonsense", "ready_when = notified")
    application.wait_for("worker_status", text="nonsense was said")
    application.wait_for("manager_ready")
    assert application.stop() == 0
    assert len(application.records("program_signal", number=signal.SIGTERM)) == 1
    assert len(application.records("worker_spawned")) == 1

"""A manager with a controlling terminal, and one that does not lead its group."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch


@pytest.fixture
def terminal() -> Iterator[dict[str, int]]:
    """Both ends of a terminal; the user's end is closed with the test."""
    user, device = pty.openpty()
    ends = {"user": user, "device": device}
    yield ends
    for descriptor in ends.values():
        os.close(descriptor)


def in_terminal(terminal: dict[str, int]) -> dict[str, Any]:
    """What makes a new session with this controlling terminal."""

    def begin() -> None:
        os.setsid()
        fcntl.ioctl(terminal["device"], termios.TIOCSCTTY, 0)

    return {
        "start_new_session": False,
        "preexec_fn": begin,
        "stdin": terminal["device"],
    }


SHELL = ("sh", "-c", '"$@"; exit $?', "sh")
"""Runs a command and stays above it, as make and tox do."""


@pytest.mark.parametrize("prefix", [(), SHELL], ids=["alone", "in a shell"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_ctrl_c_ends_all(
    launch: Launch, terminal: dict[str, int], prefix: tuple[str, ...], method: str
) -> None:
    application = launch(
        "plain", "10", "2", "1", prefix=prefix, method=method, **in_terminal(terminal)
    )
    application.wait_for_workers(3)
    manager = procfs.read(application.manager)
    assert manager.session == application.pid
    assert manager.foreground_group == manager.pgrp
    os.write(terminal["user"], b"\x03")
    assert application.wait() in (1, -signal.SIGINT)
    application.wait_until_gone()
    assert not application.records("terminate")


def test_closed_terminal_reaches_the_manager(launch: Launch, terminal: dict[str, int]) -> None:
    application = launch("plain", "10", "2", "0", **in_terminal(terminal))
    workers = application.wait_for_workers(2)
    os.close(terminal["device"])
    os.close(terminal["user"])
    terminal.clear()
    application.wait_for("on_reload")
    application.wait_for("reload", 2)
    assert application.workers() == workers
    assert application.stop() == 0


def test_without_a_terminal_the_manager_leads_a_session(launch: Launch) -> None:
    application = launch("plain", "10", "1", "0", prefix=SHELL)
    workers = application.wait_for_workers(1)
    manager = procfs.read(application.manager)
    assert manager.pid != application.pid
    assert manager.session == manager.pgrp == manager.pid
    assert {procfs.read(pid).session for pid in workers.values()} == {manager.pid}
    application.send(signal.SIGTERM)
    assert application.wait() == 0
    application.wait_until_gone()


NEIGHBOUR = ("sh", "-c", 'sleep 3600 & "$@"; wait', "sh")
"""A command with somebody else in its group."""


def neighbours(application: Application) -> set[int]:
    """The shell and its other child."""
    manager = application.manager
    assert procfs.read(manager).pgrp == application.pid != manager
    others = {child.pid for child in procfs.children(application.pid)} - {manager}
    assert len(others) == 1
    return {application.pid, *others}


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGALRM, signal.SIGHUP]
)
def test_group_of_others_is_left_alone(
    launch: Launch, terminal: dict[str, int], number: int
) -> None:
    """Workers go or reload; shell and neighbour stay."""
    application = launch("plain", "1", "2", "2", prefix=NEIGHBOUR, **in_terminal(terminal))
    workers = application.wait_for_workers(4)
    staying = neighbours(application)
    application.send(number)
    if number == signal.SIGHUP:
        application.wait_for("reload", 2)
        application.wait_for_replacement(workers["batch", 0], ("batch", 0))
        assert all(procfs.alive(pid) for pid in staying)
        application.send(signal.SIGTERM)
    application.wait_until_gone(*staying)
    assert all(procfs.alive(pid) for pid in staying)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_descendants_go_beside_a_neighbour(
    launch: Launch, terminal: dict[str, int], number: int
) -> None:
    """Programs that workers started go with them, daemons stay."""
    application = launch("dying", "beside_a_neighbour", prefix=NEIGHBOUR, **in_terminal(terminal))
    application.wait_for_workers(2)
    staying = neighbours(application) | {application.wait_for_one("children").daemon}
    application.send(number)
    application.wait_until_gone(*staying)
    assert all(procfs.alive(pid) for pid in staying)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("way", ["gil", "stopped", "forking", "session_gil"])
def test_deaf_workers_go_beside_a_neighbour(
    launch: Launch, terminal: dict[str, int], way: str, number: int
) -> None:
    application = launch("deaf", way, "1", prefix=NEIGHBOUR, **in_terminal(terminal))
    application.wait_for("deaf", 2)
    application.wait_for_workers(1)
    staying = neighbours(application)
    application.send(number)
    application.wait_until_gone(*staying)
    assert all(procfs.alive(pid) for pid in staying)

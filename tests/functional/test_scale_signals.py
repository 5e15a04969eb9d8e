"""SIGTTIN and SIGTTOU, as an operator and as a terminal sends them."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.configured import sections
from tests.functional.controlled import SOCKET, Controlled
from tests.functional.harness import Launch

MORE, FEWER = signal.SIGTTIN, signal.SIGTTOU
SCALED = {"scale_signals": True}

_IN_BACKGROUND = """
import os, sys
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
os.waitpid(pid, 0)
"""
IN_BACKGROUND = (sys.executable, "-c", _IN_BACKGROUND)
"""Runs a command as a shell does that has been told to put it into the background."""


def wanted(running: Controlled) -> dict[str, int]:
    """How many workers each service shall have; signals that were sent before have been obeyed."""
    with running.client() as client:
        return {service.name: service.wanted for service in client.status().services}


def notes(pid: int, field: str, number: int) -> bool:
    """Whether a set of signals in a process's status has this one; not if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    (line,) = [line for line in lines if line.startswith(f"{field}:")]
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


@pytest.fixture
def terminal() -> Iterator[dict[str, Any]]:
    """What makes a session with a controlling terminal."""
    user, device = pty.openpty()

    def begin() -> None:
        os.setsid()
        fcntl.ioctl(device, termios.TIOCSCTTY, 0)

    yield {"start_new_session": False, "preexec_fn": begin, "stdin": device}
    os.close(user)
    os.close(device)


def test_one_more_and_one_less(launch: Launch, method: str) -> None:
    running = Controlled(launch, sections(SCALED, web={}), method=method)
    before = running.pids()
    running.application.send(MORE)
    running.wait_for_counts(web=2)
    running.application.send(MORE)
    assert running.wait_for_counts(web=3).items() > before.items()
    running.application.send(FEWER)
    assert running.wait_for_counts(web=2).items() > before.items()
    assert {record.worker_id for record in running.application.records("terminate")} == {2}
    running.stop()


def test_one_worker_is_left(launch: Launch) -> None:
    running = Controlled(launch, sections(SCALED, web={"workers": 2}))
    for _ in range(3):
        running.application.send(FEWER)
        assert wanted(running) == {"web": 1}
    with running.client() as client:
        client.scale("web", 0)
    running.application.send(FEWER)
    assert wanted(running) == {"web": 0}
    running.application.send(MORE)
    running.wait_for_counts(web=1)
    running.stop()


def test_it_is_what_an_operator_does(launch: Launch) -> None:
    configuration = sections(SCALED, web={"workers": 2})
    running = Controlled(launch, configuration)
    running.application.send(MORE)
    running.wait_for_counts(web=3)
    with running.client() as client:
        client.scale("web", 5, wait=True)
    running.application.send(FEWER)
    assert wanted(running) == {"web": 4}
    scaled = running.application.records("service_scaled")
    assert [(each.old_workers, each.workers) for each in scaled] == [(2, 3), (3, 5), (5, 4)]
    configuration["service:web"]["workers"] = 1
    running.succeed(configuration)
    running.application.send(MORE)
    running.wait_for_counts(web=2)
    # a service that was stopped stays so, whatever its size
    with running.client() as client:
        client.stop("web", wait=True)
        running.application.send(MORE)
        assert wanted(running) == {"web": 3}
        assert not running.pids()
        client.start("web", wait=True)
    assert len(running.pids()) == 3
    running.stop()


def test_a_program_s_configuration_says_so(launch: Launch) -> None:
    files = {"app.conf": "[cotyledon]\nscale_signals = true\n"}
    application = launch("from_configuration", "added", "app.conf", files=files, method="fork")
    before = application.wait_for_workers(2)
    application.send(MORE)
    after = application.wait_for_workers(3)
    assert after.items() > before.items()
    application.send(FEWER)
    assert application.wait_for_workers(2) == before
    assert application.stop() == 0


def test_of_several_services_none_is_scaled(launch: Launch) -> None:
    configuration = sections(SCALED, web={"workers": 2}, batch={"workers": 2})
    running = Controlled(launch, configuration)
    for number in (MORE, FEWER):
        running.application.send(number)
        assert wanted(running) == {"web": 2, "batch": 2}
    alone = sections(SCALED, web={"workers": 2})
    alone["control"] = {"socket": SOCKET}
    running.succeed(alone)
    running.application.send(MORE)
    running.wait_for_counts(web=3)
    running.stop()


def test_a_manager_that_stops_scales_nothing(launch: Launch) -> None:
    running = Controlled(launch, sections(SCALED, web={}))
    running.application.write("gate-end", "")
    running.application.send(signal.SIGTERM)
    running.application.wait_for("terminate")
    running.application.send(MORE)
    assert wanted(running) == {"web": 1}
    (running.application.directory / "gate-end").unlink()
    assert running.application.wait() == 0
    assert not running.application.records("service_scaled")


@pytest.mark.parametrize("opted", [True, False])
def test_only_the_manager_notes_them(launch: Launch, method: str, opted: bool) -> None:
    changes = {**SCALED, "notifiers": "events, second"} if opted else {}
    running = Controlled(launch, sections(changes, web={"workers": 2}), method=method)
    running.application.send(signal.SIGHUP)
    running.application.until(running.results, "a reload")
    wanted = {running.application.pid} if opted else set()

    def only_the_manager() -> bool:
        processes = {process.pid for process in running.application.living()}
        # the manager, workers, the guardian, the log relay, the notifier that has one of its own
        return len(processes) >= (6 if opted else 5) and all(
            {pid for pid in processes if notes(pid, field, number)} == pids
            for field, pids in {"SigCgt": wanted, "SigIgn": set(), "SigBlk": set()}.items()
            for number in (MORE, FEWER)
        )

    # one that was forked this moment has them still
    running.application.until(only_the_manager, "dispositions")
    running.stop()


def test_without_the_option_a_terminal_stops_what_runs_in_its_background(
    launch: Launch, terminal: dict[str, Any]
) -> None:
    running = Controlled(launch, sections(web={}), prefix=IN_BACKGROUND, **terminal)
    manager = _manager(running)
    for number in (MORE, FEWER):
        os.kill(manager, number)
        running.application.wait_for_state(manager, "T")
        os.kill(manager, signal.SIGCONT)
        assert wanted(running) == {"web": 1}
    os.kill(manager, signal.SIGTERM)
    running.application.wait_until_gone()


def test_what_a_terminal_sends_to_its_background_is_not_obeyed(
    launch: Launch, terminal: dict[str, Any]
) -> None:
    running = Controlled(launch, sections(SCALED, web={}), prefix=IN_BACKGROUND, **terminal)
    manager = _manager(running)
    assert procfs.read(manager).foreground_group != procfs.read(manager).pgrp
    for number in (MORE, MORE, FEWER):
        os.kill(manager, number)
        assert wanted(running) == {"web": 1}
    os.kill(manager, signal.SIGTERM)
    running.application.wait_until_gone()


def test_in_a_terminal_s_foreground_they_are_obeyed(
    launch: Launch, terminal: dict[str, Any]
) -> None:
    running = Controlled(launch, sections(SCALED, web={}), **terminal)
    running.application.send(MORE)
    running.wait_for_counts(web=2)
    running.stop()


def test_who_writes_from_the_background_is_not_sent_a_signal_without_end(
    launch: Launch, terminal: dict[str, Any]
) -> None:
    """Each attempt to write leads to a signal, as long as that is neither ignored nor stops."""
    device = terminal["stdin"]
    attributes = termios.tcgetattr(device)
    attributes[3] |= termios.TOSTOP
    termios.tcsetattr(device, termios.TCSANOW, attributes)
    files = {"app.conf": "[cotyledon]\nscale_signals = true\n"}
    application = launch(
        "from_configuration",
        "printing",
        "app.conf",
        files=files,
        prefix=IN_BACKGROUND,
        stdout=device,
        **terminal,
    )
    application.wait_for_workers(1)
    manager = application.manager
    for times in (1, 2):
        os.kill(manager, signal.SIGHUP)
        application.wait_for("printed", times)
        # the terminal has stopped the others
        os.killpg(procfs.read(manager).pgrp, signal.SIGCONT)
        application.wait_for("reload", times)
        application.until(lambda: notes(manager, "SigCgt", FEWER), "its handler again")
    os.kill(manager, signal.SIGTERM)
    application.wait_until_gone()


def _manager(running: Controlled) -> int:
    with running.client() as client:
        return client.hello().pid

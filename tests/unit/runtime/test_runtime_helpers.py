"""Helper processes that are not needed any more."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cotyledon_core.process.roll import Roll
from cotyledon_core.runtime import helpers as module
from cotyledon_core.runtime.helper import Helper, Receive
from cotyledon_core.runtime.helpers import Helpers

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="helpers are forked")

MESSAGES = 900


class Household:
    """The little of a manager that helpers need."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.roll = Roll()
        self.helpers = Helpers(self.roll, self.selector)
        self.started: list[int] = []

    def start(self, serve: Callable[[Callable[[], Any]], None]) -> Helper:
        helper = Helper("test", serve)
        self.helpers.start(helper)
        assert helper.pid is not None
        self.started.append(helper.pid)
        return helper

    def turn(self) -> None:
        for key, _ in self.selector.select(30):
            key.data()

    def end(self, helper: Helper, pid: int) -> int:
        """Wait for its end; return its exit code."""
        status = os.waitpid(pid, 0)[1]
        self.started.remove(pid)
        self.helpers.ended(pid, restart=False)
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        for pid in self.started:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.helpers.ended(pid, restart=False)
        self.selector.close()
        self.roll.close()


@pytest.fixture
def household() -> Iterator[Household]:
    made = Household()
    yield made
    made.close()


def waiting(gate: int, results: socket.socket) -> Callable[[Callable[[], Any]], None]:
    """Begins to read when the gate opens, and tells at the end how much that was."""

    def serve(receive: Receive) -> None:
        os.read(gate, 1)
        count = 0
        try:
            while True:
                receive(None)
                count += 1
        except EOFError:
            results.send(pickle.dumps(count))

    return serve


def test_a_retired_helper_is_told_all_that_waits(household: Household) -> None:
    gate, key = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        helper = household.start(waiting(gate, theirs))
        pid = household.started[0]
        for _ in range(MESSAGES):
            helper.put(b"x" * 1000)
        household.helpers.retire(helper)
        assert helper.waiting, "more than fits into the socket"
        os.write(key, b"x")
        while helper.waiting:
            household.turn()
        ours.settimeout(30)
        assert pickle.loads(ours.recv(1000)) == MESSAGES
        assert household.end(helper, pid) == 0
    assert not household.selector.get_map()
    assert household.helpers.deadline() is None
    os.close(gate)
    os.close(key)


def test_a_retired_helper_that_does_not_read_is_ended(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, key = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        helper = household.start(waiting(gate, theirs))
        pid = household.started[0]
        for _ in range(MESSAGES):
            helper.put(b"x" * 1000)
        household.helpers.retire(helper)
        due = household.helpers.deadline()
        assert due is not None
        household.helpers.start_due(due + module.RETIREMENT)
        assert household.end(helper, pid) == -signal.SIGKILL
    assert not household.selector.get_map()
    os.close(gate)
    os.close(key)


def test_a_helper_that_waits_for_its_restart_is_forgotten(household: Household) -> None:
    helper = household.start(lambda receive: None)
    pid = household.started[0]
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    os.waitpid(pid, 0)
    household.started.clear()
    household.helpers.ended(pid, restart=True)
    assert household.helpers.deadline() is not None
    household.helpers.retire(helper)
    assert household.helpers.deadline() is None

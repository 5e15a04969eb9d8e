"""A notifier that may block, in its host."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cotyledon_core.events import Event, EventsDropped
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.record import replace
from cotyledon_core.runtime.helper import MESSAGE_LIMIT
from cotyledon_core.runtime.notifier_host import DISABLED_STATUS, NotifierHost
from cotyledon_core.testing import every_event

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="hosts are forked")

EVENTS = list(every_event())


class Reporting(Notifier):
    """Sends home what it is told.

    :param fails: whether it fails at the n-th event, counted from 0.
    """

    def __init__(self, home: socket.socket, fails: Callable[[int], bool], error: type) -> None:
        self._home, self._fails, self._error = home, fails, error
        self._count = 0

    def notify(self, event: Event) -> None:
        self._home.send(pickle.dumps((os.getpid(), event)))
        self._count += 1
        if self._fails(self._count - 1):
            raise self._error("x")

    def close(self) -> None:
        self._home.send(pickle.dumps((os.getpid(), "closed")))


class Hosted:
    """A host whose notifier reports here."""

    def __init__(
        self, fails: Callable[[int], bool] = lambda n: False, error: type = ValueError
    ) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.host = NotifierHost("test", Reporting(self._theirs, fails, error))
        self.pid = self.host.start()

    def tell(self, *events: Event) -> None:
        for event in events:
            self.host.put(event)
        while not self.host.flush():
            assert select.select([], [self.host], [], 30)[1]

    def hear(self) -> Any:
        assert select.select([self._ours], [], [], 30)[0], "nothing comes"
        pid, told = pickle.loads(self._ours.recv(100_000))
        assert pid == self.pid
        return told

    def status(self) -> int:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT).si_status

    def close(self) -> None:
        self.host.let_go()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._ours.close()
        self._theirs.close()


@pytest.fixture
def hosted() -> Iterator[Callable[..., Hosted]]:
    made: list[Hosted] = []

    def make(**options: Any) -> Hosted:
        made.append(Hosted(**options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_all_events_arrive_and_then_it_is_closed(hosted: Callable[..., Hosted]) -> None:
    it = hosted()
    it.tell(*EVENTS)
    assert [it.hear() for _ in EVENTS] == EVENTS
    it.host.let_go()
    assert it.hear() == "closed"
    assert it.status() == 0


def test_three_failures_in_a_row_disable_it(hosted: Callable[..., Hosted]) -> None:
    it = hosted(fails=lambda n: n in (0, 1, 3, 4, 5))
    it.tell(*EVENTS[:6])
    assert [it.hear() for _ in range(6)] == EVENTS[:6]
    assert it.status() == DISABLED_STATUS


def test_a_failure_is_one_whatever_it_raises(hosted: Callable[..., Hosted]) -> None:
    it = hosted(fails=lambda n: True, error=SystemExit)
    it.tell(*EVENTS[:3])
    assert it.status() == DISABLED_STATUS


def test_the_notifier_is_told_how_many_events_it_has_lost(hosted: Callable[..., Hosted]) -> None:
    it = hosted()
    too_large = replace(EVENTS[0], name="x" * MESSAGE_LIMIT)
    it.tell(too_large, too_large, EVENTS[1])
    told = it.hear()
    assert isinstance(told, EventsDropped)
    assert told.count == 2
    assert told.reason
    assert told.wall_time > 0
    assert it.hear() == EVENTS[1]

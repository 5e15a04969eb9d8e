"""A notifier that may block, in its host."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cotyledon_core import events
from cotyledon_core.event_log import EventLog
from cotyledon_core.events import Event, EventsDropped
from cotyledon_core.ledger import Ledger
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.record import replace
from cotyledon_core.runtime.helper import MESSAGE_LIMIT, Dropped
from cotyledon_core.runtime.helpers import HEALTHY_AFTER
from cotyledon_core.runtime.notifier_host import (
    DEATHS_ALLOWED,
    DISABLED_STATUS,
    NotifierHost,
    Piece,
)
from cotyledon_core.testing import every_event
from cotyledon_core.testing.samples import SERVICE_ID

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="hosts are forked")

EVENTS = list(every_event())
EXIT = ExitStatus(code=7)


def too_large() -> Event:
    return replace(EVENTS[0], name="x" * MESSAGE_LIMIT)


class Reporting(Notifier):
    """Sends home what it is told.

    :param fails: whether it fails at the n-th event, counted from 0.
    :param wakes: how often it wants to be woken at once after its first event.
    """

    def __init__(
        self, home: socket.socket, fails: Callable[[int], bool], error: type, wakes: int
    ) -> None:
        self._home, self._fails, self._error = home, fails, error
        self._count = 0
        self._wakes = wakes

    def notify(self, event: Event) -> None:
        self._home.send(pickle.dumps((os.getpid(), event)))
        self._count += 1
        if self._fails(self._count - 1):
            raise self._error("x")

    def synchronize(self, ledger: Ledger) -> None:
        (service,) = ledger.services.values()
        told = ("ledger", ledger.noted, len(service.workers))
        self._home.send(pickle.dumps((os.getpid(), told)))

    def deadline(self) -> float | None:
        return time.monotonic() if self._count and self._wakes else None

    def wake(self, now: float) -> None:
        self._wakes -= 1
        self._home.send(pickle.dumps((os.getpid(), "woken")))

    def close(self) -> None:
        self._home.send(pickle.dumps((os.getpid(), "closed")))


class Hosted:
    """A host whose notifier reports here."""

    def __init__(
        self,
        fails: Callable[[int], bool] = lambda n: False,
        error: type = ValueError,
        wakes: int = 0,
    ) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.host = NotifierHost("test", Reporting(self._theirs, fails, error, wakes))
        self.pid = self.host.start()

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.host.put(message)
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
    it.tell(too_large(), too_large(), EVENTS[1])
    told = it.hear()
    assert isinstance(told, EventsDropped)
    assert told.count == 2
    assert told.reason
    assert told.wall_time > 0
    assert it.hear() == EVENTS[1]


# -- a process that ends


def faults(host: NotifierHost, *lives: float, status: ExitStatus = EXIT) -> list[str]:
    return [host.fault(status, lived) for lived in lives]


@pytest.fixture
def host() -> NotifierHost:
    """That is not started."""
    return NotifierHost("test", EventLog())


def test_a_process_that_ends_again_and_again_is_given_up(host: NotifierHost) -> None:
    *before, last = faults(host, *[HEALTHY_AFTER - 1] * DEATHS_ALLOWED)
    assert before == [""] * (DEATHS_ALLOWED - 1)
    assert str(DEATHS_ALLOWED) in last
    assert "exit status 7" in last


def test_one_that_was_healthy_begins_anew(host: NotifierHost) -> None:
    for _ in range(3):
        assert not any(faults(host, HEALTHY_AFTER, *[0.0] * (DEATHS_ALLOWED - 2)))
    assert faults(host, 0.0) != [""]


def test_one_that_says_so_is_given_up_at_once(host: NotifierHost) -> None:
    assert faults(host, 1e6, status=ExitStatus(code=DISABLED_STATUS)) == ["it failed too often"]


# -- making up for gaps


def filled(workers: int) -> Ledger:
    ledger = Ledger()
    ledger.note(events.ServiceAdded(1.0, 2.0, "web", SERVICE_ID, workers))
    return ledger


def test_a_late_host_is_told_what_all_events_amount_to(hosted: Callable[..., Hosted]) -> None:
    it = hosted()
    ledger = filled(workers=5000)
    assert len(pickle.dumps(ledger)) > 2 * MESSAGE_LIMIT
    it.host.catch_up(ledger)
    it.tell(EVENTS[0])
    assert it.hear() == ("ledger", 1, 5000)
    assert it.hear() == EVENTS[0]
    it.host.catch_up(ledger)
    it.tell(EVENTS[1])
    assert it.hear() == EVENTS[1], "there is no gap"


def test_a_host_from_the_start_has_nothing_to_make_up_for(hosted: Callable[..., Hosted]) -> None:
    it = hosted()
    it.host.catch_up(Ledger())
    it.tell(EVENTS[0])
    assert it.hear() == EVENTS[0]


def test_what_was_dropped_is_made_up_for_when_nothing_waits(hosted: Callable[..., Hosted]) -> None:
    it = hosted()
    it.host.catch_up(Ledger())
    it.host.put(too_large())
    it.host.catch_up(filled(1))
    assert it.host.has_gap, "what waits has to go first"
    it.tell()
    assert isinstance(it.hear(), EventsDropped)
    it.host.catch_up(filled(1))
    assert not it.host.has_gap
    it.tell()
    assert it.hear() == ("ledger", 1, 1)


def test_a_piece_without_its_beginning_is_left_out(hosted: Callable[..., Hosted]) -> None:
    it = hosted()
    it.tell(
        Piece(b"x", first=True, last=False),
        Dropped(1),
        Piece(b"y", first=False, last=True),
        EVENTS[0],
    )
    assert isinstance(it.hear(), EventsDropped)
    assert it.hear() == EVENTS[0]


def test_a_host_wakes_its_notifier(hosted: Callable[..., Hosted]) -> None:
    it = hosted(wakes=2)
    it.tell(EVENTS[0])
    assert [it.hear() for _ in range(3)] == [EVENTS[0], "woken", "woken"]
    it.tell(EVENTS[1])
    assert it.hear() == EVENTS[1]


def test_a_host_wakes_its_notifier_in_time_though_events_wait(
    hosted: Callable[..., Hosted],
) -> None:
    it = hosted(wakes=1)
    it.tell(*[EVENTS[0]] * 20)
    assert [it.hear() for _ in range(3)] == [EVENTS[0], "woken", EVENTS[0]]


def test_a_notifier_that_always_wants_to_be_woken_is_told_events(
    hosted: Callable[..., Hosted],
) -> None:
    it = hosted(wakes=10**6)
    it.tell(EVENTS[0], EVENTS[1])
    assert it.hear() == EVENTS[0]
    while (told := it.hear()) == "woken":
        pass
    assert told == EVENTS[1]

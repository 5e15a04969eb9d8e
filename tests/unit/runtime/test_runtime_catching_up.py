"""What a notifier in a host knows, whatever is dropped on the way and whenever its process dies.

The way is a queue of few messages; a ledger takes several of them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotyledon_core import events
from cotyledon_core.event_log import EventLog
from cotyledon_core.events import Event, EventsDropped
from cotyledon_core.ledger import Ledger
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.runtime import helper, notifier_host
from cotyledon_core.runtime.notifier_host import NotifierHost
from cotyledon_core.testing.samples import SERVICE_ID
from cotyledon_core.types import WorkerId

SERVICES = ("web", "other", "third")


class Knowing(Notifier):
    """Keeps the ledger that it was told, as a notifier does that comes late."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.told = self.dropped = 0

    def notify(self, event: Event) -> None:
        if isinstance(event, EventsDropped):
            self.dropped += event.count
        else:
            self.told += 1
            self.ledger.note(event)

    def synchronize(self, ledger: Ledger) -> None:
        self.ledger = ledger


class Way(NotifierHost):
    """A host whose process is here, and gets so many messages at a time."""

    fed = True  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__("test", EventLog())
        self.has_gap = True
        self.begin()

    def begin(self) -> None:
        self.has_gap = True
        self.notifier = Knowing()
        self._process = notifier_host._Host("test", self.notifier)

    def deliver(self, messages: int | None = None) -> None:
        """Have the process read so many messages, or all."""
        while self.waiting and messages != 0:
            messages = None if messages is None else messages - 1
            self._process._turn(self._next)

    def _next(self, timeout: float | None) -> Any:
        if self._dropped:
            count, self._dropped = self._dropped, 0
            return helper.Dropped(count)
        return helper.unpacked(self._queue.popleft())


def digest(ledger: Ledger) -> Any:
    """All that a ledger knows, as plain values."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items() if each != 0}
        slots = getattr(value, "__slots__", None) or getattr(value, "__dict__", None)
        if type(value).__module__.startswith("cotyledon_core.standing") and slots:
            return {name: plain(getattr(value, name)) for name in slots}
        return value

    return {name: plain(value) for name, value in vars(ledger).items()}


happening = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(SERVICES), st.integers(0, 3)),
    st.tuples(st.just("spawn"), st.sampled_from(SERVICES), st.integers(0, 2)),
    st.tuples(st.just("ready"), st.sampled_from(SERVICES), st.integers(0, 2)),
    st.tuples(st.just("remove"), st.sampled_from(SERVICES), st.just(0)),
    st.tuples(st.just("spawns"), st.sampled_from(SERVICES), st.integers(1, 12)),
    st.tuples(st.just("deliver"), st.just(""), st.integers(0, 8)),
    st.tuples(st.just("deliver"), st.just(""), st.just(100)),
    st.tuples(st.just("catch up"), st.just(""), st.just(0)),
    st.tuples(st.just("die"), st.just(""), st.just(0)),
)


def events_of(what: str, service: str, number: int, now: float) -> list[Event]:
    if what == "spawns":
        return [event_of("spawn", service, 0, now)] * number
    return [event_of(what, service, number, now)]


def event_of(what: str, service: str, number: int, now: float) -> Event:
    of_service = {"at": now, "wall_time": now, "service": service, "service_id": SERVICE_ID}
    of_worker = {**of_service, "worker_id": WorkerId(number), "incarnation": 1, "pid": 42}
    if what == "add":
        return events.ServiceAdded(**of_service, workers=number)
    if what == "remove":
        return events.ServiceRemoved(**of_service)
    if what == "spawn":
        return events.WorkerSpawned(**of_worker)
    return events.WorkerReady(**of_worker, start_duration=0.5)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "QUEUE_LIMIT", 6)
    monkeypatch.setattr(notifier_host, "PIECE", 500)


@given(st.lists(happening, max_size=60))
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_it_knows_everything_once_it_has_caught_up(
    narrow: None, happenings: list[tuple[str, str, int]]
) -> None:
    truth, way, put, died = Ledger(), Way(), 0, False
    for now, (what, service, number) in enumerate(happenings):
        if what == "deliver":
            way.deliver(number)
        elif what == "catch up":
            way.catch_up(truth)
        elif what == "die":
            way.begin()
            died = True
        else:
            for event in events_of(what, service, number, float(now)):
                truth.note(event)
                way.put(event)
                put += 1
                assert len(way._queue) <= helper.QUEUE_LIMIT
    way.deliver()
    way.catch_up(truth)
    way.deliver()
    assert digest(way.notifier.ledger) == digest(truth)
    if not died:
        # parts of a ledger are counted too, when they are dropped
        assert way.notifier.told + way.notifier.dropped >= put

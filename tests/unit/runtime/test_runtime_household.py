"""What the manager does for its helpers in each turn."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

import pytest

from cotyledon_core import events, log
from cotyledon_core.event_log import EventLog
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.signals import Signals
from cotyledon_core.runtime.children import Children
from cotyledon_core.runtime.dispatcher import Dispatcher, ForeignCode
from cotyledon_core.runtime.helper import Dropped, unpacked
from cotyledon_core.runtime.hooks import Hooks
from cotyledon_core.runtime.household import Household
from cotyledon_core.runtime.notifier_host import NotifierHost, Piece


class Host(NotifierHost):
    """A host whose process is here, and has room for all."""

    fed = True  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__("test", EventLog())
        self.sent: list[object] = []

    def flush(self) -> bool:
        if self._dropped:
            self.sent.append(Dropped(self._dropped))
            self._dropped = 0
        while self._queue:
            self.sent.append(unpacked(self._queue.popleft()))
        return True


@pytest.fixture
def dispatcher() -> Dispatcher:
    return Dispatcher(Hooks(), ForeignCode(lambda: False))


@pytest.fixture
def household(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> Iterator[Household]:
    # the tests' own log is not the manager's
    monkeypatch.setattr(log, "is_loaded", lambda: False)
    roll, selector = Roll(), selectors.DefaultSelector()
    foreign_code = ForeignCode(lambda: False)
    yield Household(
        Children(roll), roll, selector, dispatcher, foreign_code, Signals([]), leads_session=False
    )
    selector.close()
    roll.close()


def test_a_notifier_that_has_missed_events_is_brought_up_in_the_turn_that_sends_the_last(
    household: Household, dispatcher: Dispatcher
) -> None:
    host = dispatcher.hosts["test"] = Host()
    reloading = events.ManagerReloading(at=0.0, wall_time=0.0)
    dispatcher.ledger.note(reloading)
    host._drop(1)
    host.put(reloading)
    household.keep(idle=True)
    assert [type(each) for each in host.sent] == [Dropped, events.ManagerReloading, Piece]
    household.keep(idle=True)
    assert len(host.sent) == 3

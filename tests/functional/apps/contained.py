"""A manager with a notifier that behaves badly, as the first argument says, and two that do not.

Its workers are replaced when they end; one of them talks as much as the test wants it to.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from support import Reloading, ignore_signals, manager, record, sleep_long, wait_at

import cotyledon_core as cotyledon
from cotyledon_core import events
from cotyledon_core.runtime import helpers

MANY = 4000
"""Events that the talking worker makes: more than wait for a notifier that does not read."""


class Recorder(cotyledon.Notifier):
    """Notes what it is told."""

    blocking = False
    who = "inline"

    def notify(self, event: cotyledon.Event) -> None:
        if isinstance(event, events.WorkerStatus):
            return
        fields = event.as_dict()
        fields["of"] = fields.pop("pid", None)
        record(fields.pop("event"), who=self.who, **fields)


class Hosted(Recorder):
    """The same, in a process of its own."""

    blocking = True
    who = "hosted"


class Bad(cotyledon.Notifier):
    """Does its worst at each spawn of a worker, and what raises from the first on at each event."""

    def __init__(self, worst: Callable[[], None]) -> None:
        self._worst = worst
        self._raising = False

    def notify(self, event: cotyledon.Event) -> None:
        if isinstance(event, events.EventsDropped):
            record("missed", count=event.count)
        if isinstance(event, events.WorkerSpawned) or self._raising:
            self._raising = self._worst in (fail, leak)
            record("begun")
            self._worst()

    def synchronize(self, ledger: cotyledon.Ledger) -> None:
        record("synchronized", noted=ledger.noted)

    def close(self) -> None:
        record("closing")
        if self._worst is not sleep_at_the_end:
            return
        ignore_signals()
        sleep_long()


class BadInline(Bad):
    """The same in the manager's own process."""

    blocking = False


def fail() -> NoReturn:
    raise ValueError("x")


def hang() -> None:
    wait_at("notifier")


def leave() -> NoReturn:
    os._exit(7)


def leak() -> None:
    """Use up the descriptors, and some memory, and never give them back."""
    kept.append(bytearray(1 << 24))
    while True:
        os.open(os.devnull, os.O_RDONLY)


kept: list[bytearray] = []


def shut() -> None:
    os.closerange(0, 1 << 12)


def have_children() -> None:
    for _ in range(3):
        if os.fork() == 0:
            record("child")
            signal.pause()


def flood() -> None:
    """Log without end."""
    while True:
        logging.getLogger("flood").warning("x" * 1000)


def nothing() -> None:
    pass


def sleep_at_the_end() -> None:
    pass


class Talking(cotyledon.Service):
    """Has much to say when it is told to."""

    def run(self) -> None:
        wait_at("talk")
        for number in range(MANY):
            self.status(str(number))
            if number % 50 == 0:
                # the manager reads so many a turn
                time.sleep(0.001)
        record("talked")


WORST = {
    each.__name__: each
    for each in (
        fail,
        hang,
        leave,
        leak,
        shut,
        have_children,
        flood,
        nothing,
        sleep_at_the_end,
    )
}

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    made = manager()
    bad = BadInline if "beside" in sys.argv[2:] else Bad
    made.add_notifier(bad(WORST[sys.argv[1]]), "bad")
    made.add_notifier(Recorder(), "inline")
    made.add_notifier(Hosted(), "hosted")
    helpers.FIRST_DELAY = 0.05
    made.add(
        Reloading, 2, restart_policy=cotyledon.Always(restart_delay=0.001, restart_delay_max=0.001)
    )
    if "talking" in sys.argv[2:]:
        made.add(Talking)
    made.run()

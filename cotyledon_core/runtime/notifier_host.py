"""A notifier that may block, in a helper process of its own.

It is fed the events. Where they may have a gap (they were too many, or the
process before has died), and where it begins late, the manager's ledger
follows as soon as nothing waits for the process any more: cut into pieces, as a
message cannot be of any size. So the rate of ledgers is that of a notifier that reads.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cotyledon_core.events import EventsDropped
from cotyledon_core.log import Log
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.process import clock
from cotyledon_core.runtime.helper import Dropped, Helper, Receive
from cotyledon_core.runtime.helpers import HEALTHY_AFTER

if TYPE_CHECKING:
    from cotyledon_core.ledger import Ledger
    from cotyledon_core.plugins.restart_policy import ExitStatus

FAILURES_ALLOWED = 3
"""Exceptions in a row after which a notifier is disabled."""
DISABLED_STATUS = 3
"""Exit status of a host whose notifier has failed that often."""
DEATHS_ALLOWED = 5
"""Ends of a host in a row, each before it was healthy, after which a notifier is disabled."""
SHORTEST_NAP = 0.05
"""Seconds from one waking of a notifier to the next."""
PIECE = 64 * 1024
"""Bytes."""
TOO_SLOW = "the notifier was too slow, or the event too large"

LOG = Log("cotyledon_core")


class Piece:
    """A part of a ledger.

    :param last: whether it completes the ledger.
    """

    def __init__(self, data: bytes, *, first: bool, last: bool) -> None:
        self.data = data
        self.first = first
        self.last = last


class NotifierHost(Helper):
    """The manager's side of a blocking notifier."""

    def __init__(self, name: str, notifier: Notifier) -> None:
        super().__init__(f"notifier {name}", lambda receive: _Host(name, notifier).serve(receive))
        self.notifier = notifier

    _deaths = 0

    def start(self) -> int:
        self.has_gap = True
        return super().start()

    def fault(self, status: ExitStatus, lived: float) -> str:
        """Why the notifier is given up, now that its process has ended; empty if it is not.

        :param lived: for how many seconds the process did.
        """
        if status.code == DISABLED_STATUS:
            return "it failed too often"
        self._deaths = 1 if lived >= HEALTHY_AFTER else self._deaths + 1
        if self._deaths < DEATHS_ALLOWED:
            return ""
        return f"its process has ended {self._deaths} times in a row, the last time with {status}"

    def catch_up(self, ledger: Ledger) -> None:
        """Queue what all events until now amount to, if some may be missing and none waits."""
        if not self.has_gap or self.waiting or not self.fed:
            return
        self.has_gap = False
        if not ledger.noted:
            return
        import pickle

        data = pickle.dumps(ledger)
        for start in range(0, len(data), PIECE):
            end = start + PIECE
            self.put(Piece(data[start:end], first=start == 0, last=end >= len(data)))


class _Host:
    """The process's side."""

    def __init__(self, name: str, notifier: Notifier) -> None:
        self._name = name
        self._notifier = notifier
        self._failures = 0
        self._due: float | None = None
        self._rested = 0.0
        """When the notifier may be woken again."""
        self._pieces: list[bytes] = []

    def serve(self, receive: Receive) -> None:
        try:
            with contextlib.suppress(EOFError):
                while True:
                    self._turn(receive)
            self._notifier.close()
        except BaseException:
            LOG.exception("notifier %s failed at its end", self._name)
        import logging

        logging.shutdown()

    def _turn(self, receive: Receive) -> None:
        wait = None if self._due is None else self._due - time.monotonic()
        # in time, however many events there are
        if wait is not None and wait <= 0:
            self._wake()
            return
        try:
            message = receive(wait)
        except TimeoutError:
            self._wake()
            return
        if isinstance(message, Piece):
            self._take(message)
        elif isinstance(message, Dropped):
            self._pieces.clear()
            LOG.warning("notifier %s was too slow, %d events dropped", self._name, message.count)
            self._call(partial(self._notifier.notify, _told(message)))
        else:
            self._call(partial(self._notifier.notify, message))

    def _take(self, piece: Piece) -> None:
        if piece.first:
            self._pieces.clear()
        elif not self._pieces:
            # its beginning was lost; another ledger follows
            return
        self._pieces.append(piece.data)
        if piece.last:
            import pickle

            ledger = pickle.loads(b"".join(self._pieces))
            self._pieces.clear()
            self._call(partial(self._notifier.synchronize, ledger))

    def _wake(self) -> None:
        now = time.monotonic()
        self._rested = now + SHORTEST_NAP
        self._call(partial(self._notifier.wake, now))

    def _call(self, call: Callable[[], Any]) -> None:
        self._due = None
        try:
            call()
            due = self._notifier.deadline()
            if due is not None and math.isfinite(due):
                self._due = max(due, self._rested)
        except BaseException:
            LOG.exception("notifier %s failed", self._name)
            self._failures += 1
            if self._failures == FAILURES_ALLOWED:
                os._exit(DISABLED_STATUS)
        else:
            self._failures = 0


def _told(dropped: Dropped) -> EventsDropped:
    at, wall_time = clock.now()
    return EventsDropped(at=at, wall_time=wall_time, count=dropped.count, reason=TOO_SLOW)

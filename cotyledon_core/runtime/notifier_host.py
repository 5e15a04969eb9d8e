"""A notifier that may block, in a helper process of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from cotyledon_core.events import EventsDropped
from cotyledon_core.log import Log
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.process import clock
from cotyledon_core.runtime.helper import Dropped, Helper

FAILURES_ALLOWED = 3
"""Exceptions in a row after which a notifier is disabled."""
DISABLED_STATUS = 3
"""Exit status of a host whose notifier has failed that often."""
TOO_SLOW = "the notifier was too slow, or the event too large"

LOG = Log("cotyledon_core")


class NotifierHost(Helper):
    """The manager's side of a blocking notifier."""

    def __init__(self, name: str, notifier: Notifier) -> None:
        super().__init__(f"notifier {name}", lambda receive: _host(name, notifier, receive))


def _host(name: str, notifier: Notifier, receive: Callable[[], Any]) -> None:
    failures = 0
    try:
        with contextlib.suppress(EOFError):
            while True:
                message = receive()
                if isinstance(message, Dropped):
                    LOG.warning("notifier %s was too slow, %d events dropped", name, message.count)
                    message = _told(message)
                failures = 0 if _notify(name, notifier, message) else failures + 1
                if failures == FAILURES_ALLOWED:
                    os._exit(DISABLED_STATUS)
        notifier.close()
    except BaseException:
        LOG.exception("notifier %s failed at its end", name)
    import logging

    logging.shutdown()


def _told(dropped: Dropped) -> EventsDropped:
    at, wall_time = clock.now()
    return EventsDropped(at=at, wall_time=wall_time, count=dropped.count, reason=TOO_SLOW)


def _notify(name: str, notifier: Notifier, event: Any) -> bool:
    try:
        notifier.notify(event)
    except BaseException:
        LOG.exception("notifier %s failed", name)
        return False
    return True

"""What a deadline is for."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.worker import Worker


class Kind(Enum):
    """What is done when the time has come."""

    __hash__ = object.__hash__  # Enum's own is Python code

    BACKOFF = "start the worker again"
    START = "end a worker by force that is not ready"
    WATCHDOG = "look for a heartbeat"
    GRACE = "end a worker by force that was asked to end"
    DUMP = "read the stacks that a worker was asked for"
    ABORT = "kill a worker that the watchdog's signal has not ended"
    PROOF = "count a new worker that has stayed ready"
    REPLACEMENT = "fail a reload that does not come forward in a service"
    LIFETIME = "replace a worker that has lived long enough"
    STOP = "ask the workers to end"
    BOUND = "end everything by force"


OF_WORKERS = tuple(kind for kind in Kind if kind not in (Kind.REPLACEMENT, Kind.STOP, Kind.BOUND))


class Timer(NamedTuple):
    """The key of a deadline: a worker or a service may have one of each kind."""

    kind: Kind
    subject: Worker | SupervisedService | None = None
    """None for the manager's own."""

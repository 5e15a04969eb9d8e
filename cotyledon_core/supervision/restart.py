"""The default answer to an end that nobody asked for: back-off.

A worker that ends is started again at once the first time. While its
incarnations keep ending before they have run healthily for a while, each
further start waits longer. The count is the worker's own: no service and no
other worker of the same service is delayed by it.

Let a *series* be a healthy end, or the worker's first end, and all the ends
after it up to the next healthy end. A healthy end is one with an uptime of at
least ``restart_healthy_after``. The end at place ``n`` of its series, counted
from 0, is followed by a delay of

    0                                                     if n = 0
    min(max, restart_delay * factor ** (n - 1))           if n > 0

times ``1 + restart_jitter * r``, with a random ``r`` from 0 to 1, so that
workers that ended together do not return together. The jitter comes last: a
delay may exceed the maximum by it.

With the defaults (0.5 s, factor 2, at most 60 s) and without jitter the delays
are 0, 0.5, 1, 2, 4, 8, 16, 32, 60, 60, ...

``n`` is found from the restarts that are remembered: it is the number of the
most recent ones, counted backwards up to the first whose incarnation had been
healthy, that one included, since its restart was the immediate one of this
series. As at most 100 are remembered, ``n`` grows no further than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from cotyledon_core.plugins.restart_policy import Death


def _bounded(default: float, least: float, text: str) -> Any:
    return field(default=default, metadata={"min": least, "help": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential back-off with jitter, per worker.

    Each field is an option of the built-in policies of the same name; its
    ``metadata`` holds ``min`` and ``help``.

    :raises ValueError: for a value below its minimum, infinite or not a number.
    """

    restart_delay: float = _bounded(
        0.5,
        0.0,
        "Seconds before the second restart of a worker whose processes keep ending. "
        "The first restart is immediate.",
    )
    restart_delay_factor: float = _bounded(
        2.0, 1.0, "How many times longer each further restart waits than the one before."
    )
    restart_delay_max: float = _bounded(
        60.0, 0.0, "The longest wait before a restart, in seconds, not counting the jitter."
    )
    restart_jitter: float = _bounded(
        0.1, 0.0, "The greatest part of a wait that is added to it at random."
    )
    restart_healthy_after: float = _bounded(
        10.0,
        0.0,
        "Seconds that a process must have run before its end counts as the first one again "
        "and is followed by an immediate restart.",
    )

    def __post_init__(self) -> None:
        for option in fields(self):
            value, least = getattr(self, option.name), option.metadata["min"]
            if not (least <= value < math.inf):
                raise ValueError(f"{option.name}: {value!r} is not a number of {least:g} or more")

    def delay(self, death: Death, random: Callable[[], float]) -> float:
        """The seconds to wait before the worker is started again.

        :param death: the end that nobody asked for.
        :param random: gives the next random number from 0 to 1.
        """
        place = self._place_in_series(death)
        if place == 0:
            return 0.0
        return self._without_jitter(place) * (1.0 + self.restart_jitter * random())

    def _place_in_series(self, death: Death) -> int:
        if death.uptime >= self.restart_healthy_after:
            return 0
        place = 0
        for past in reversed(death.worker_restarts):
            place += 1
            if past.uptime >= self.restart_healthy_after:
                break
        return place

    def _without_jitter(self, place: int) -> float:
        # Multiplied step by step: a power would overflow, a product becomes infinite.
        delay = self.restart_delay
        for _ in range(place - 1):
            if delay >= self.restart_delay_max:
                break
            delay *= self.restart_delay_factor
        return min(delay, self.restart_delay_max)

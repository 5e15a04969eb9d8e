"""The default answer to an end that nobody asked for: back-off.

A worker that ends is started again at once the first time. While its
incarnations keep ending before they have run healthily for a while, each
further start waits longer. The count is the worker's own: no service and no
other worker of the same service is delayed by it.

Let a *series* be a healthy end, or the worker's first end, and all the ends
after it up to the next healthy end. A healthy end is one with an uptime of at
least ``restart_healthy_after``. The end at place ``n`` of its series, counted
from 0, is followed by a delay of

    0                                                        if n = 0
    min(max, delay * factor ** (n - 1))                      if n > 0, steps = 0
    min(max, delay * (max / delay) ** ((n - 1) / steps))     if 0 < n <= steps
    max                                                      if n > steps > 0

times ``1 + restart_jitter * r``, with a random ``r`` from 0 to 1, so that
workers that ended together do not return together. The jitter comes last: a
delay may exceed the maximum by it. ``delay``, ``factor``, ``steps`` and ``max``
are ``restart_delay``, ``restart_delay_factor``, ``restart_delay_steps`` and
``restart_delay_max``. With steps the factor has no meaning; they are systemd's
``RestartSteps`` (systemd.service(5)), ``n`` being its count of restarts and 1,
less the immediate one. A ``delay`` of 0 stays 0.

With the defaults (0.5 s, factor 2, at most 60 s) and without jitter the delays
are 0, 0.5, 1, 2, 4, 8, 16, 32, 60, 60, ...; with 1 s and 5 steps they are 0, 1,
2.27, 5.14, 11.67, 26.46, 60, 60, ...

``n`` is found from the restarts that are remembered: it is the number of the
most recent ones, counted backwards up to the first whose incarnation had been
healthy, that one included, since its restart was the immediate one of this
series. As at most 100 are remembered, ``n`` grows no further than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from cotyledon_core.plugins.restart_policy import WORKER_RESTARTS_KEPT, Death
from cotyledon_core.record import Record


class Number(NamedTuple):
    """An option that is a number; a whole one if its default is."""

    default: float
    least: float
    help: str
    most: float = math.inf

    @property
    def whole(self) -> bool:
        return isinstance(self.default, int)

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value, and what would be right; None if it is right."""
        kind = int if self.whole else int | float
        usable = isinstance(value, kind) and not isinstance(value, bool)
        if usable and self.least <= value <= self.most and value < math.inf:
            return None
        right = f"of {self.least:g} or more"
        if self.most < math.inf:
            right = f"from {self.least:g} to {self.most:g}"
        return f"{value!r} is not a {'whole ' if self.whole else ''}number {right}"


def faults_of_numbers(numbers: Mapping[str, Number], values: Mapping[str, Any]) -> Iterator[str]:
    """A line for each value that is impossible, the option's name first."""
    for name, value in values.items():
        if name in numbers and (fault := numbers[name].fault(value)):
            yield f"{name}: {fault}"


def _number(default: float, least: float, text: str, most: float = math.inf) -> Any:
    return Number(default, least, text, most)


class Backoff(Record):
    """Growing delays with jitter, per worker.

    Each field is an option of the built-in policies of the same name.

    :raises ValueError: with a line for each value that is out of bounds, infinite or no number.
    """

    numbers: ClassVar[Mapping[str, Number]]
    """The fields: default, bounds and help of each."""

    restart_delay: float = _number(
        0.5,
        0.0,
        "Seconds before the second restart of a worker whose processes keep ending. "
        "The first restart is immediate.",
    )
    restart_delay_factor: float = _number(
        2.0, 1.0, "How many times longer each further restart waits than the one before."
    )
    restart_delay_steps: int = _number(
        0,
        0,
        "In how many steps the wait grows from restart_delay to restart_delay_max, each the same "
        "number of times longer than the one before, as with systemd's RestartSteps. If it is "
        "more than 0, restart_delay_factor has no meaning.",
        WORKER_RESTARTS_KEPT - 1,
    )
    restart_delay_max: float = _number(
        60.0, 0.0, "The longest wait before a restart, in seconds, not counting the jitter."
    )
    restart_jitter: float = _number(
        0.1, 0.0, "The greatest part of a wait that is added to it at random."
    )
    restart_healthy_after: float = _number(
        10.0,
        0.0,
        "Seconds that a process must have run before its end counts as the first one again "
        "and is followed by an immediate restart.",
    )

    def __init__(self, **options: float) -> None:
        if faults := list(faults_of_numbers(self.numbers, options)):
            raise ValueError("\n".join(faults))
        defaults = {name: number.default for name, number in self.numbers.items()}
        super().__init__(**{**defaults, **options})

    def delay(self, death: Death, random: Callable[[], float]) -> float:
        """The seconds to wait before the worker is started again.

        :param death: the end that nobody asked for.
        :param random: gives the next random number from 0 to 1.
        """
        place = self._place_in_series(death)
        if place == 0:
            return 0.0
        grown = self._after_steps if self.restart_delay_steps else self._by_factor
        return min(grown(place), self.restart_delay_max) * (1.0 + self.restart_jitter * random())

    def _place_in_series(self, death: Death) -> int:
        if death.uptime >= self.restart_healthy_after:
            return 0
        place = 0
        for past in reversed(death.worker_restarts):
            place += 1
            if past.uptime >= self.restart_healthy_after:
                break
        return place

    def _after_steps(self, place: int) -> float:
        if self.restart_delay == 0:
            return 0.0
        if place > self.restart_delay_steps:
            return self.restart_delay_max
        growth = self.restart_delay_max / self.restart_delay
        return float(self.restart_delay * growth ** ((place - 1) / self.restart_delay_steps))

    def _by_factor(self, place: int) -> float:
        # Multiplied step by step: a power would overflow, a product becomes infinite.
        delay = self.restart_delay
        for _ in range(place - 1):
            if delay >= self.restart_delay_max:
                break
            delay *= self.restart_delay_factor
        return delay


Backoff.numbers = {name: vars(Backoff)[name] for name in Backoff.field_names}

"""How the workers of one service are supervised, where that can be chosen for each service."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from cotyledon_core.record import Record
from cotyledon_core.supervision.share import Share

READY_WHEN = ("booted", "notified")
WATCHDOGS = ("process", "service")
RELOAD_STRATEGIES = ("in_place", "rolling", "all_at_once")
ON_GIVE_UP = ("keep", "shutdown")
UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


class ServiceOptions(Record):
    """One value for each option of a service's section that concerns supervision.

    The same names are keywords of :meth:`.ServiceManager.add`. Make them with
    :meth:`checked`.
    """

    ready_when: str | None = None
    """``booted`` or ``notified``; None leaves it to the service's class."""
    start_timeout: float = 0.0
    """Seconds until a worker has to be ready; 0 is without end."""
    watchdog: str = "process"
    """``process`` or ``service``: whose heartbeat is awaited."""
    watchdog_timeout: float = 0.0
    """Seconds between two heartbeats at the most; 0 awaits none."""
    watchdog_signal: int | str = "ABRT"
    """What a worker that hangs is sent before SIGKILL."""
    max_lifetime: float = 0.0
    """Seconds from a worker's readiness until it is replaced; 0 is without end."""
    max_memory: int = 0
    """Resident memory at which a worker is replaced, in bytes or such as ``512M``; 0 is without
    bound. Not for services that execute a program."""
    max_tasks: int = 0
    """Calls of :meth:`.Service.task_done` after which a worker is replaced; 0 is without bound.
    Not for services that execute a program."""
    recycle_jitter: float = 0.1
    """The greatest part of such a bound that is added to it at random, for each process anew."""
    max_recycling: Share = Share(25, percent=True)
    """How many workers of the service may be in replacement for such a bound at a time: a number
    or a percentage of the wanted ones, which is rounded down, and 1 at least."""
    start_after: tuple[str, ...] = ()
    """Names of services that have to be ready before this one is started; it is stopped
    before them."""
    sockets: tuple[str, ...] = ()
    """Names of the listening sockets that the workers are given."""
    on_give_up: str = "keep"
    """What follows when the restart policy gives the service up: ``keep`` has the others live
    on, ``shutdown`` stops the manager, with exit status 3."""
    capture_stderr: bool = False
    """Whether standard error goes to the manager's log, line by line."""
    reload_strategy: str | None = None
    """How workers come to a reload: ``in_place``, by their own ``reload()``; ``rolling``, a few
    replaced at a time; ``all_at_once``, all replaced together. None is in place for a service
    that has a ``reload()``, and rolling for others."""
    max_unavailable: Share = Share(25, percent=True)
    """How many workers may be missing while some are replaced: a number or a percentage of the
    wanted ones, which is rounded down, and 1 at least."""
    max_surge: Share = Share(0)
    """How many processes there may be beyond the wanted ones while workers are replaced: a number
    or a percentage, which is rounded up. A new process then has the same worker id as the one
    beside which it starts."""
    min_ready_time: float = 0.0
    """Seconds that a new process has to stay ready before the next worker is replaced."""
    replacement_timeout: float = 600.0
    """Seconds within which a worker that is replaced has to become ready, and one that reloads in
    place has to be done; else the reload has failed. 0 is without end."""

    @property
    def always_replaces(self) -> bool:
        """Whether workers never reload in place."""
        return self.reload_strategy in ("rolling", "all_at_once")

    @property
    def max_missing(self) -> Share:
        """How many workers may be missing while some are replaced, by the strategy."""
        everybody = Share(100, percent=True)
        return everybody if self.reload_strategy == "all_at_once" else self.max_unavailable

    @classmethod
    def checked(cls, **given: Any) -> ServiceOptions:
        """The options, with texts made into what they stand for.

        :raises TypeError: for a name that is no option.
        :raises ValueError: with one line for each impossible value, its name first.
        """
        options = cls(**given)
        faults: list[str] = []
        values = {name: getattr(options, name) for name in cls.field_names}
        for name, read in _READERS.items():
            try:
                values[name] = read(values[name])
            except ValueError as error:
                faults.append(f"{name}: {error}")
        faults = faults or list(cls(**values)._contradictions())
        if faults:
            raise ValueError("\n".join(faults))
        return cls(**values)

    def _contradictions(self) -> Iterator[str]:
        if not self.max_unavailable.amount and not self.max_surge.amount:
            yield "max_unavailable: is 0, as is max_surge: nobody could be replaced; raise one"
        if 0 < self.replacement_timeout <= self.min_ready_time:
            yield "min_ready_time: must be below replacement_timeout"

    def unfit_for_programs(self) -> list[str]:
        """What is set and needs Python in the worker, as faults: the option's name first."""
        return [
            f"{name}: the workers of this service execute a program, which does not look at it; "
            "max_lifetime would do"
            for name in ("max_memory", "max_tasks")
            if getattr(self, name)
        ]


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} must be one of {', '.join(choices)}")
        return str(value)

    return read


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _number(value: Any) -> float:
    """Finite, and not negative."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not usable or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is not a number of 0 or more")
    return float(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not a whole number of 0 or more")
    return value


def _capture(value: Any) -> bool:
    import os

    if not isinstance(value, bool):
        raise ValueError(f"{value!r} must be true or false")
    if value and not hasattr(os, "fork"):
        raise ValueError("standard error cannot be captured on this platform; remove it")
    return value


def _signal(value: Any) -> int:
    from cotyledon_core.signal_names import signal_number

    return signal_number(value)


def _size(value: Any) -> int:
    """Bytes, from a number or a text with a unit."""
    text = str(value).strip().upper().removesuffix("B").removesuffix("I")
    unit = text[-1:] if text[-1:] in UNITS else ""
    try:
        size = float(text.removesuffix(unit)) * UNITS[unit]
    except ValueError:
        size = -1.0
    if not 0 <= size < math.inf or (not unit and size % 1):
        raise ValueError(f"{value!r} is no size; it must be whole bytes, or such as 512M or 1.5G")
    return int(size)


def _names(value: Any) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    try:
        names = tuple(dict.fromkeys(name.strip() for name in listed))
    except (TypeError, AttributeError):
        raise ValueError(f"{value!r} is no list of names") from None
    return tuple(filter(None, names))


def _share(value: Any) -> Share:
    return value if isinstance(value, Share) else Share.parse(value)


def _positive_share(value: Any) -> Share:
    share = _share(value)
    if not share.amount:
        raise ValueError(f"{value!r} lets nobody be replaced; it must be more than 0")
    return share


_READERS: dict[str, Callable[[Any], Any]] = {
    "ready_when": _or_none(_one_of(*READY_WHEN)),
    "start_timeout": _number,
    "watchdog": _one_of(*WATCHDOGS),
    "watchdog_timeout": _number,
    "watchdog_signal": _signal,
    "max_lifetime": _number,
    "max_memory": _size,
    "max_tasks": _count,
    "recycle_jitter": _number,
    "max_recycling": _positive_share,
    "start_after": _names,
    "sockets": _names,
    "on_give_up": _one_of(*ON_GIVE_UP),
    "capture_stderr": _capture,
    "reload_strategy": _or_none(_one_of(*RELOAD_STRATEGIES)),
    "max_unavailable": _share,
    "max_surge": _share,
    "min_ready_time": _number,
    "replacement_timeout": _number,
}

"""Levels of loggers that operators set in running processes.

The manager's are set in the manager; those of workers are *orders*, of which the manager keeps
the list. A later one stands above an earlier one. Workers find the list in a note, whose text
is made and understood here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cotyledon_core.record import Record

if TYPE_CHECKING:
    import logging

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NOTSET")
RESET = "RESET"
"""In the place of a level: the one that the application has set."""
EVERY = "-"
"""In the place of a service or worker."""


class Order(Record):
    """What an operator has set for workers."""

    service: str
    """The id in hexadecimal digits, or ``EVERY``."""
    worker: str
    logger: str
    """Empty for the root logger."""
    level: str

    def concerns(self, service: str, worker: str) -> bool:
        """Whether it is for this worker; of ``EVERY``, whether it is for all of them."""
        return self.service in (EVERY, service) and self.worker in (EVERY, worker)


def ordered(orders: Iterable[Order], new: Order) -> tuple[Order, ...]:
    """The list with another order, and without those that it makes void."""
    others = tuple(
        each
        for each in orders
        if each.logger != new.logger or not new.concerns(each.service, each.worker)
    )
    if new.level == RESET and not any(each.logger == new.logger for each in others):
        return others
    return (*others, new)


def levels_of(orders: Iterable[Order], service: str, worker: str) -> dict[str, str]:
    """What holds for a worker, by logger."""
    found: dict[str, str] = {}
    for order in orders:
        if order.concerns(service, worker):
            found[order.logger] = order.level
    return {logger: level for logger, level in found.items() if level != RESET}


class Note(Record):
    """What workers are told."""

    orders: tuple[Order, ...] = ()
    questions: Mapping[int, str] = {}  # records are frozen, nobody writes to it
    """Loggers whose levels are to be told, by the question's number."""

    def encode(self) -> bytes:
        """As a text of lines; no part has a line break, and only the last of a line a space."""
        lines = [f"? {number} {logger}" for number, logger in self.questions.items()]
        lines += [
            f"= {each.service} {each.worker} {each.level} {each.logger}" for each in self.orders
        ]
        return "\n".join(lines).encode()

    @classmethod
    def decode(cls, text: bytes) -> Note:
        orders, questions = [], {}
        for line in text.decode().split("\n"):
            kind, _, rest = line.partition(" ")
            if kind == "=":
                service, worker, level, logger = rest.split(" ", 3)
                orders.append(Order(service, worker, logger, level))
            elif kind == "?":
                number, logger = rest.split(" ", 1)
                questions[int(number)] = logger
        return cls(tuple(orders), questions)


class Held:
    """The levels that operators have set in this process.

    Whatever the application sets meanwhile is what holds after them. ``logging`` is
    loaded only when there is something to set.
    """

    def __init__(self) -> None:
        self._levels: dict[str, tuple[int, int]] = {}
        """By logger: the application's level, and the operator's."""

    def __bool__(self) -> bool:
        return bool(self._levels)

    def hold(self, levels: Mapping[str, str]) -> None:
        """Set these, and no others any more."""
        for name in self._levels.keys() - levels.keys():
            self.set(name, RESET)
        for name, level in levels.items():
            self.set(name, level)

    def set(self, name: str, level: str) -> None:
        """Set one; or let the application's level hold again."""
        if level == RESET and name not in self._levels:
            return
        found = logger(name)
        own, held = self._levels.pop(name, (found.level, None))
        if found.level != held:
            own = found.level
        if level == RESET:
            found.setLevel(own)
        else:
            found.setLevel(level)
            self._levels[name] = own, found.level


HELD = Held()
"""Those of this process; a forked worker begins with the manager's."""


def logger(name: str) -> logging.Logger:
    """The logger of that name; the root logger if it is empty."""
    import logging

    return logging.getLogger(name)


def shown(name: str) -> tuple[str, str]:
    """The level of a logger, and the one that holds, by their names."""
    import logging

    found = _nearest(name)
    own = found.level if found.name == (name or logging.root.name) else logging.NOTSET
    return logging.getLevelName(own), logging.getLevelName(found.getEffectiveLevel())


def _nearest(name: str) -> logging.Logger:
    """The logger of that name, or the next above it; to look makes none, which would stay."""
    import logging

    while name:
        found = logging.root.manager.loggerDict.get(name)
        if isinstance(found, logging.Logger):
            return found
        name = name.rpartition(".")[0]
    return logging.root

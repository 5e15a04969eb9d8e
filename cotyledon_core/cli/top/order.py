"""The order of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cotyledon_core.cli.top.rows import Row
from cotyledon_core.record import Record, replace

STATES = ("fatal", "backoff", "stopping", "starting", "running", "exited", "stopped")
"""Those that need a look come first."""


def _state(row: Row) -> int:
    state = row.worker.state
    return STATES.index(state) if state in STATES else len(STATES)


ORDERS: dict[str, Callable[[Row], Any]] = {
    "name": lambda row: (row.service, row.worker.worker),
    "state": _state,
    "cpu": lambda row: row.cpu,
    "memory": lambda row: row.memory,
    "restarts": lambda row: row.worker.restarts,
    "uptime": lambda row: row.worker.uptime,
}
"""What is compared; None is not known."""
GREATEST_FIRST = frozenset({"cpu", "memory", "restarts", "uptime"})


class Order(Record):
    """What workers are sorted by."""

    by: str = "name"
    """One of :data:`ORDERS`."""
    inverted: bool = False

    @property
    def falling(self) -> bool:
        """Whether the greatest comes first."""
        return (self.by in GREATEST_FIRST) != self.inverted

    def chosen(self, by: str) -> Order:
        """The order after this one was chosen: the same one again is inverted."""
        return self.invert() if by == self.by else Order(by)

    def invert(self) -> Order:
        """The other way round."""
        return replace(self, inverted=not self.inverted)

    def apply(self, rows: Iterable[Row]) -> list[Row]:
        """Sorted; workers that are equal by name, those of which it is not known last."""
        key = ORDERS[self.by]
        by_name = sorted(rows, key=ORDERS["name"])
        known = [row for row in by_name if key(row) is not None]
        unknown = [row for row in by_name if key(row) is None]
        return [*sorted(known, key=key, reverse=self.falling), *unknown]

"""What all events have; the kinds of them stand in :mod:`cotyledon_core.events`."""

from __future__ import annotations

from typing import Any, ClassVar

from cotyledon_core.plain import plain
from cotyledon_core.record import Record


class Event(Record):
    """Base of all events."""

    kind: ClassVar[str] = ""
    """The event's type in machine-readable output."""

    at: float
    """Monotonic time in seconds."""
    wall_time: float
    """Seconds since the epoch."""

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values that JSON can hold, with ``event`` for the kind."""
        return {"event": self.kind, **{n: plain(getattr(self, n)) for n in self.field_names}}

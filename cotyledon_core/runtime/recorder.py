"""The flight recorder: the last events and decisions, in a bounded ring.

It keeps what it is given as it is; text is made of it when somebody reads.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

from cotyledon_core import events
from cotyledon_core.record import Record, replace
from cotyledon_core.types import ServiceId, WorkerId

LONGEST_DUMP = 4096
"""Characters of stacks that are kept of each event."""


class Signalled(Record):
    """The manager has sent a worker a signal."""

    kind: ClassVar[str] = "signalled"

    at: float
    wall_time: float
    service: str
    service_id: ServiceId
    worker_id: WorkerId
    incarnation: int
    pid: int
    request: str
    """What for: ``stop``, ``reload``, ``interrupt``, ``dump``, ``abort`` or ``kill``."""

    def __str__(self) -> str:
        return f"worker {self.service}({self.worker_id}) is sent {self.request}, pid {self.pid}"

    def as_dict(self) -> dict[str, Any]:
        return _as_dict(self)


class Commanded(Record):
    """Somebody has asked for something that changes what runs."""

    kind: ClassVar[str] = "commanded"

    at: float
    wall_time: float
    command: str
    uid: int
    pid: int

    def __str__(self) -> str:
        return f"{self.command}, asked for by uid {self.uid}, pid {self.pid}"

    def as_dict(self) -> dict[str, Any]:
        return _as_dict(self)


def _as_dict(record: Signalled | Commanded) -> dict[str, Any]:
    plain = {name: getattr(record, name) for name in record.field_names}
    if isinstance(record, Signalled):
        plain["service_id"] = str(record.service_id)
    return {"event": record.kind, **plain}


Recorded = events.Event | Signalled | Commanded


class Entry(Record):
    """Something that was recorded."""

    number: int
    what: Recorded

    @property
    def service(self) -> str | None:
        """The name of the service that it concerns."""
        return getattr(self.what, "service", None) or None

    def as_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {"number": self.number, "line": str(self.what), **self.what.as_dict()}


class Recorder:
    """See the module's description.

    :param size: how many are kept.
    """

    def __init__(self, size: int) -> None:
        self._ring: deque[Entry] = deque(maxlen=size)
        self.count = 0
        """How many there have been; the number of the last."""

    def note(self, what: Recorded) -> None:
        """Keep this, and forget the oldest."""
        dump = getattr(what, "dump", "")
        if len(dump) > LONGEST_DUMP and isinstance(what, events.WorkerHung | events.WorkerExited):
            what = replace(what, dump=f"{dump[:LONGEST_DUMP]}\n...")
        self.count += 1
        self._ring.append(Entry(self.count, what))

    def after(self, number: int) -> Iterator[Entry]:
        """What came after the one of this number and is still there, in order."""
        passed = number - self.first + 1
        return islice(self._ring, min(max(passed, 0), len(self._ring)), None)

    @property
    def first(self) -> int:
        """The number of the oldest that is still there."""
        return self.count - len(self._ring) + 1

    def write(self, path: str) -> None:
        """Write all of it, a line of JSON each; the file is replaced when it is whole.

        :raises OSError: if it cannot be.
        """
        import json

        draft = f"{path}.{os.getpid()}"
        try:
            descriptor = os.open(
                draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NONBLOCK, 0o600
            )
            with open(descriptor, "w", encoding="utf-8") as file:
                for entry in self._ring:
                    file.write(json.dumps(entry.as_dict(), default=str) + "\n")
            os.replace(draft, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise

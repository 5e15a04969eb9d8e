"""What is found out about a process that has ended."""

from __future__ import annotations

from typing import Any

from cotyledon_core.record import Record


class Findings(Record):
    """Beyond the exit status; the fields are those of the event ``WorkerExited``."""

    cpu_user: float | None = None
    cpu_system: float | None = None
    peak_memory: int | None = None
    busy_seconds: float = 0.0
    units: int = 0
    oom_killed: bool = False
    dump: str = ""
    stderr_tail: str = ""

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.field_names}

"""The application's hooks, by kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Hook = Callable[..., Any]


@dataclass(slots=True)
class Hooks:
    """Called in the order in which they were registered."""

    terminate: list[Hook] = field(default_factory=list)
    reload: list[Hook] = field(default_factory=list)
    new_worker: list[Hook] = field(default_factory=list)
    dead_worker: list[Hook] = field(default_factory=list)

    @property
    def any_in_manager(self) -> bool:
        """Whether any of them runs in the manager process."""
        return bool(self.terminate or self.reload or self.dead_worker)

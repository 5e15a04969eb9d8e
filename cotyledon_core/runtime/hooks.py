"""The application's hooks, by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Hook = Callable[..., Any]


class Hooks:
    """Called in the order in which they were registered."""

    def __init__(self) -> None:
        self.terminate: list[Hook] = []
        self.reload: list[Hook] = []
        self.new_worker: list[Hook] = []
        self.dead_worker: list[Hook] = []

    @property
    def any_in_manager(self) -> bool:
        """Whether any of them runs in the manager process."""
        return bool(self.terminate or self.reload or self.dead_worker)

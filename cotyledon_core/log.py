"""Loggers that load :mod:`logging` only when something is logged.

It brings :mod:`threading` with it, and with that loaded every fork takes half
as long again. A program that logs has loaded both; one that does not sees what
``logging`` shows of its own accord: warnings and errors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
"""As in :mod:`logging`."""


def nothing() -> None:
    """For :data:`before_use`, where nothing has to be done."""


before_use: Callable[[], None] = nothing
"""Called before a logger is used, by whoever has to put logging in order first."""


def is_loaded() -> bool:
    """Whether anybody has loaded logging, and so may have configured it."""
    return "logging" in sys.modules


class Log:
    """The logger of that name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _logger(self) -> logging.Logger:
        import logging

        before_use()
        return logging.getLogger(self._name)

    def wants(self, level: int) -> bool:
        """Whether a record of that level would be shown to anybody."""
        return (is_loaded() or level >= WARNING) and self._logger().isEnabledFor(level)

    def log(self, level: int, text: str, *args: Any, **more: Any) -> None:
        if self.wants(level):
            self._logger().log(level, text, *args, **{"stacklevel": 2, **more})

    def info(self, text: str, *args: Any) -> None:
        self.log(INFO, text, *args, stacklevel=3)

    def warning(self, text: str, *args: Any) -> None:
        self.log(WARNING, text, *args, stacklevel=3)

    def error(self, text: str, *args: Any) -> None:
        self.log(ERROR, text, *args, stacklevel=3)

    def exception(self, text: str, *args: Any) -> None:
        """An error, with the exception that is being handled."""
        self.log(ERROR, text, *args, stacklevel=3, exc_info=True)

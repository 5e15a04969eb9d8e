"""What the service manager has put into the environment for the manager process alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

NAMES = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "FDSTORE",
)


class OwnEnvironment:
    """Kept from all that the manager starts, and there again while it reads its configuration."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    @property
    def values(self) -> Mapping[str, str]:
        """What was taken, by name."""
        return self._values

    def take(self) -> None:
        """Take it out of the environment."""
        for name in NAMES:
            if name in os.environ:
                self._values[name] = os.environ.pop(name)

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """As it was at the manager's start; nothing must be started meanwhile."""
        os.environ.update(self._values)
        try:
            yield
        finally:
            self.take()

"""Whose environment has what: what is the manager's alone, and what is for the workers."""

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
    """What the service manager has put there for the manager process alone.

    Kept from all that the manager starts, and there again while it reads its configuration.
    """

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


class GivenEnvironment:
    """What workers get into their environment, beside what the manager has in its own."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def give(self, variables: Mapping[str, str]) -> None:
        """From now on, to all that the manager starts.

        :raises TypeError: if it is no mapping of strings to strings; nothing is given then.
        :raises ValueError: if one of them cannot stand in an environment; nor then.
        """
        before = {name: os.environ.get(name) for name in variables}
        try:
            os.environ.update(variables)
        except BaseException:
            _restore(before)
            raise
        self._before = before | self._before

    def take_back(self) -> None:
        """As it was before."""
        _restore(self._before)
        self._before = {}


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value

"""What an external program needs to take over a worker's process."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An external program, as :meth:`Service.program` returns it.

    A name without a slash is looked up in ``PATH``.
    """

    argv: Sequence[str]
    """The program and its arguments."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the worker's environment."""
    directory: str | None = None
    """The working directory; None leaves the manager's."""
    stop_signal: int = signal.SIGTERM
    """What asks the program to end."""
    reload_signal: int | None = None
    """What asks the program to reload; without one it is replaced instead."""
    user: str | int | None = None
    """User name or number to run as."""
    group: str | int | None = None
    """Group name or number to run as; the user's primary group unless given."""
    umask: int | None = None
    """File mode creation mask."""
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Soft and hard limits by name without the prefix, such as ``NOFILE``; -1 is unlimited."""

"""Sockets that the service manager of the system passes: sd_listen_fds(3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cotyledon_core.exceptions import ConfigurationError

FIRST = 3
UNKNOWN = "unknown"
"""The name of what is passed without names."""
GREATEST = 65536
"""More descriptors than anybody passes."""


class Passed(NamedTuple):
    """A descriptor that was passed."""

    name: str
    descriptor: int


def passed(environment: Mapping[str, str], pid: int) -> list[Passed]:
    """What is passed to the process, in order.

    :param environment: with ``LISTEN_PID``, ``LISTEN_FDS`` and ``LISTEN_FDNAMES``.
    :param pid: this process's; what is meant for another is not ours.
    :raises ConfigurationError: if the variables contradict themselves.
    """
    if environment.get("LISTEN_PID") != str(pid) or "LISTEN_FDS" not in environment:
        return []
    text = environment["LISTEN_FDS"]
    if not (text.isascii() and text.isdigit()) or int(text) > GREATEST:
        raise _wrong(f"LISTEN_FDS: {text!r} is no number of descriptors")
    count = int(text)
    named = environment.get("LISTEN_FDNAMES")
    names = [UNKNOWN] * count if named is None else named.split(":") if named or count else []
    if len(names) != count:
        raise _wrong(f"LISTEN_FDNAMES: {named!r} must have {count} names, as LISTEN_FDS says")
    return [Passed(name or UNKNOWN, FIRST + index) for index, name in enumerate(names)]


def environment_for(names: Sequence[str], pid: int) -> dict[str, str]:
    """What tells a program of descriptors with these names, from ``FIRST`` on."""
    return {
        "LISTEN_PID": str(pid),
        "LISTEN_FDS": str(len(names)),
        "LISTEN_FDNAMES": ":".join(names),
    }


def _wrong(text: str) -> ConfigurationError:
    return ConfigurationError([f"environment variable {text}"])

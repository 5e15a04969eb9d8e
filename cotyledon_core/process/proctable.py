"""The system's process table, as /proc shows it (proc(5)). Linux only; empty elsewhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import NamedTuple


class Entry(NamedTuple):
    """One process."""

    pid: int
    parent: int
    group: int
    session: int
    started: int
    """Clock ticks since the system's boot."""
    ended: bool
    """Nothing but its exit status is left."""


class Usage(NamedTuple):
    """What one process uses; of its children nothing is counted."""

    cpu_seconds: float
    """User and system time since it was started."""
    resident_bytes: int


def _fields(pid: int | str) -> list[bytes]:
    """Of its line in the table, what comes after the name; empty if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as stat:
            text = stat.read()
    except OSError:
        return []
    # the name may hold anything, closing parentheses included
    return text[text.rindex(b")") + 2 :].split()


def _entry(pid: str) -> Entry | None:
    fields = _fields(pid)
    if not fields:
        return None
    return Entry(
        pid=int(pid),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        started=int(fields[19]),
        ended=fields[0] in (b"Z", b"X"),
    )


def entries() -> list[Entry]:
    """All processes that are alive."""
    with contextlib.suppress(OSError):
        found = (_entry(name) for name in os.listdir("/proc") if name.isdecimal())
        return [entry for entry in found if entry is not None and not entry.ended]
    return []


def group_members(group: int) -> list[Entry]:
    """The living members of a process group."""
    with contextlib.suppress(OSError):
        # most processes are passed over without reading anything
        names = (name for name in os.listdir("/proc") if name.isdecimal())
        found = (_entry(name) for name in names if _group_of(int(name)) == group)
        return [entry for entry in found if entry is not None and not entry.ended]
    return []


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def parent_of(pid: int) -> int | None:
    """The parent's pid, None if the process is gone."""
    entry = _entry(str(pid))
    return entry.parent if entry else None


def usage(pid: int) -> Usage | None:
    """What a process uses; None if it is gone."""
    fields = _fields(pid)
    if not fields:
        return None
    return Usage(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        resident_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
    )


def descendants(table: Iterable[Entry], roots: Iterable[int]) -> list[Entry]:
    """The processes below ``roots``, without the roots themselves."""
    children: dict[int, list[Entry]] = {}
    for entry in table:
        children.setdefault(entry.parent, []).append(entry)
    found: list[Entry] = []
    waiting = list(roots)
    while waiting:
        below = children.pop(waiting.pop(), [])
        found.extend(below)
        waiting.extend(entry.pid for entry in below)
    return found


def clock_ticks() -> int:
    """Now, in the unit of :attr:`Entry.started`."""
    import time

    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))

"""What the kernel says of its OOM killer.

It counts the processes that it killed: ``oom_kill`` in ``memory.events.local``
(version 2) or ``memory.oom_control`` (version 1) of a control group, or in
/proc/vmstat; see admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/memory.rst of
the kernel's documentation. And it names each in the kernel's log (ABI/testing/
dev-kmsg there); whether that may be read is up to the system, and in a pid
namespace its numbers mean others. Linux only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from cotyledon_core.process.descriptors import close_private, keep_private

CGROUPS = "/sys/fs/cgroup"
INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h."""
RECORD_LIMIT = 8192
"""Bytes of one record of the kernel's log."""
RECORDS = 10_000
"""So many are read at a time."""
USER_FACILITIES = 8
"""Priorities from here on are of records that did not come from the kernel."""
_KILLED = b"Killed process "


class Counter(NamedTuple):
    """A file with a line ``oom_kill NUMBER``."""

    file: str
    scope: str
    """Whose processes are counted, in words."""

    def kills(self) -> int | None:
        """How many were killed so far; None if it cannot be read."""
        try:
            _, found, rest = (b"\n" + _read(self.file)).partition(b"\noom_kill ")
            return int(rest.partition(b"\n")[0]) if found else None
        except (OSError, ValueError):
            return None


def own_counter(cgroups: str = CGROUPS) -> Counter | None:
    """The nearest there is: of this process's memory control group, else of the machine."""
    for directory, file in _own_cgroups(cgroups):
        counter = Counter(os.path.join(directory, file), "the manager's control group")
        if _is_member(directory) and counter.kills() is not None:
            return counter
    counter = Counter("/proc/vmstat", "this machine")
    return None if counter.kills() is None else counter


def _own_cgroups(cgroups: str) -> Iterator[tuple[str, str]]:
    with contextlib.suppress(OSError):
        for line in _read("/proc/self/cgroup").decode().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield cgroups + path, "memory.events.local"
            elif "memory" in controllers.split(","):
                yield f"{cgroups}/memory{path}", "memory.oom_control"


def _is_member(directory: str) -> bool:
    """Whether the path, which depends on mounts and namespaces, leads to our control group."""
    with contextlib.suppress(OSError):
        return b"%d" % os.getpid() in _read(os.path.join(directory, "cgroup.procs")).split()
    return False


def _read(path: str) -> bytes:
    """Without what text and buffers need: it is on the way from a death to a restart."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while piece := os.read(descriptor, 65536):
            data += piece
        return data
    finally:
        os.close(descriptor)


class KernelLog:
    """The kernel's log from now on, where it can be read and its pids are ours."""

    def __init__(self, path: str = "/dev/kmsg") -> None:
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):
            if os.readlink("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE:
                self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                os.lseek(self._descriptor, 0, os.SEEK_END)
                keep_private(self._descriptor)

    def killed(self) -> set[int]:
        """The processes that were killed for lack of memory, since the last call."""
        found = set()
        for record in self._records():
            pid = _pid_in(record)
            if pid is not None:
                found.add(pid)
        return found

    def _records(self) -> Iterator[bytes]:
        if self._descriptor is None:
            return
        for _ in range(RECORDS):
            try:
                record = os.read(self._descriptor, RECORD_LIMIT)
            except BrokenPipeError:
                continue  # some were overwritten before they were read
            except OSError:
                return
            if not record:
                return
            yield record

    def close(self) -> None:
        if self._descriptor is not None:
            close_private(self._descriptor)


def _pid_in(record: bytes) -> int | None:
    """Whom the OOM killer killed, if that is what the record tells."""
    prefix, _, text = record.partition(b";")
    priority = prefix.partition(b",")[0]
    _, killed, rest = text.partition(_KILLED)
    pid = rest.split(b" ", 1)[0].rstrip(b",")
    if not killed or not priority.isdigit() or int(priority) >= USER_FACILITIES:
        return None
    return int(pid) if pid.isdigit() else None

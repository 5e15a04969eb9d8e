"""What the kernel says about processes, read from /proc and never guessed."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path
from typing import NamedTuple

_KCMP_SYSCALL = {"x86_64": 312, "aarch64": 272}
_KCMP_FILE = 0
_DEAD = "ZXx"


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    state: str
    ppid: int
    pgrp: int
    session: int
    foreground_group: int
    threads: int
    started: int
    """Clock ticks since the machine's start."""

    @property
    def alive(self) -> bool:
        return self.state not in _DEAD


def read(pid: int) -> Process:
    """The line of a process that must be there."""
    process = find(pid)
    if process is None:
        raise ProcessLookupError(pid)
    return process


def find(pid: int) -> Process | None:
    """The process's line, or None if there is none of that pid."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    numbers = [int(field) for field in fields[1:20]]
    ppid, pgrp, session, _, foreground_group = numbers[:5]
    return Process(pid, fields[0], ppid, pgrp, session, foreground_group, numbers[16], numbers[18])


def table() -> list[Process]:
    """All processes, zombies included."""
    found = (find(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in found if process is not None]


def alive(pid: int) -> bool:
    """Whether the process exists and has not ended; a zombie has."""
    process = find(pid)
    return process is not None and process.alive


def children(pid: int) -> list[Process]:
    """The process's children, zombies included."""
    return [process for process in table() if process.ppid == pid]


def environment(pid: int) -> bytes:
    """The environment at the process's start; empty if it cannot be read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def title(pid: int) -> str:
    """The command line as ``ps`` shows it."""
    text = Path(f"/proc/{pid}/cmdline").read_bytes()
    return text.rstrip(b"\0 ").replace(b"\0", b" ").decode()


def descriptors(pid: int) -> dict[int, str]:
    """Open descriptors and what they stand for."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
    return found


def innermost_pid(pid: int) -> int:
    """The pid that the process has in its own pid namespace."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise AssertionError(f"no NSpid for {pid}")


def private_kib(pid: int) -> int:
    """Memory that only this process has, in KiB."""
    return _kib(pid, "Private_")


def own_kib(pid: int) -> int:
    """Memory that is in no file, whether or not other processes share it, in KiB."""
    return _kib(pid, "Anonymous:")


def _kib(pid: int, kind: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = [line.split() for line in lines]
    return sum(int(size[1]) for size in sizes if size[0].startswith(kind))


def can_compare_files() -> bool:
    """Whether :func:`same_open_file` works here."""
    return _kcmp(os.getpid(), 0, os.getpid(), 0) == 0


def same_open_file(pid: int, descriptor: int, other: int, other_descriptor: int) -> bool:
    """Whether two processes' descriptors share one open file description."""
    return _kcmp(pid, descriptor, other, other_descriptor) == 0


def _kcmp(pid: int, descriptor: int, other: int, other_descriptor: int) -> int:
    number = _KCMP_SYSCALL.get(platform.machine())
    if number is None:
        return -1
    syscall = ctypes.CDLL(None).syscall
    return int(syscall(number, pid, other, _KCMP_FILE, descriptor, other_descriptor))

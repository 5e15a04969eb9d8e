"""What Linux tells about processes: descendants, memory, CPU time, threads, descriptors."""

from __future__ import annotations

import ctypes
import os
import signal
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def become_subreaper() -> None:
    """Adopt orphaned descendants, so that :func:`descendants` finds every process left behind."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Have this process told SIGTERM when its parent ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def descendants(root: int) -> set[int]:
    """The pids of all processes below ``root``, zombies included."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry))
    found: set[int] = set()
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found.update(below)
        queue.extend(below)
    return found


def _parent(pid: str) -> int | None:
    try:
        text = Path("/proc", pid, "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(text.rpartition(")")[2].split()[1])


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one process holds; memory in bytes."""

    pss: int
    private: int
    threads: int
    descriptors: int


def footprint(pid: int) -> Footprint:
    """What the process holds now, the benchmark's own pipe not counted."""
    memory = _numbers(Path(f"/proc/{pid}/smaps_rollup"))
    return Footprint(
        pss=memory["Pss"] * 1024,
        private=(memory["Private_Clean"] + memory["Private_Dirty"]) * 1024,
        threads=len(os.listdir(f"/proc/{pid}/task")),
        descriptors=len(os.listdir(f"/proc/{pid}/fd")) - 1,
    )


@dataclass(frozen=True, slots=True)
class Activity:
    """What one process has done since it began."""

    cpu: float
    """Seconds."""
    context_switches: int

    def since(self, earlier: Activity) -> Activity:
        return Activity(self.cpu - earlier.cpu, self.context_switches - earlier.context_switches)


def activity(pid: int) -> Activity:
    """CPU time and context switches, voluntary or not, of all the process's threads."""
    cpu = 0
    switches = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        cpu += int((task / "schedstat").read_text().split()[0])
        status = _numbers(task / "status")
        switches += status["voluntary_ctxt_switches"] + status["nonvoluntary_ctxt_switches"]
    return Activity(cpu / 1e9, switches)


def _numbers(path: Path) -> dict[str, int]:
    """The lines of the form ``key: number [unit]``."""
    found = {}
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            found[key] = int(words[0])
    return found

"""What processes use, as the system tells it."""

from __future__ import annotations

from typing import Any, NamedTuple

import psutil


class Usage(NamedTuple):
    """What a process uses at this moment."""

    cpu_seconds: float
    """With the children that it has waited for."""
    resident_memory: int
    """Bytes; what it shares with others counts, too."""
    open_descriptors: int | None
    """None where the system does not tell."""


class Processes:
    """Looks at processes, and at no other that has got the pid of one of them since."""

    def __init__(self) -> None:
        self._known: dict[Any, psutil.Process] = {}

    def usage(self, key: Any, pid: int) -> Usage | None:
        """What a process uses; None if it is gone.

        :param key: stands for this process, and for no other.
        """
        try:
            process = self._known.get(key)
            if process is None:
                process = self._known[key] = psutil.Process(pid)
            if not process.is_running():
                return None
            with process.oneshot():
                return _usage(process)
        except psutil.Error:
            return None

    def keep(self, keys: set[Any]) -> None:
        """Forget all others."""
        for key in self._known.keys() - keys:
            del self._known[key]


def is_responsive(pid: int) -> bool:
    """Whether there is such a process, and it is neither stopped nor dead."""
    try:
        status = psutil.Process(pid).status()
    except psutil.Error:
        return False
    return status not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def _usage(process: psutil.Process) -> Usage:
    descriptors = None
    if hasattr(process, "num_fds"):
        try:
            descriptors = process.num_fds()
        except psutil.AccessDenied:
            pass
    return Usage(sum(process.cpu_times()[:4]), process.memory_info().rss, descriptors)

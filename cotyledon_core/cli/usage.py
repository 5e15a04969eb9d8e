"""What processes of this machine use: CPU time and memory."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from cotyledon_core.exceptions import CotyledonError


class Usage(NamedTuple):
    """Of one process; None is what cannot be told."""

    cpu: float | None = None
    """Percent of one processor, since the process has started."""
    memory: int | None = None
    """Bytes: the resident set, or the proportional set if that was asked for."""
    cpu_time: float = 0.0
    """Seconds."""


UNTOLD = Usage()


class NoPsutil(CotyledonError):
    """The package that reads it is not installed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} needs psutil: pip install 'cotyledon-core[cli]'")


def available() -> bool:
    """Whether it can be read here."""
    from importlib.util import find_spec

    return find_spec("psutil") is not None


def read(pids: Iterable[int], pss: bool = False) -> dict[int, Usage]:
    """
    :param pss: whether to read the proportional set, which takes long.
    """
    import psutil

    found = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                spent = sum(process.cpu_times()[:2])
                age = max(time.time() - process.create_time(), 0.01)
                memory = _shared_out(process) if pss else process.memory_info().rss
            found[pid] = Usage(100 * spent / age, memory, spent)
        except psutil.Error:
            found[pid] = UNTOLD
    return found


def _shared_out(process: Any) -> int | None:
    """The proportional set; None if this user may not look at it."""
    import psutil

    try:
        return getattr(process.memory_full_info(), "pss", None)
    except psutil.AccessDenied:
        return None

"""Multiprocessing's own helper processes: its fork server and its resource tracker.

They are children of ours that multiprocessing waits for, and starts anew when
they have ended. Nobody else may take their status.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

from cotyledon_core.process import remnants

_AFTER_ALL_OTHERS = -1_000_000
TRACKER_PATIENCE = 1.0
"""Seconds that the resource tracker has to end when its process does."""


def _instance(module: str, name: str) -> Any:
    return getattr(sys.modules.get(f"multiprocessing.{module}"), name, None)


def pids() -> set[int | None]:
    """The pids of those that were started."""
    server = getattr(_instance("forkserver", "_forkserver"), "_forkserver_pid", None)
    return {server, resource_tracker()}


def resource_tracker() -> int | None:
    """The resource tracker's pid, if it was started."""
    return getattr(_instance("resource_tracker", "_resource_tracker"), "_pid", None)


def end_tracker_at_exit() -> None:
    """See to it that the resource tracker goes with this process.

    It ends when the last holder of its pipe does, which may be a daemon that a
    worker has left behind. From Python 3.12 on a process waits for its tracker.
    """
    from multiprocessing import util

    util.Finalize(None, _end_tracker, exitpriority=_AFTER_ALL_OTHERS)


def _end_tracker() -> None:
    tracker = _instance("resource_tracker", "_resource_tracker")
    pid, pipe = tracker._pid, tracker._fd
    if pid is None or pipe is None:
        return
    tracker._pid = tracker._fd = None
    held = remnants.Held()
    held.hold([pid])
    os.close(pipe)
    remnants.see_off(held, TRACKER_PATIENCE)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)

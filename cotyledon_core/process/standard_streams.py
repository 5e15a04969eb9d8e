"""What the manager has printed and not written yet is not its children's to write."""

from __future__ import annotations

import select
import sys
from typing import Any


def flush_before_fork() -> None:
    """Write it, where that does not have the manager wait for a reader."""
    for stream in (sys.stdout, sys.stderr):
        if _takes_more(stream):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass


def _takes_more(stream: Any) -> bool:
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):  # none, closed, or not a file's
        return False
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(state == select.POLLOUT for _, state in poll.poll(0))

"""The manager's session and process group."""

from __future__ import annotations

import contextlib
import os


def _has_controlling_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def in_background() -> bool:
    """Whether there is a controlling terminal that serves another process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # it was closed this moment
        return False
    finally:
        os.close(terminal)


def lead() -> None:
    """Lead a session of our own, unless there is a controlling terminal.

    With one, Ctrl-C and a closed terminal have to reach us where we are.
    """
    if hasattr(os, "setsid") and not _has_controlling_terminal():
        with contextlib.suppress(OSError):
            os.setsid()


def leads() -> bool:
    """Whether this process leads its session, so that its group is its own."""
    if not hasattr(os, "getsid"):
        return False
    return os.getsid(0) == os.getpgrp() == os.getpid()

"""Debuggers and coverage in threads that :mod:`threading` has not started."""

from __future__ import annotations

import sys


def trace_this_thread() -> None:
    """Do what ``threading`` does in threads of its own, if it is loaded."""
    threading = sys.modules.get("threading")
    if threading is None:
        return
    trace, profile = threading.gettrace(), threading.getprofile()
    if trace is not None:
        sys.settrace(trace)
    if profile is not None:
        sys.setprofile(profile)

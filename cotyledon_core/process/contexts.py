"""Which multiprocessing context makes the workers."""

from __future__ import annotations

import os
import sys
from typing import Any


def default() -> Any:
    """The start method that the application has set, else fork where there is one."""
    import multiprocessing

    method = multiprocessing.get_start_method(allow_none=True)
    if method is None and hasattr(os, "fork"):
        method = "fork"
    return multiprocessing.get_context(method)


def named(method: str | None) -> Any:
    """The context of that start method; None for None."""
    if method is None:
        return None
    import multiprocessing

    return multiprocessing.get_context(method)


def resolve(context: Any) -> Any:
    """The context to use; None is a plain fork, as long as nobody needs multiprocessing.

    Nobody can have set another start method while it is not loaded.
    """
    if context is None and ("multiprocessing" in sys.modules or not hasattr(os, "fork")):
        return default()
    return context


def is_fork(context: Any) -> bool:
    """Whether what :func:`resolve` returned starts processes by a plain fork."""
    return context is None or bool(context.get_start_method() == "fork")

"""Which multiprocessing context makes the workers."""

from __future__ import annotations

import multiprocessing
import os
from typing import Any


def default() -> Any:
    """The start method that the application has set, else fork where there is one."""
    method = multiprocessing.get_start_method(allow_none=True)
    if method is None and hasattr(os, "fork"):
        method = "fork"
    return multiprocessing.get_context(method)


def named(method: str | None) -> Any:
    """The context of that start method; None for None."""
    return None if method is None else multiprocessing.get_context(method)


def is_fork(context: Any) -> bool:
    """Whether the context starts processes by a plain fork."""
    return bool(context.get_start_method() == "fork")

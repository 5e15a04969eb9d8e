"""Making a forked process a correct child in multiprocessing's eyes.

What ``multiprocessing.Process`` does in its own forked children (CPython,
Lib/multiprocessing/process.py, ``_bootstrap``): callbacks after a fork run,
inherited finalizers are forgotten, and ``current_process()`` and
``parent_process()`` tell the truth.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any


def adopt(name: str, parent_pid: int, parent_sentinel: int) -> None:
    """Tell multiprocessing that this process is a child.

    :param name: the process's name.
    :param parent_pid: the parent.
    :param parent_sentinel: a descriptor that becomes readable when the parent ends.
    """
    process: Any = sys.modules.get("multiprocessing.process")
    if process is None:
        return
    parent = process._current_process
    child = process.BaseProcess(name=name)
    child._parent_pid = parent_pid
    process._parent_process = process._ParentProcess(parent.name, parent_pid, parent_sentinel)
    process._process_counter = itertools.count(1)
    process._children = set()
    process._current_process = child
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._finalizer_registry.clear()
        util._run_after_forkers()


def finish() -> None:
    """Run the finalizers that multiprocessing runs at a child's end."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()

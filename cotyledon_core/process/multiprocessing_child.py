"""Making a forked process a correct child in multiprocessing's eyes.

What ``multiprocessing.Process`` does in its own forked children (CPython,
Lib/multiprocessing/process.py, ``_bootstrap``): callbacks after a fork run,
inherited finalizers are forgotten, and ``current_process()`` and
``parent_process()`` tell the truth.
"""

from __future__ import annotations

import itertools
import os
import sys
from typing import Any


class ChildIdentity:
    """What a forked process will be in multiprocessing's eyes.

    Made before the fork, where it costs less.

    :param name: the process's name.
    :param parent_sentinel: a descriptor that becomes readable when the parent ends.
    """

    def __init__(self, name: str, parent_sentinel: int) -> None:
        process: Any = sys.modules.get("multiprocessing.process")
        self._module = process
        if process is not None:
            parent = process._current_process
            self._process = process.BaseProcess(name=name)
            self._parent = process._ParentProcess(parent.name, os.getpid(), parent_sentinel)

    def assume(self) -> None:
        """Be it; in the child."""
        process = self._module
        if process is None:
            return
        process._parent_process = self._parent
        process._process_counter = itertools.count(1)
        process._children = set()
        process._current_process = self._process
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None:
            util._finalizer_registry.clear()
            util._run_after_forkers()


def finish() -> None:
    """Run the finalizers that multiprocessing runs at a child's end."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()

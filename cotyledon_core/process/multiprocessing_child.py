"""Making a forked process a correct child in multiprocessing's eyes.

What ``multiprocessing.Process`` does in its own forked children (CPython,
Lib/multiprocessing/process.py, ``_bootstrap``): callbacks after a fork run,
inherited finalizers are forgotten, and ``current_process()`` and
``parent_process()`` tell the truth.

A manager that does without multiprocessing does not load it for this: the
worker is introduced when, and if, something in it loads multiprocessing.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from cotyledon_core import log

_MODULE = "multiprocessing.process"


class ChildIdentity:
    """What a forked process will be in multiprocessing's eyes.

    Made before the fork, where it costs less.

    :param name: the process's name.
    :param parent_sentinel: a descriptor that becomes readable when the parent ends.
    """

    def __init__(self, name: str, parent_sentinel: int) -> None:
        if log.is_loaded():
            # each log record has the process's name
            import multiprocessing.process  # noqa: F401
        self._name = name
        self._parent_sentinel = parent_sentinel
        self._parent_pid = os.getpid()
        self._module: Any = sys.modules.get(_MODULE)
        self.assume: Callable[[], None]
        """Be it; in the child."""
        if self._module is None:
            self.assume = partial(self._assume_once_loaded, _Introduction(self))
        else:
            self._introduce()
            self.assume = self._assume

    def _introduce(self) -> None:
        process = self._module
        parent = process._current_process
        self._process = process.BaseProcess(name=self._name)
        self._parent = process._ParentProcess(parent.name, self._parent_pid, self._parent_sentinel)

    def _assume_once_loaded(self, introduction: _Introduction) -> None:
        module = sys.modules.get(_MODULE)
        if module is None:
            sys.meta_path.insert(0, introduction)
        else:
            # by a log that was written between this one's preparation and the fork
            self.learn(module)

    def learn(self, module: Any) -> None:
        """Be it in ``multiprocessing.process``, which has just been loaded."""
        self._module = module
        self._introduce()
        self._assume()

    def _assume(self) -> None:
        process = self._module
        process._parent_process = self._parent
        process._process_counter = itertools.count(1)
        process._children = set()
        process._current_process = self._process
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None:
            util._finalizer_registry.clear()
            util._run_after_forkers()


class _Introduction:
    """An import finder that introduces this process to multiprocessing once it is loaded."""

    def __init__(self, identity: ChildIdentity) -> None:
        self._identity = identity

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec: Any = find_spec(name)
        load = spec.loader.exec_module

        def load_and_introduce(module: Any) -> None:
            load(module)
            self._identity.learn(module)

        spec.loader.exec_module = load_and_introduce
        return spec


def finish() -> None:
    """Run the finalizers that multiprocessing runs at a child's end."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()

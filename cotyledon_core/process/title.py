"""Process titles, where the platform has them."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any

_EXTENSION = "setproctitle._setproctitle"


def program_name() -> str:
    """The name that the program was started by."""
    return os.path.basename(sys.argv[0])


def _nothing(title: str) -> None:
    """Where there are no titles."""


def _extension() -> Any:
    """The extension module without its package, which loads logging."""
    package = importlib.util.find_spec("setproctitle")
    spec = package and PathFinder.find_spec(_EXTENSION, package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ImportError(_EXTENSION)
    module = sys.modules[_EXTENSION] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _find() -> Callable[[str], None]:
    try:
        found: Callable[[str], None] = (sys.modules.get(_EXTENSION) or _extension()).setproctitle
    except (ImportError, AttributeError):
        return _nothing
    return found


set_title = _find()
"""What process listings show is set to the text."""

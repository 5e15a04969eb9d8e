"""Process titles, where the platform has them."""

from __future__ import annotations

import os
import sys


def program_name() -> str:
    """The name that the program was started by."""
    return os.path.basename(sys.argv[0])


def set_title(title: str) -> None:
    """What process listings show."""
    _setproctitle(title)


def _nothing(title: str) -> None:
    """Where there are no titles."""


try:
    from setproctitle import setproctitle as _setproctitle
except ImportError:
    _setproctitle = _nothing

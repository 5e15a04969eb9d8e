"""The process table, as far as it belongs to a trial.

All processes of a trial have a mark in their environment, by which they are found wherever they
moved themselves, and ended when it is over.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from pathlib import Path
from typing import NamedTuple

MARK = "COTYLEDON_PROGRAMS_TRIAL"


class Process(NamedTuple):
    """A living process."""

    pid: int
    parent: int
    title: str
    """The command line, or what the process wrote over it."""


class Processes:
    """All living processes that were started with :attr:`environment`, and their descendants."""

    def __init__(self) -> None:
        mark = str(uuid.uuid4())
        # A process title would overwrite the mark otherwise.
        self.environment = {MARK: mark, "SPT_NOENV": "1"}
        self._mark = f"{MARK}={mark}".encode()

    def living(self) -> list[Process]:
        """Those that have not ended."""
        found = (self._find(int(name)) for name in os.listdir("/proc") if name.isdigit())
        return [process for process in found if process is not None]

    def _find(self, pid: int) -> Process | None:
        directory = Path(f"/proc/{pid}")
        try:
            if self._mark not in (directory / "environ").read_bytes():
                return None
            status = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
            title = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            return None
        return None if status[0] in "ZX" else Process(pid, int(status[1]), title)

    def kill(self) -> None:
        """End them all, without mercy."""
        while living := self.living():
            for process in living:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.02)

"""A program under trial: a service with workers, watched from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.processes import Process, Processes

WORKER = re.compile(r"(\S+) worker\((\d+)\)")
"""What the frameworks put into a worker's process title."""

END = 60.0
"""Seconds that a program may take to end."""


class Ended(NamedTuple):
    """How a program ended."""

    status: int | None
    """As subprocess gives it; None if it had to be killed."""

    seconds: float
    left: Sequence[Process]
    """What was still there a moment after it."""


class Program:
    """A running program; :meth:`close` ends whatever is left of it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        self._processes = Processes()
        self._log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                [str(word) for word in command],
                cwd=log.parent,
                env={**os.environ, **environment, **self._processes.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether its first process has not ended."""
        return self._popen.poll() is None

    def workers(self, name: str = "") -> dict[str, int]:
        """The pids of the living workers, of the services with this name or of all."""
        found = ((WORKER.search(process.title), process) for process in self._processes.living())
        return {
            f"{title[1]}({title[2]}) {process.pid}": process.pid
            for title, process in found
            if title and name in ("", title[1])
        }

    def pids(self, name: str = "") -> set[int]:
        """The pids of these workers."""
        return set(self.workers(name).values())

    def send(self, number: int) -> None:
        """Send a signal to the first process."""
        self._popen.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> Ended:
        """Send a signal to the first process, and wait for its end."""
        began = time.monotonic()
        self.send(number)
        try:
            status = self._popen.wait(END)
        except subprocess.TimeoutExpired:
            return Ended(None, time.monotonic() - began, self._processes.living())
        seconds = time.monotonic() - began
        # Helpers of the interpreter, as multiprocessing's, notice the end and follow.
        deadline = time.monotonic() + 2
        while (left := self._processes.living()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return Ended(status, seconds, left)

    def close(self) -> None:
        """End what is left, without mercy."""
        self._processes.kill()
        self._popen.wait()

    def output(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")

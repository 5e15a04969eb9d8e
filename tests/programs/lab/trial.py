"""One program on one framework: what is looked at, and what was found."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from lab.commands import output_of
from lab.environment import Environment
from lab.errors import Failed, Unavailable
from lab.program import Program

PATIENCE = 30.0
"""Seconds to wait for what must happen; only what fails takes so long."""

Answer = TypeVar("Answer")


class Finding(NamedTuple):
    """The answer to one question."""

    question: str
    good: bool
    detail: str


class Trial:
    """What a script works with.

    :param environment: where the program is installed.
    :param variables: what chooses the framework, such as PYTHONPATH.
    :param directory: for configuration files, data and logs; empty.
    """

    def __init__(
        self, environment: Environment, variables: Mapping[str, str], directory: Path
    ) -> None:
        self.directory = directory
        self.findings: list[Finding] = []
        self.stack = contextlib.ExitStack()
        self.environment = environment
        self._variables = variables

    def write(self, name: str, text: str) -> Path:
        """Put a file into the directory."""
        path = self.directory / name
        path.write_text(text)
        return path

    def call(self, command: str, *arguments: str | Path, given: str = "") -> str:
        """Run a command of the program's to its end; return what it writes.

        :param given: what it reads from standard input.
        :raises Failed: if it fails.
        """
        words = [self.environment.bin / command, *arguments]
        try:
            return output_of(words, self._variables, given)
        except Unavailable as error:
            self.find(f"{command} works", False, error)
            raise Failed(command) from error

    def start(
        self,
        command: str,
        *arguments: str | Path,
        log: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> Program:
        """Start a command of the program's, to be ended with the trial.

        :param log: its log's name, if not the command's.
        :param variables: added to its environment.
        """
        program = Program(
            [self.environment.bin / command, *arguments],
            {**self._variables, "PYTHONUNBUFFERED": "1", **(variables or {})},
            self.directory / f"{log or command}.log",
        )
        self.stack.callback(program.close)
        return program

    def find(self, question: str, good: bool, detail: object = "") -> bool:
        """Note an answer."""
        self.findings.append(Finding(question, good, str(detail)))
        return good

    def wait(self, question: str, probe: Callable[[], Answer | None]) -> Answer | None:
        """Wait until the probe gives something true, and note how long it took."""
        answer, seconds = until(probe)
        self.find(question, bool(answer), f"{seconds:.1f} s")
        return answer

    def need(self, question: str, probe: Callable[[], Answer | None]) -> Answer:
        """The same for what the rest cannot do without.

        :raises Failed: if it does not come.
        """
        answer = self.wait(question, probe)
        if not answer:
            raise Failed(question)
        return answer

    def kill_workers(self, program: Program, name: str = "", what: str = "") -> None:
        """End workers as the kernel would, and wait for their successors.

        :param name: of their service, if not all are meant.
        :param what: to call them.
        """
        before = program.pids(name)
        for pid in before:
            kill(pid)
        self.wait(
            f"SIGKILL: {what or name or 'all'} workers are replaced",
            lambda: len(now := program.pids(name)) == len(before) and not now & before,
        )

    def hang_up(self, program: Program, what: str = "all") -> None:
        """Send SIGHUP to a program whose workers do not reload in place."""
        before = program.pids()
        program.send(signal.SIGHUP)
        self.wait(
            f"SIGHUP: {what} workers are replaced",
            lambda: len(now := program.pids()) == len(before) and not now & before,
        )

    def stop(self, program: Program, what: str = "the program") -> None:
        """End a program by SIGTERM, as a service manager would."""
        ended = program.stop()
        self.find(f"SIGTERM: {what}: exit status 0", ended.status == 0, f"{ended.status}")
        titles = ", ".join(process.title for process in ended.left)
        self.find(f"SIGTERM: nothing is left of {what}", not ended.left, titles)


def until(probe: Callable[[], Answer | None]) -> tuple[Answer | None, float]:
    """Ask until the answer is something true; it, and the seconds that it took."""
    began = time.monotonic()
    while True:
        try:
            answer = probe()
        except OSError:
            answer = None
        seconds = time.monotonic() - began
        if answer or seconds > PATIENCE:
            return answer or None, seconds
        time.sleep(0.05)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

"""Shells on terminals of their own, in which a test types."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.functional.harness import DEADLINE

_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""A shell that is interactive wants to control its terminal."""
PROMPT = "at-your-service"
TAB, HOME, ENTER = "\t", "\x01", "\r"

Start = tuple[list[str], str, str]
"""The command, its start file, and what stands there first."""


def _start(name: str) -> Start:
    return {
        "bash": (["bash", "--rcfile", "bashrc", "-i"], "bashrc", f"PS1='{PROMPT} '\n"),
        "zsh": (
            ["zsh", "-d", "-i"],
            ".zshrc",
            f"PROMPT='{PROMPT} '\nbindkey -e\nautoload -Uz compinit && compinit -u -D\n",
        ),
        "fish": (
            ["fish", "-i"],
            "config/fish/config.fish",
            f"function fish_prompt; echo '{PROMPT} '; end\nset -g fish_greeting\n",
        ),
    }[name]


class Shell:
    """An interactive shell; a context manager.

    :param name: ``bash``, ``zsh`` or ``fish``.
    :param directory: an empty one, the home of whoever types.
    :param setup: lines of its start file.
    """

    def __init__(
        self, name: str, directory: Path, setup: str, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self._directory = directory
        command, file, first = _start(name)
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).write_text(f"{first}{setup}\n")
        home = str(directory)
        self._terminal, theirs = pty.openpty()
        os.set_blocking(self._terminal, False)
        self._shown = b""
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _ON_TERMINAL, *command],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                cwd=directory,
                start_new_session=True,
                env={
                    **environment,
                    "HOME": home,
                    "ZDOTDIR": home,
                    "XDG_CONFIG_HOME": f"{home}/config",
                    "XDG_DATA_HOME": f"{home}/data",
                    "TERM": "xterm",
                    "LC_ALL": "C.UTF-8",
                },
            )
        finally:
            os.close(theirs)

    def __enter__(self) -> Shell:
        self._until(lambda: PROMPT in self.shown, "a prompt")
        return self

    def __exit__(self, *_: Any) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._terminal)

    @property
    def shown(self) -> str:
        """What the terminal was told to show."""
        return self._shown.decode(errors="replace")

    def completed(self, line: str) -> str:
        """What becomes of a line when the key for that is pressed at its end."""
        found = self._directory / "line"
        found.unlink(missing_ok=True)
        # the line is then made the argument of another command, so that it is not obeyed
        self._type(f"{line}{TAB}{HOME}echo > line {ENTER}")
        self._until(lambda: found.exists() and found.read_text().endswith("\n"), line)
        return found.read_text().strip()

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _until(self, condition: Any, what: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            with contextlib.suppress(BlockingIOError):
                self._shown += os.read(self._terminal, 65536)
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {what}\n--- shown\n{self.shown}")
            time.sleep(0.01)

"""A command on a terminal of its own, and what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

import pyte

from tests.functional.harness import DEADLINE, import_path

Found = TypeVar("Found")

_NOT_INHERITED = ("NO_COLOR", "COLUMNS", "LINES")
"""The terminal is to tell its size."""
_PAUSE = 0.05
_LEFT = ("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?25l", "\x1b[?25h"), ("\x1b[?1003h", "\x1b[?1003l")
"""What turns another screen, no cursor and the mouse on, and off again."""


class Screen:
    """``cotyledon`` with a terminal; a context manager that ends it.

    :param arguments: of the command.
    :param size: columns and lines.
    :param environment: added to the environment.
    """

    def __init__(
        self, *arguments: str, size: tuple[int, int] = (120, 30), **environment: str
    ) -> None:
        self._user, self._device = pty.openpty()
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._written = b""
        self.resize(*size)
        self._before = termios.tcgetattr(self._device)
        kept = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "cotyledon_core", *arguments],
            stdin=self._device,
            stdout=self._device,
            stderr=self._device,
            env={**kept, "TERM": "xterm-256color", "PYTHONPATH": import_path(), **environment},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.pid = self._popen.pid

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._popen.kill()
        self._popen.wait()
        self.hang_up()
        os.close(self._device)

    @property
    def written(self) -> str:
        """All that the command has written."""
        return self._written.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        return [line.rstrip() for line in self._screen.display]

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size; the kernel tells the command."""
        self._screen.resize(lines, columns)
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._user, termios.TIOCSWINSZ, size)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._user, keys.encode())

    def hang_up(self) -> None:
        """Close the user's end of the terminal."""
        if self._user >= 0:
            os.close(self._user)
            self._user = -1

    def send(self, number: int) -> None:
        """Send a signal to the command."""
        self._popen.send_signal(number)

    def until(self, found: Callable[[list[str]], Found | None], what: str) -> Found:
        """Wait until what is looked for stands on the screen, and return it."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            self._read(_PAUSE)
            if result := found(self.lines):
                return result
            if self._popen.poll() is not None and not self._read(0):
                break
        raise AssertionError("\n".join([f"waited for {what}:", *self.lines]))

    def _read(self, patience: float) -> bool:
        if self._user < 0:
            time.sleep(patience)
            return False
        if not select.select([self._user], [], [], patience)[0]:
            return False
        data = os.read(self._user, 65536)
        self._written += data
        self._stream.feed(data)
        return True

    def wait(self) -> int:
        """Wait for the end of the command; return its status."""
        deadline = time.monotonic() + DEADLINE
        while self._popen.poll() is None:
            self._read(_PAUSE)
            if time.monotonic() > deadline:
                raise AssertionError("\n".join(["did not end:", *self.lines]))
        while self._read(0):
            pass
        return self._popen.returncode

    def is_left_as_found(self) -> bool:
        """Whether the terminal is as it was before the command."""
        written = self.written
        turned_off = all(written.rfind(off) > written.rfind(on) >= 0 for on, off in _LEFT)
        return turned_off and termios.tcgetattr(self._device) == self._before

    # -- tables

    def table(self, head: str) -> list[list[str]]:
        """The words of the lines below the line that begins with this."""
        found = [index for index, line in enumerate(self.lines) if line.startswith(head)]
        below = self.lines[found[0] + 1 : -1] if found else []
        end = below.index("") if "" in below else len(below)
        return [line.split() for line in below[:end]]

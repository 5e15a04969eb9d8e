"""What makes a waiting process look at its pending signals.

The interpreter's own signal handler writes the signal's number to it
(``signal.set_wakeup_fd``).
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Protocol


class Wakeup(Protocol):
    """Both ends."""

    reader: int
    writer: int

    def wake(self) -> None:
        """Make the reader readable."""

    def drain(self) -> None:
        """Read all that there is."""

    def close(self) -> None: ...


class Descriptors:
    """Ends that are plain descriptors."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader, self.writer = reader, writer
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)

    def wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self.writer, b"\0")

    def drain(self) -> None:
        try:
            while len(os.read(self.reader, 4096)) == 4096:
                pass
        except OSError:
            pass

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


class Sockets:
    """Ends that are sockets: the only kind that every platform can wait for."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self.reader, self.writer = self._reader.fileno(), self._writer.fileno()

    def wake(self) -> None:
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def drain(self) -> None:
        try:
            while len(self._reader.recv(4096)) == 4096:
                pass
        except OSError:
            pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


def pipe(*, above_standard: bool = False) -> Wakeup:
    """The cheapest one.

    :param above_standard: take no standard stream's number, even if it is free.
    """
    if os.name != "posix":
        return Sockets()
    ends = os.pipe()
    return Descriptors(*(map(_above_standard, ends) if above_standard else ends))


def _above_standard(descriptor: int) -> int:
    import fcntl

    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(descriptor)


def peekable() -> Wakeup:
    """One that another process can look into without taking anything out."""
    if os.name != "posix":
        return Sockets()
    reader, writer = socket.socketpair()
    return Descriptors(reader.detach(), writer.detach())

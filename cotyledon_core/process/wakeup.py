"""What makes a waiting process look at its pending signals.

The interpreter's own signal handler writes the signal's number to it
(``signal.set_wakeup_fd``).
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol

_fstat = os.fstat


def identity(descriptor: int) -> tuple[int, ...]:
    """What is open there."""
    # inode and device by their places: by their names is more to touch
    return _fstat(descriptor)[1:3]


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
        """
        :param reader, writer: non-blocking ones.
        """
        self.reader, self.writer = reader, writer

    def wake(self) -> None:
        try:
            os.write(self.writer, b"\0")
        except OSError:
            pass

    def drain(self) -> None:
        try:
            # there is seldom more than one; room for many is more memory to touch
            while len(os.read(self.reader, 16)) == 16:
                pass
        except OSError:
            pass

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


class Forwarding(Descriptors):
    """Passes signals' numbers on to a descriptor that wants them, too.

    :param other: is let be once something else is open there.
    """

    def __init__(self, ends: Descriptors, other: int) -> None:
        super().__init__(ends.reader, ends.writer)
        self._other = other
        self._identity: tuple[int, ...] = ()
        with contextlib.suppress(OSError):
            self._identity = identity(other)

    def drain(self) -> None:
        with contextlib.suppress(OSError):
            while read := os.read(self.reader, 256):
                self._pass_on(read.replace(b"\0", b""))

    def _pass_on(self, numbers: bytes) -> None:
        with contextlib.suppress(OSError):
            if numbers and identity(self._other) == self._identity:
                os.write(self._other, numbers)


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


def _non_blocking_pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


make_pipe: Callable[[], tuple[int, int]] = _non_blocking_pipe
"""A pipe whose ends do not block; POSIX only."""
if hasattr(os, "pipe2"):
    make_pipe = partial(os.pipe2, os.O_NONBLOCK | os.O_CLOEXEC)


def pipe(*, above_standard: bool = False) -> Wakeup:
    """The cheapest one.

    :param above_standard: take no standard stream's number, even if it is free.
    """
    if os.name != "posix":
        return Sockets()
    reader, writer = make_pipe()
    if above_standard:
        reader, writer = _above_standard(reader), _above_standard(writer)
    return Descriptors(reader, writer)


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
    reader.setblocking(False)
    writer.setblocking(False)
    return Descriptors(reader.detach(), writer.detach())

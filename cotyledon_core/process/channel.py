"""What workers tell the manager, in sd_notify's syntax.

All workers share one pipe: the number of descriptors does not grow with the
number of workers, and a process that keeps the pipe open holds up nobody. A
message is the sender's pid and newline-separated ``KEY=VALUE`` lines, ended by
a NUL byte; up to ``PIPE_BUF`` bytes are written in one piece (pipe(7)), so
messages never mix. External programs send the same lines as datagrams to
``NOTIFY_SOCKET`` (sd_notify(3)); the kernel says who sent them.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, Protocol

from cotyledon_core.process.descriptors import close_private, keep_private

MESSAGE_LIMIT = getattr(select, "PIPE_BUF", 512)
READ_LIMIT = 65536
PID_DIGITS = 11
_CREDENTIALS = struct.Struct("3i")


class Told(NamedTuple):
    """One message."""

    pid: int
    values: Mapping[str, str]


class Writer(Protocol):
    """The workers' end."""

    def fileno(self) -> int: ...

    @property
    def send(self) -> Callable[[bytes], object]: ...


class PipeWriter:
    """The write end of a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.send: Callable[[bytes], object] = partial(os.write, descriptor)

    def fileno(self) -> int:
        return self._descriptor


class SocketWriter:
    """The write end of a socket pair: travels to spawned processes on any platform."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        return self._end.fileno()

    def send(self, data: bytes) -> None:
        self._end.sendall(data)


def encode(pid: int, line: str) -> bytes:
    """One message, cut to what can be written in one piece."""
    text = line.replace("\n", " ").replace("\0", " ")
    return f"{pid}\n{text}".encode(errors="replace")[: MESSAGE_LIMIT - 1] + b"\0"


def parse(lines: str) -> dict[str, str]:
    """sd_notify's lines; those that are none are left out."""
    pairs = (line.partition("=") for line in lines.split("\n"))
    return {key: value for key, separator, value in pairs if separator and key}


def tell(writer: Writer, pid: int, line: str) -> None:
    """Tell the manager something about this process; a manager that is gone is not told.

    :param line: ``KEY=VALUE``.
    """
    try:
        writer.send(encode(pid, line))
    except OSError:
        pass


class Reader:
    """The manager's end: puts messages together from what has arrived."""

    def __init__(self) -> None:
        self._rest = b""

    def messages(self, data: bytes) -> Iterator[Told]:
        """The messages that ``data`` completes; what is no message is left out."""
        *complete, self._rest = (self._rest + data).split(b"\0")
        self._rest = self._rest[-MESSAGE_LIMIT:]
        for message in complete:
            pid, _, lines = message.decode(errors="replace").partition("\n")
            if pid.isdecimal() and len(pid) < PID_DIGITS:
                yield Told(int(pid), parse(lines))


class Channel:
    """Both ends of what the workers share.

    :param portable: use a socket pair, which travels to spawned processes.
    """

    def __init__(self, portable: bool = False) -> None:
        self._parser = Reader()
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self.writer: Writer
        self.socket: socket.socket | None = None
        """The workers' end, if it is a socket."""
        if portable:
            self._ends = socket.socketpair()
            self.reader = self._ends[0].fileno()
            self.socket = self._ends[1]
            self._ends[0].setblocking(False)
            self.writer = SocketWriter(self._ends[1])
        else:
            self.reader, descriptor = os.pipe()
            self.writer = PipeWriter(descriptor)
            keep_private(self.reader)
            os.set_blocking(self.reader, False)

    def receive(self) -> Iterator[Told]:
        """What has been told since the last call."""
        try:
            if self._ends:
                data = self._ends[0].recv(READ_LIMIT)
            else:
                data = os.read(self.reader, READ_LIMIT)
        except OSError:
            return
        yield from self._parser.messages(data)

    def close_writer(self) -> None:
        """Let go of the workers' end."""
        if self._ends:
            self._ends[1].close()
        else:
            os.close(self.writer.fileno())

    def close(self) -> None:
        """Let go of both ends."""
        self.close_writer()
        if self._ends:
            self._ends[0].close()
        else:
            close_private(self.reader)


class NotifySocket:
    """Where external programs send their messages.

    An abstract address: nothing is left in the file system. Linux only.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind("")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.address = "@" + self._socket.getsockname()[1:].decode()

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> Iterator[Told]:
        """What has arrived, at most as much as the queue holds."""
        for _ in range(64):
            try:
                data, ancillary, _, _ = self._socket.recvmsg(
                    MESSAGE_LIMIT, socket.CMSG_SPACE(_CREDENTIALS.size)
                )
            except OSError:
                return
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                    pid = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0]
                    yield Told(pid, parse(data.decode(errors="replace")))

    def close(self) -> None:
        self._socket.close()

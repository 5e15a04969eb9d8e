"""Helper processes: what must not run in the manager, since it may block.

A helper is forked from the manager and fed through a socket that keeps the
messages apart. The manager never waits for it: what does not fit is queued,
and when the queue is full the oldest is dropped and counted. The helper is
told the count as soon as there is room. It ends when the manager's end of the
socket is closed, having read everything. The manager keeps the helper's end
open too: of a helper that died, it takes back what that has not read.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from cotyledon_core.process import signals
from cotyledon_core.process.descriptors import close_private, keep_private
from cotyledon_core.process.title import program_name, set_title

QUEUE_LIMIT = 1000
MESSAGE_LIMIT = 128 * 1024
RECEIVED = MESSAGE_LIMIT + 1024

Receive = Callable[[float | None], Any]
"""Returns the next message; raises EOFError after the last, and TimeoutError if none comes
in so many seconds."""
Serve = Callable[[Receive], None]
"""Runs in the helper."""


class Dropped:
    """So many messages were dropped here."""

    def __init__(self, count: int) -> None:
        self.count = count


class Helper:
    """The manager's side of a helper process.

    :param name: for the process title.
    :param serve: what the process does.
    """

    def __init__(self, name: str, serve: Serve) -> None:
        self.name = name
        self.pid: int | None = None
        self._serve = serve
        self._socket: socket.socket | None = None
        self._its_end: socket.socket | None = None
        self._queue: deque[bytes] = deque()
        self._dropped = 0
        self.has_gap = False
        """Whether it has missed messages, or may have; for who can make up for that."""

    @property
    def waiting(self) -> int:
        """Messages that have not left yet."""
        return len(self._queue) + bool(self._dropped)

    @property
    def fed(self) -> bool:
        """Whether it can be sent anything."""
        return self._socket is not None

    def fileno(self) -> int:
        assert self._socket is not None
        return self._socket.fileno()

    def start(self) -> int:
        """Fork the process; return its pid.

        :raises OSError: if there is no room for another process.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with signals.blocked():
                pid = os.fork()
                if pid == 0:
                    ours.close()
                    _serve(self.name, self._serve, theirs)
        except OSError:
            ours.close()
            theirs.close()
            raise
        ours.setblocking(False)
        keep_private(ours.fileno(), theirs.fileno())
        self._socket, self._its_end, self.pid = ours, theirs, pid
        return pid

    def put(self, message: Any) -> None:
        """Queue a message; never blocks."""
        self.put_packed(packed(message))

    def put_packed(self, data: bytes) -> None:
        """The same for one that is :func:`packed`, so that several helpers can be sent it."""
        if len(data) > MESSAGE_LIMIT:
            self._drop(1)
            return
        if len(self._queue) >= QUEUE_LIMIT:
            self._queue.popleft()
            self._drop(1)
        self._queue.append(data)

    def _drop(self, count: int) -> None:
        self._dropped += count
        self.has_gap = True

    def flush(self) -> bool:
        """Send what there is room for; whether all of it has left."""
        end = self._socket
        if end is None:
            # let go of, maybe by another thread this moment
            return True
        try:
            while self._dropped or self._queue:
                self._send_next(end)
        except BlockingIOError:
            return False
        except OSError:
            # the process is gone; its end is noticed elsewhere
            return True
        return True

    def _send_next(self, end: socket.socket) -> None:
        if self._dropped:
            end.send(packed(Dropped(self._dropped)))
            self._dropped = 0
            return
        try:
            message = self._queue.popleft()
        except IndexError:
            # another thread was faster
            return
        try:
            end.send(message)
        except OSError:
            self._queue.appendleft(message)
            raise

    def take_back(self) -> None:
        """Queue again, before all else, what the process has not read; it must have ended."""
        unread = []
        while (data := self._unread()) is not None:
            message = unpacked(data)
            if isinstance(message, Dropped):
                self._drop(message.count)
            else:
                unread.append(data)
        self._queue.extendleft(reversed(unread))
        while len(self._queue) > QUEUE_LIMIT:
            self._queue.popleft()
            self._drop(1)

    def _unread(self) -> bytes | None:
        if self._its_end is None:
            return None
        try:
            return self._its_end.recv(RECEIVED, socket.MSG_DONTWAIT) or None
        except OSError:
            return None

    def let_go(self) -> None:
        """Close the socket: the process ends when it has read everything."""
        for end in (self._socket, self._its_end):
            if end is not None:
                close_private(end.detach())
        self._socket = self._its_end = None


def _serve(name: str, serve: Serve, end: socket.socket) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signals.disown()
        signals.unblock()
        set_title(f"{program_name()}: {name}")
        with contextlib.suppress(EOFError):
            serve(lambda timeout: _receive(end, timeout))
    finally:
        os._exit(0)


def packed(message: Any) -> bytes:
    # loaded when there is something to say, which may be never
    import pickle

    return pickle.dumps(message)


def _receive(end: socket.socket, timeout: float | None) -> Any:
    end.settimeout(timeout)
    data = end.recv(RECEIVED)
    if not data:
        raise EOFError
    return unpacked(data)


def unpacked(data: bytes) -> Any:
    import pickle

    try:
        return pickle.loads(data)
    except Exception:
        # it cannot be made here; nothing else is lost for it
        return Dropped(1)

"""Signals, as a set of what is pending and a descriptor that becomes readable.

A handler only notes the signal's number: the set cannot lose one, whatever the
state of the pipe is, and the pipe only wakes the loop. A signal that arrives
twice before it is taken is taken once, as the kernel does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

from cotyledon_core.process.descriptors import forget_private, keep_private

SIGHUP: int | None = getattr(signal, "SIGHUP", None)
SIGALRM: int | None = getattr(signal, "SIGALRM", None)
SIGCHLD: int | None = getattr(signal, "SIGCHLD", None)

Handler = Callable[[int, "FrameType | None"], Any] | int | None


def existing(*numbers: int | None) -> list[int]:
    """Those of the signals that this platform has."""
    return [number for number in numbers if number is not None]


STOPPING = existing(signal.SIGTERM, signal.SIGINT, SIGHUP, SIGALRM, SIGCHLD)
"""What must not arrive between a fork and the child's own handlers."""


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """Hold back the signals; the children made meanwhile start with them held back."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def unblock() -> None:
    """Let the signals through that :func:`blocked` holds back."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


class Signals:
    """Notes signals while it is installed.

    :param watched: the signals to note.
    :param urgent: called from the handler for each signal, for what cannot wait.
    :param private: children that this process forks do not keep the descriptor.
    """

    def __init__(
        self,
        watched: Iterable[int],
        urgent: Callable[[int], None] | None = None,
        *,
        private: bool = False,
    ) -> None:
        self._watched = tuple(watched)
        self._urgent = urgent
        self._private = private
        self._pending: set[int] = set()
        self._previous: dict[int, Handler] = {}
        self._previous_wakeup: int | None = None
        self._reader: socket.socket | None = None
        self._writer: socket.socket | None = None

    def install(self) -> None:
        """Begin to note the signals. Main thread only."""
        for number in self._watched:
            self._previous[number] = signal.signal(number, self._note)

    def open(self) -> socket.socket:
        """Make the descriptor that becomes readable with a signal or a :meth:`wake`."""
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        if self._private:
            keep_private(self._reader.fileno(), self._writer.fileno())
        self._previous_wakeup = signal.set_wakeup_fd(
            self._writer.fileno(), warn_on_full_buffer=False
        )
        return self._reader

    @property
    def reader(self) -> socket.socket:
        """What becomes readable."""
        assert self._reader is not None
        return self._reader

    def post(self, number: int) -> None:
        """As if the signal had arrived; from any thread."""
        self._note(number, None)
        self.wake()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending.add(number)
        if self._urgent is not None:
            self._urgent(number)

    def wake(self) -> None:
        """Make the descriptor readable; from any thread."""
        with contextlib.suppress(OSError, AttributeError):
            self._writer.send(b"\0")  # type: ignore[union-attr]

    def take(self) -> set[int]:
        """What has arrived since the last call."""
        if self._reader is not None:
            with contextlib.suppress(OSError):
                while len(self._reader.recv(4096)) == 4096:
                    pass
        taken: set[int] = set()
        while self._pending:
            taken.add(self._pending.pop())
        return taken

    def restore(self) -> None:
        """Put back the handlers and the wake-up descriptor that were there before."""
        for number, handler in self._previous.items():
            # None: a handler that was not installed from Python
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()
        self.close()

    def close(self) -> None:
        """Close the descriptor; signals are noted all the same."""
        if self._reader is None or self._writer is None:
            return
        signal.set_wakeup_fd(-1 if self._previous_wakeup is None else self._previous_wakeup)
        for end in (self._reader, self._writer):
            forget_private(end.fileno())
            end.close()
        self._reader = self._writer = None


def send(pid: int, number: int) -> None:
    """Send a signal to a child of ours that has not been reaped."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

"""What workers write to standard error goes to the log, line by line.

The manager reads the pipes and hands the pieces to the log relay, which makes
lines of them and logs each with the worker's name. However much the workers
write, the manager does a bounded amount of work: so many reads a second for all
of them together, and as many for each. In between, a worker that writes more
than its pipe holds waits; if the relay is too slow, pieces are dropped, and the
next one that fits says how much.

A worker's end is told by its process, never by its pipe, which a grandchild may
keep open: then what is in it is read once, and the pipe is closed.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cotyledon_core.process.captured_stderr import CapturedStderr
from cotyledon_core.supervision.deadlines import Deadlines

REST = 0.05
"""Seconds between two reads of one pipe."""
PACE = 0.001
"""Seconds between two reads of any."""
READS = 16
"""Reads in one turn."""
LINE_LIMIT = 8192
"""Bytes; what is longer becomes several lines."""


class Piece(NamedTuple):
    """What has been read, on its way to the relay."""

    key: int
    """Tells pipes apart that are open at the same time."""
    worker: str
    data: bytes
    dropped: int
    """So many bytes before it are missing."""
    last: bool

    def without_content(self) -> Piece:
        """Only the news that something is missing."""
        return self._replace(data=b"", dropped=self.dropped + len(self.data))


class StderrCapture:
    """Reads the pipes.

    :param forward: takes a piece in, or says that there is no room for it.
    """

    def __init__(self, selector: selectors.BaseSelector, forward: Callable[[Piece], bool]) -> None:
        self._selector = selector
        self._forward = forward
        self._awaited: set[CapturedStderr] = set()
        self._reads: Deadlines[CapturedStderr] = Deadlines()
        self._next_slot = 0.0
        self._dropped: dict[CapturedStderr, int] = {}

    def watch(self, pipe: CapturedStderr | None) -> None:
        """A worker with such a pipe, or without one, was started."""
        if pipe is not None:
            self._awaited.add(pipe)
            self._selector.register(pipe, selectors.EVENT_READ, lambda: self._readable(pipe))

    def deadline(self) -> float | None:
        """When :meth:`read_due` should be called, in monotonic seconds."""
        return self._reads.next()

    def read_due(self, now: float) -> None:
        """Read the pipes whose time has come."""
        for _ in range(READS):
            pipe = self._reads.pop_due(now)
            if pipe is None:
                return
            data = pipe.read()
            if data is None:
                self.watch(pipe)
            elif data:
                self._pass_on(pipe, data)
                self._read_at(pipe, now + REST)

    def ended(self, pipe: CapturedStderr | None) -> None:
        """The worker's process has ended."""
        if pipe is None:
            return
        self._forget(pipe)
        self._pass_on(pipe, pipe.read() or b"", last=True)
        self._dropped.pop(pipe, None)

    def _readable(self, pipe: CapturedStderr) -> None:
        # the wait that has found it readable may have found its worker's end, too
        if pipe in self._awaited:
            self._forget(pipe)
            self._read_at(pipe, time.monotonic())

    def _read_at(self, pipe: CapturedStderr, earliest: float) -> None:
        slot = max(earliest, self._next_slot)
        self._next_slot = slot + PACE
        self._reads.set(pipe, slot)

    def _forget(self, pipe: CapturedStderr) -> None:
        self._reads.cancel(pipe)
        if pipe in self._awaited:
            self._awaited.discard(pipe)
            self._selector.unregister(pipe)

    def _pass_on(self, pipe: CapturedStderr, data: bytes, *, last: bool = False) -> None:
        dropped = self._dropped.pop(pipe, 0)
        piece = Piece(pipe.fileno(), pipe.worker, data, dropped, last)
        if not self._forward(piece):
            self._dropped[pipe] = dropped + len(data)


class Lines:
    """Makes lines of pieces; in the relay."""

    def __init__(self) -> None:
        self._rest: dict[int, tuple[str, bytes]] = {}

    def of(self, piece: Piece) -> Iterator[str]:
        """The lines that the piece completes."""
        _, rest = self._rest.pop(piece.key, ("", b""))
        if piece.dropped:
            yield from _lines(piece.worker, rest)
            yield f"{piece.worker}: … {piece.dropped} bytes were dropped, the log was too slow"
            rest = b""
        whole, newline, rest = (rest + piece.data).rpartition(b"\n")
        yield from _lines(piece.worker, whole + newline)
        if piece.last or len(rest) > LINE_LIMIT:
            yield from _lines(piece.worker, rest)
        elif rest:
            self._rest[piece.key] = piece.worker, rest

    def rest(self) -> Iterator[str]:
        """What has not been completed."""
        for worker, rest in self._rest.values():
            yield from _lines(worker, rest)
        self._rest.clear()


def _lines(worker: str, data: bytes) -> Iterator[str]:
    for line in data.split(b"\n")[: -1 if data.endswith(b"\n") else None]:
        for start in range(0, max(len(line), 1), LINE_LIMIT):
            text = line[start : start + LINE_LIMIT].decode(errors="replace").rstrip("\r")
            if text:
                yield f"{worker}: {text}"

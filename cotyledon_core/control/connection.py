"""One client of the manager: what it has sent, and what it has yet to read.

A client that has not read its answers is not listened to. So what waits for it
is at most one answer, or one piece of a stream; and if it reads nothing of that
for the idle time, it is let go.

A client that has closed its sending side only gets what it has asked for. From
then on the socket is readable without end, so it is not waited for, but looked
at now and then, whether the client has closed the other side as well.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cotyledon_core.control import protocol
from cotyledon_core.control.access import Level, Peer
from cotyledon_core.control.protocol import Code, Lines, Refusal, RequestId
from cotyledon_core.process.descriptors import close_private, keep_private

if TYPE_CHECKING:
    from cotyledon_core.control.tasks import Task

READ_SIZE = 16 * 1024
"""Bytes in one turn."""
MAX_TASKS = 8
"""Requests of one client that are under way."""
LOOK_PAUSE = 1.0
"""Seconds from one look at who has closed its sending side to the next."""


class Connection:
    """See the module's description.

    :param max_request: bytes of a request.
    :param max_output: bytes that may wait.
    """

    def __init__(
        self,
        connected: socket.socket,
        peer: Peer,
        level: Level,
        now: float,
        max_request: int,
        max_output: int,
    ) -> None:
        self._socket = connected
        keep_private(connected.fileno())
        self.peer = peer
        self.level = level
        self.lines = Lines(max_request)
        self.max_output = max_output
        self.active_at = now
        """When anything last came or went."""
        self.tasks: list[Task] = []
        self.closing = False
        """Whether it is closed as soon as everything is sent."""
        self.lost = False
        """Whether the other end is gone, or is given up."""
        self.look_at: float | None = None
        """When to look whether it is gone, once it sends nothing more."""
        self._output: deque[memoryview] = deque()
        self._waiting = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    # -- in

    def receive(self, now: float) -> None:
        """Take in what has come, some of it."""
        try:
            data = self._socket.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.lost = True
            return
        if not data:
            self.look_at = now
            self.look(now)
            return
        self.active_at = now
        if not self.closing:
            self.lines.feed(data)

    def look(self, now: float) -> None:
        """See whether who sends nothing more is gone."""
        if self.look_at is not None and self.look_at <= now:
            self.look_at = now + LOOK_PAUSE
            self.lost = self.lost or _is_gone(self._socket)

    @property
    def has_request(self) -> bool:
        """Whether there is something to answer, and room for the answer."""
        return self.lines.whole and not (self.lost or self.closing or self._output)

    @property
    def listening(self) -> bool:
        """Whether more is wanted of it."""
        return self.look_at is None and not (
            self.lost or self.closing or self._output or self.lines.whole
        )

    # -- out

    @property
    def waiting(self) -> int:
        """Bytes that have yet to be sent."""
        return self._waiting

    def answer(self, request_id: RequestId, value: Any) -> None:
        """The last line for a request."""
        line = protocol.result(request_id, value)
        if len(line) > self.max_output:
            text = f"the answer would have {len(line)} bytes, {self.max_output} may wait"
            line = protocol.error(request_id, Code.TOO_LARGE, text)
        self._put(line)

    def refuse(self, refusal: Refusal) -> None:
        """The last line for a request that is not granted."""
        self._put(protocol.error(refusal.request_id, refusal.code, refusal.text))
        if refusal.code is Code.TOO_LARGE and self.lines.whole:
            # where the next request begins cannot be known
            self.closing = True

    def tell(self, request_id: RequestId, value: Any) -> bool:
        """A line before the last; False if it has to wait until others are sent."""
        line = protocol.event(request_id, value)
        # the last line needs room, too
        if self._output and self._waiting + len(line) > self.max_output // 2:
            return False
        self._put(line)
        return True

    def _put(self, line: bytes) -> None:
        if self._waiting + len(line) > self.max_output:
            self.lost = True
            return
        self._output.append(memoryview(line))
        self._waiting += len(line)

    def send(self, now: float) -> None:
        """Send what there is room for."""
        while self._output and not self.lost:
            piece = self._output[0]
            try:
                sent = self._socket.send(piece)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.lost = True
                return
            self.active_at = now
            self._waiting -= sent
            if sent < len(piece):
                self._output[0] = piece[sent:]
                return
            self._output.popleft()

    @property
    def over(self) -> bool:
        """Whether nothing keeps it open."""
        nothing_due = self.closing or (self.look_at is not None and not self.tasks)
        return self.lost or (nothing_due and not self._output)

    # -- its time

    def idle_since(self) -> float | None:
        """Since when the client owes something; None if it may take its time."""
        if self.tasks and not self._output and not (self.lines.half and self.look_at is None):
            return None
        return self.active_at

    def under_way(self) -> Iterator[Task]:
        """The requests that are not answered yet."""
        return iter(list(self.tasks))

    def close(self) -> None:
        for task in self.tasks:
            task.close()
        self.tasks.clear()
        close_private(self._socket.detach())


def _is_gone(connected: socket.socket) -> bool:
    """Whether the other end has closed both sides."""
    poll = select.poll()
    poll.register(connected, 0)
    return bool(poll.poll(0))

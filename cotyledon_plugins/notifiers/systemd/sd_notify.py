"""How the service manager is sent messages, as sd_notify(3) describes it.

A message is one datagram of ``KEY=VALUE`` lines. Nothing here waits but
:meth:`Sender.finish`.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import time
from collections import deque

LOG = logging.getLogger(__name__)

QUEUE_LIMIT = 64
"""Messages that are kept for a receiver without room; the oldest are dropped then."""
RETRY_AFTER = 0.25
"""Seconds after which a message is offered again to a receiver without room."""


def is_address(text: str) -> bool:
    """Whether it is an absolute path, or ``@`` and an abstract name."""
    return len(text) > 1 and text[0] in "/@" and "\0" not in text


class Sender:
    """Sends messages in order.

    A socket is made for each, so that no descriptor is held that workers would inherit.

    :param address: where to; with an empty one nothing is sent.
    """

    def __init__(self, address: str) -> None:
        self._unsent: deque[bytes] = deque(maxlen=QUEUE_LIMIT)
        self._complained = False
        if address and not is_address(address):
            self._complain(f"addresses like {address!r} are not supported")
            address = ""
        self.address = address

    @property
    def waiting(self) -> bool:
        """Whether messages are kept until there is room for them."""
        return bool(self._unsent)

    def send(self, message: str) -> None:
        """Send it, or keep it until there is room."""
        if self.address:
            self._unsent.append(message.encode())
            self.flush()

    def offer(self, message: str) -> bool:
        """Send it unless there is no room; return whether it has gone."""
        self.flush()
        if self._unsent:
            return False
        self.send(message)
        if self._unsent:
            self._unsent.clear()
            return False
        return True

    def flush(self) -> None:
        """Send what was kept, as far as there is room."""
        while self._unsent:
            try:
                with self._connected() as sender:
                    sender.send(self._unsent[0])
            except BlockingIOError:
                return
            except OSError as error:
                self._complain(f"{self.address}: {error}")
            self._unsent.popleft()

    def take_over(self, other: Sender) -> bool:
        """Send what the other one has kept; False if that is for another receiver."""
        if self.address != other.address:
            return False
        self._unsent, other._unsent = other._unsent, self._unsent
        return True

    def finish(self, patience: float) -> None:
        """Send what was kept, and wait until all that was sent has been handled.

        A service manager asks whose process a message is from, and may not find out when that
        has ended.

        :param patience: seconds that this takes at the most.
        """
        if not self.address:
            return
        end = time.monotonic() + patience
        try:
            with self._connected() as sender:
                while self._unsent and _wait(sender.fileno(), select.POLLOUT, end):
                    try:
                        sender.send(self._unsent[0])
                    except BlockingIOError:
                        continue
                    self._unsent.popleft()
                if not self._unsent and _wait(sender.fileno(), select.POLLOUT, end):
                    _pass_barrier(sender, end)
        except OSError as error:
            self._complain(f"{self.address}: {error}")

    def _connected(self) -> socket.socket:
        """Connected, so that a wait for room is one for the receiver's."""
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sender.setblocking(False)
            abstract = self.address.startswith("@")
            sender.connect("\0" + self.address[1:] if abstract else self.address)
        except BaseException:
            sender.close()
            raise
        return sender

    def _complain(self, why: str) -> None:
        if not self._complained:
            self._complained = True
            LOG.warning("cannot notify the service manager: %s", why)


def _pass_barrier(sender: socket.socket, end: float) -> None:
    """The receiver closes what comes with it once it has handled all before it."""
    reader, writer = os.pipe()
    try:
        try:
            socket.send_fds(sender, [b"BARRIER=1"], [writer])
        finally:
            os.close(writer)
        _wait(reader, select.POLLIN, end)
    finally:
        os.close(reader)


def _wait(descriptor: int, events: int, end: float) -> bool:
    """Wait for one of these, or for an error or the other end's end; not beyond ``end``."""
    poll = select.poll()
    poll.register(descriptor, events)
    return bool(poll.poll(max(end - time.monotonic(), 0.0) * 1000))

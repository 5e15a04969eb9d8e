"""The notifier ``systemd``: tells the service manager how far we are.

Speaks sd_notify: one datagram of ``KEY=VALUE`` lines to the address in
``NOTIFY_SOCKET``. Nothing here waits. A message that the receiver's queue has
no room for is kept and sent before the next one, so that the order stands and
``READY=1`` is not lost.
"""

from __future__ import annotations

import logging
import os
import socket as sockets
from collections import deque
from collections.abc import Sequence
from typing import Any

from cotyledon_core import Event, Notifier, events

LOG = logging.getLogger(__name__)


class Systemd(Notifier):
    """Sends ``READY=1`` when all initial workers are ready, and ``STOPPING=1``.

    The ``STATUS`` beside ``READY=1`` names the services that were lost before; an
    exit status that is not 0 is told as ``EXIT_STATUS``.

    :param socket: where to send, a path or ``@`` and an abstract name; the
        environment variable ``NOTIFY_SOCKET`` unless given. Without either
        nothing is sent.
    :raises ValueError: if ``socket`` is neither.
    """

    blocking = False

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt(
                "socket",
                help="Where to send sd_notify messages: a path, or @ and an abstract name. "
                "The environment variable NOTIFY_SOCKET unless given.",
            )
        ]

    @classmethod
    def check_options(cls, socket: str | None = None) -> None:
        """
        :raises ValueError: if ``socket`` is neither a path nor an abstract name.
        """
        if socket is not None and not _is_address(socket):
            raise ValueError(f"socket: {socket!r} must be an absolute path or @ and a name")

    def __init__(self, socket: str | None = None) -> None:
        self.check_options(socket)
        self._address = socket or os.environ.get("NOTIFY_SOCKET", "")
        self._unsent: deque[str] = deque()
        self._stopping = self._complained = False
        self._reason = ""
        if self._address and not _is_address(self._address):
            self._complain(f"addresses like {self._address!r} are not supported")
            self._address = ""

    def notify(self, event: Event) -> None:
        message = self._message(event)
        if message is not None:
            self._unsent.append(message)
        self._send_all()

    def close(self) -> None:
        self._send_all()

    def _message(self, event: Event) -> str | None:
        if isinstance(event, events.ManagerReady):
            lost = f"; lost: {', '.join(event.lost)}" if event.lost else ""
            ready = f"{event.workers} workers of {event.services} services ready{lost}"
            return f"READY=1\nSTATUS={_line(ready)}"
        if isinstance(event, events.ManagerStopping) and not self._stopping:
            self._stopping = True
            self._reason = f": {event.reason}" if event.reason else ""
            return f"STOPPING=1\nSTATUS={_line(f'stopping{self._reason}')}"
        if isinstance(event, events.ManagerStopped) and event.status != 0:
            stopped = f"stopped with exit status {event.status}{self._reason}"
            return f"STATUS={_line(stopped)}\nEXIT_STATUS={event.status}"
        return None

    def _send_all(self) -> None:
        while self._address and self._unsent:
            try:
                _send(self._address, self._unsent[0])
            except BlockingIOError:
                return
            except OSError as error:
                self._complain(f"{self._address}: {error}")
            self._unsent.popleft()
        if not self._address:
            self._unsent.clear()

    def _complain(self, why: str) -> None:
        if not self._complained:
            self._complained = True
            LOG.warning("cannot notify the service manager: %s", why)


def _line(text: str) -> str:
    """A newline would end the assignment."""
    return " ".join(text.splitlines())


def _is_address(text: str) -> bool:
    return len(text) > 1 and text[0] in "/@" and "\0" not in text


def _send(address: str, message: str) -> None:
    path = "\0" + address[1:] if address.startswith("@") else address
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(message.encode(), path)

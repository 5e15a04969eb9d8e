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
from collections.abc import Iterator, Sequence
from typing import Any

from cotyledon_core import Event, Ledger, Notifier, Stage, events

LOG = logging.getLogger(__name__)

STATUS_LIMIT = 2048
"""Bytes. systemd drops a message of 4096 bytes or more, with all that is in it."""


class Systemd(Notifier):
    """Sends ``READY=1`` when all initial workers are ready, and ``STOPPING=1``.

    A reload is ``RELOADING=1`` with ``MONOTONIC_USEC``, and ``READY=1`` when it has
    succeeded or failed; that it was undone then is a ``STATUS`` alone. Each of them has a
    ``STATUS``: beside the first ``READY=1`` it names the services that were lost before,
    at the end of a reload it says the result. An exit status that is not 0 is told as
    ``EXIT_STATUS``.

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
        self._from_the_start = self._ready = self._stopping = self._complained = False
        self._reload_told: bool | None = None
        self._reason = self._failure = ""
        if self._address and not _is_address(self._address):
            self._complain(f"addresses like {self._address!r} are not supported")
            self._address = ""

    def notify(self, event: Event) -> None:
        self._unsent.extend(self._messages(event))
        self._send_all()

    def synchronize(self, ledger: Ledger) -> None:
        self._ready = ledger.stage is not Stage.STARTING

    def close(self) -> None:
        if self._reload_told and not self._stopping:
            # removed by this reload, whose end nobody would tell
            self._unsent.append(_ready("reloading, and not notified of it any more"))
        self._send_all()

    def _messages(self, event: Event) -> Iterator[str]:
        if isinstance(event, events.ManagerStopped):
            yield from self._stopped(event)
        elif self._stopping:
            return
        elif isinstance(event, events.ManagerStarted):
            self._from_the_start = True
        elif isinstance(event, events.ManagerReady):
            yield from self._start_ends(event)
        elif isinstance(event, events.ManagerReloading):
            yield self._reload_begins(event)
        elif isinstance(event, events.ManagerReloaded | events.ReloadFailed):
            yield from self._reload_ends(event)
        elif isinstance(event, events.ReloadUndone):
            yield _status("; ".join(text for text in (self._failure, _text(event)) if text))
        elif isinstance(event, events.ManagerStopping):
            self._stopping = True
            self._reason = f": {event.reason}" if event.reason else ""
            yield f"STOPPING=1\n{_status(f'stopping{self._reason}')}"

    def _start_ends(self, event: events.ManagerReady) -> Iterator[str]:
        self._ready = True
        if self._from_the_start:
            lost = f"; lost: {', '.join(event.lost)}" if event.lost else ""
            yield _ready(f"{event.workers} workers of {event.services} services ready{lost}")

    def _reload_begins(self, event: Event) -> str:
        """During the start only the STATUS is told: the READY=1 to come would end the start."""
        self._reload_told = self._ready
        status = _status(_text(event))
        if not self._ready:
            return status
        return f"RELOADING=1\nMONOTONIC_USEC={int(event.at * 1e6)}\n{status}"

    def _reload_ends(self, event: Event) -> Iterator[str]:
        if self._ready and self._reload_told is None:
            # refused before it began; its end alone would not be heard
            yield self._reload_begins(event)
        text = _text(event)
        self._failure = text if isinstance(event, events.ReloadFailed) else ""
        yield _ready(text) if self._reload_told else _status(text)
        self._reload_told = None

    def _stopped(self, event: events.ManagerStopped) -> Iterator[str]:
        if event.status != 0:
            status = _status(f"stopped with exit status {event.status}{self._reason}")
            yield f"{status}\nEXIT_STATUS={event.status}"

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


def _ready(text: str) -> str:
    return f"READY=1\n{_status(text)}"


def _status(text: str) -> str:
    """In one line, since a newline would end the assignment."""
    line = "".join(char if char.isprintable() else " " for char in text)
    data = line.encode()
    if len(data) > STATUS_LIMIT:
        line = data[: STATUS_LIMIT - 3].decode(errors="ignore") + "..."
    return f"STATUS={line}"


def _text(event: Event) -> str:
    """It is the manager that the service manager knows the service as."""
    return str(event).removeprefix("manager ")


def _is_address(text: str) -> bool:
    return len(text) > 1 and text[0] in "/@" and "\0" not in text


def _send(address: str, message: str) -> None:
    path = "\0" + address[1:] if address.startswith("@") else address
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(message.encode(), path)

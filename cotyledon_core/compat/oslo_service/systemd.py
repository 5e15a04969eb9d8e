"""Telling systemd that a service is ready, and waiting to be told."""

from __future__ import annotations

import contextlib
import logging
import os
import socket

LOG = logging.getLogger(__name__)

READY = b"READY=1"


def notify() -> None:
    """Tell systemd that the service is ready, as sd_notify(3) does."""
    _sd_notify(False, READY)


def notify_once() -> None:
    """The same, and nobody does it again: ``NOTIFY_SOCKET`` is gone then."""
    _sd_notify(True, READY)


def onready(notify_socket: str, timeout: float) -> int:
    """Wait on a socket for what :func:`notify` says.

    :param timeout: in seconds.
    :returns: 0 if the service is ready, 1 if something else was said, 2 for none in time.
    """
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.settimeout(timeout)
        listener.bind(_abstractify(notify_socket))
        try:
            message = listener.recv(512)
        except TimeoutError:
            return 2
        return 0 if message == READY else 1


def _sd_notify(unset_env: bool, msg: bytes) -> None:
    address = os.getenv("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as speaker:
        try:
            speaker.connect(_abstractify(address))
            speaker.sendall(msg)
        except OSError:
            LOG.debug("systemd was not told", exc_info=True)
            return
    if unset_env:
        os.environ.pop("NOTIFY_SOCKET", None)


def _abstractify(socket_name: str) -> str:
    """The address; a leading ``@`` stands for the abstract namespace's zero byte."""
    return f"\0{socket_name[1:]}" if socket_name.startswith("@") else socket_name

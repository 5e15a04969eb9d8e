"""Where the exporter listens."""

from __future__ import annotations

import os
import re
import socket
from typing import NamedTuple

LONGEST_PATH = 107
"""Bytes; what Linux allows for a socket's."""


class Address(NamedTuple):
    """A host and a port, or a socket's file."""

    family: socket.AddressFamily
    host: str
    """A host's address, or the path of a socket."""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """From ``127.0.0.1:9102``, ``[::1]:9102``, or ``unix:`` and an absolute path.

        :raises ValueError: if it is neither.
        """
        if text.startswith("unix:"):
            return cls(socket.AF_UNIX, _path(text))
        host, colon, port = text.rpartition(":")
        if not host or not colon:
            raise ValueError(
                f"{text!r} must be host:port, 0.0.0.0:9102 for all addresses, or unix: and a path"
            )
        if not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise ValueError(f"{text!r}: the port must be from 1 to 65535")
        family, found = _host(text, host)
        return cls(family, found, int(port))


def _path(text: str) -> str:
    path = text.removeprefix("unix:")
    if not os.path.isabs(path):
        raise ValueError(f"{text!r}: the path of a socket must be absolute")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ValueError(f"the path of a socket may have {LONGEST_PATH} bytes: {path!r} has more")
    return path


def _host(text: str, host: str) -> tuple[socket.AddressFamily, str]:
    if host.startswith("[") and host.endswith("]") and ":" in host:
        return socket.AF_INET6, host[1:-1]
    if not re.fullmatch(r"[\w.-]+", host):
        if ":" in host and "[" not in host:
            raise ValueError(f"{text!r}: an IPv6 address stands in brackets")
        raise ValueError(f"{text!r}: {host!r} is no name or address of a host")
    return socket.AF_INET, host

"""Where the exporter listens."""

from __future__ import annotations

import os
import socket
from typing import NamedTuple


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
            path = text.removeprefix("unix:")
            if not os.path.isabs(path):
                raise ValueError(f"{text!r}: the path of a socket must be absolute")
            return cls(socket.AF_UNIX, path)
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
            raise ValueError(f"{text!r} must be host:port, or unix: and a path")
        host = host.removeprefix("[").removesuffix("]")
        return cls(socket.AF_INET6 if ":" in host else socket.AF_INET, host, int(port))

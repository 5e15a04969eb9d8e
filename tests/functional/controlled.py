"""A manager with a control socket, and raw connections to it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from cotyledon_core.control.client import Client
from tests.functional.configured import Running, Sections
from tests.functional.harness import DEADLINE, Launch

SOCKET = "control.sock"


class Controlled(Running):
    """``cotyledon run`` with a socket in its directory.

    :param control: more of the section [control].
    """

    def __init__(
        self,
        launch: Launch,
        configuration: Sections,
        control: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        configuration["control"] = {"socket": SOCKET, **(control or {})}
        super().__init__(launch, configuration, **options)

    @property
    def path(self) -> str:
        return os.path.join(self.application.directory, SOCKET)

    def client(self) -> Client:
        return Client(self.path, DEADLINE)

    def connect(self) -> Raw:
        return Raw(self.path)


class Raw:
    """A connection that says what it likes."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)
        self._received = b""

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, command: str, **arguments: Any) -> Any:
        """Ask for something; the answer's line."""
        request = {"version": 1, "id": 1, "command": command, "arguments": arguments}
        self.send(json.dumps(request).encode() + b"\n")
        return self.line()

    def finish(self) -> None:
        """Send nothing more, but read on."""
        self.socket.shutdown(socket.SHUT_WR)

    def line(self) -> Any:
        """The next line; None at the end of the connection."""
        while b"\n" not in self._received:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def is_closed(self) -> bool:
        """Wait for the end of the connection."""
        return self.line() is None

"""A name server that has every zone, as new as can be."""

from __future__ import annotations

import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

HEADER = struct.Struct("!HHHHHH")
RESPONSE = 0x8400
"""Of a header's flags: a response, and authoritative."""

OPERATION = 0x7800
SOA = struct.Struct("!HHHIHBBIIIII")
NAME_OF_QUESTION = 0xC00C


class NameServer:
    """Says yes to NOTIFY, and answers anything else with the zone's SOA, on loopback by UDP."""

    def __init__(self) -> None:
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            message, sender = self._socket.recvfrom(4096)
            if not message:
                return
            self._socket.sendto(_answer(message), sender)


def _answer(message: bytes) -> bytes:
    identity, flags, *_ = HEADER.unpack_from(message)
    # the name, its end, type and class
    question = message[HEADER.size : message.index(0, HEADER.size) + 5]
    flags |= RESPONSE
    if flags & OPERATION:
        return HEADER.pack(identity, flags, 1, 0, 0, 0) + question
    serial = int(time.time()) + 3600
    numbers = (serial, 60, 60, 60, 60)
    record = SOA.pack(NAME_OF_QUESTION, 6, 1, 0, 22, 0, 0, *numbers)
    return HEADER.pack(identity, flags, 1, 1, 0, 0) + question + record

"""The manager's end of the pipe that is a worker's standard error."""

from __future__ import annotations

import os

from cotyledon_core.process.descriptors import close_private

TAIL = 4096
"""Bytes that are kept of the end."""
READ_LIMIT = 65536
"""Bytes that are read at a time: as many as a pipe holds (pipe(7))."""


class CapturedStderr:
    """Reads what the worker writes.

    :param worker: the worker's name.
    :param reader: the reading end; must not block.
    """

    def __init__(self, worker: str, reader: int) -> None:
        self.worker = worker
        self._reader = reader
        self._tail = b""

    def fileno(self) -> int:
        return self._reader

    def read(self) -> bytes | None:
        """What there is; None if there is nothing yet, nothing at all after the end."""
        try:
            data = os.read(self._reader, READ_LIMIT)
        except BlockingIOError:
            return None
        self._tail = (self._tail + data)[-TAIL:]
        return data

    @property
    def tail(self) -> str:
        """The end of what was read."""
        return self._tail.decode(errors="replace")

    def close(self) -> None:
        close_private(self._reader)

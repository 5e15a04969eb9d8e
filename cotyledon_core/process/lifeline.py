"""The death pipe: workers hold the reading end and see its end when the manager dies.

Nothing is ever written to it. Only the manager holds the writing end; whatever
it forks closes it at once, so that no helper or grandchild keeps it open.
"""

from __future__ import annotations

import os
import socket

from cotyledon_core.process.descriptors import close_private, keep_private


class Lifeline:
    """Both ends.

    :param portable: use a socket pair, which travels to spawned processes on any platform.
    """

    def __init__(self, portable: bool = False) -> None:
        self.socket: socket.socket | None = None
        self._writer_socket: socket.socket | None = None
        if portable:
            self.socket, self._writer_socket = socket.socketpair()
            self.reader = self.socket.fileno()
        else:
            self.reader, self._writer = os.pipe()
            keep_private(self._writer)

    def cut(self) -> None:
        """Let go of both ends: workers that live see it as the manager's death."""
        if self.socket is not None and self._writer_socket is not None:
            self._writer_socket.close()
            self.socket.close()
        else:
            close_private(self._writer)
            os.close(self.reader)

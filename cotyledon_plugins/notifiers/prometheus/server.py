"""Answers to HTTP requests, on threads of their own.

What takes long, or never ends, is bounded: so many connections at a time, and so many
seconds for each step of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from cotyledon_plugins.notifiers.prometheus.address import Address

PATIENCE = 10.0
"""Seconds that a client may take to send or to read."""
MOST_CONNECTIONS = 32


class Answer(NamedTuple):
    """What a client is sent."""

    status: int
    content_type: str
    body: bytes


Answers = Mapping[str, Callable[[str], Answer]]
"""By path; each takes the request's ``Accept`` header."""


class Server(ThreadingHTTPServer):
    """Listens from the beginning.

    :param mode: of the socket's file, if it is one.
    :raises OSError: if the address cannot be had.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: Address, answers: Answers, mode: int) -> None:
        self.address_family = address.family
        self.answers = answers
        self._mode = mode
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        at: Any = (address.host, address.port)
        super().__init__(address.host if self._is_file else at, _Handler)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def _is_file(self) -> bool:
        return self.address_family == socket.AF_UNIX

    def server_bind(self) -> None:
        if not self._is_file:
            super().server_bind()
            return
        path = str(self.server_address)
        _remove_stale(path)
        before = os.umask(0o777 & ~self._mode)
        try:
            self.socket.bind(path)
        finally:
            os.umask(before)
        self.server_name, self.server_port = "localhost", 0

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away early is nobody's fault."""

    def stop(self) -> None:
        """Listen no more; answers that are under way are not waited for."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        if self._is_file:
            with contextlib.suppress(OSError):
                os.unlink(str(self.server_address))


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE
    server: Server

    def do_GET(self) -> None:
        answer = self._answer()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET  # noqa: N815  # the name is the base class's

    def _answer(self) -> Answer:
        make = self.server.answers.get(self.path.partition("?")[0])
        if make is None:
            paths = ", ".join(sorted(self.server.answers))
            return text_answer(HTTPStatus.NOT_FOUND, f"there are {paths}")
        return make(self.headers.get("Accept", ""))

    def address_string(self) -> str:
        return str(self.client_address)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: there is one every few seconds."""


def text_answer(status: int, text: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{text}\n".encode())


def json_answer(status: int, content_type: str, values: Any) -> Answer:
    return Answer(status, content_type, json.dumps(values).encode())


def _remove_stale(path: str) -> None:
    """Remove the file of a socket that nobody listens at.

    :raises OSError: if somebody does.
    """
    if not os.path.exists(path):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise OSError(f"somebody listens at {path}")

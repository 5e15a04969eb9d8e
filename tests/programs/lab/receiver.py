"""An HTTP server in this process: what a program sends to the outside, and what it asks there."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Receiver:
    """Notes what is posted; answers what is asked.

    :ivar posted: the bodies by path, in order.
    :ivar answers: what GET gives, by path without query.
    """

    def __init__(self) -> None:
        self.posted: dict[str, list[Any]] = {}
        self.answers: dict[str, Any] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """Where it listens, on the loopback interface."""
        return self._server.server_port

    def url(self, path: str) -> str:
        """The address of something here."""
        return f"http://127.0.0.1:{self.port}{path}"


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """Note the body."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.posted.setdefault(self.path, []).append(json.loads(body))
            self._answer(200, {})

        def do_GET(self) -> None:
            """Give what was laid out."""
            path = self.path.partition("?")[0]
            known = path in receiver.answers
            self._answer(200 if known else 404, receiver.answers.get(path))

        def _answer(self, status: int, value: Any) -> None:
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments: Any) -> None:
            """Requests are no news."""

    return Handler

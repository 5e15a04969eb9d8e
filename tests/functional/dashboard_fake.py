"""A server that the dashboard's page takes for its own, with as many workers as a test likes."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.functional.harness import DEADLINE

STATIC = Path(__file__).parents[2] / "cotyledon_plugins/services/dashboard/static"
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'"
)


ENTRY = {
    "number": 1,
    "event": "worker_ready",
    "wall_time": 1_780_000_000.0,
    "service": "web",
    "worker_id": 0,
    "pid": 10_000,
    "text": "",
    "data": {},
}


def worker(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "worker": number,
        "goal": "up",
        "state": "running",
        "ready": True,
        "pid": 10_000 + number,
        "pids": [10_000 + number],
        "uptime": 4000.0,
        "restarts": 0,
        "restart_in": None,
        "status_text": "",
        "last_exit": None,
        "cpu": 1.5,
        "memory": 30 * 1024**2,
        **fields,
    }


def service(name: str, workers: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    ready = sum(each["ready"] for each in workers)
    return {
        "name": name,
        "wanted": len(workers),
        "ready": ready,
        "state": "running" if ready == len(workers) else "degraded",
        "given_up": "",
        "restarts": 0,
        "as_wanted": ready == len(workers),
        "cpu": sum(each["cpu"] for each in workers),
        "memory": sum(each["memory"] for each in workers),
        "workers": workers,
        **fields,
    }


def snapshot(*services: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {
        "at": now,
        "as_wanted": all(each["as_wanted"] for each in services),
        "may_act": True,
        "manager": {
            "name": "fake",
            "pid": 9_999,
            "stage": "ready",
            "stop_reason": "",
            "uptime": 100.0,
            "reloading": False,
            "last_reload": None,
            "cpu": 0.5,
            "memory": 25 * 1024**2,
        },
        "services": list(services),
    }


class FakeDashboard:
    """Serves the page; what is given to :meth:`send` goes to all that have it open."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = snapshot()
        self.asked: Counter[str] = Counter()
        """How often, by path."""
        self.full = False
        """Whether no other page can have a stream."""
        self._held: dict[str, threading.Event] = {}
        self._streams: list[queue.Queue[str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def send(self, kind: str, data: Any) -> None:
        for stream in self._streams:
            stream.put(_message(kind, data))

    def hang_up(self) -> None:
        """End the streams that there are."""
        for stream in self._streams:
            stream.put(None)

    @contextlib.contextmanager
    def hold(self, path: str) -> Iterator[None]:
        """Answer requests of this path no sooner than afterwards."""
        self._held[path] = threading.Event()
        try:
            yield
        finally:
            self._held.pop(path).set()

    def close(self) -> None:
        self.hang_up()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str) -> Any:
        self.asked[path] += 1
        if path in self._held:
            self._held[path].wait(DEADLINE)
        return {
            "/api/session": {
                "token": False,
                "signed_in": False,
                "may_act": True,
                "full": self.full,
            },
            "/api/history": {"interval": 1.0, "manager": [], "services": {}},
            "/api/events": {"entries": []},
        }[path]

    def messages(self) -> Iterator[str]:
        """What a page is sent, without end until the server hangs up."""
        self.asked["/api/stream"] += 1
        mine: queue.Queue[str | None] = queue.Queue()
        self._streams.append(mine)
        yield _message("status", self.status)
        while (message := mine.get()) is not None:
            yield message


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, fake: FakeDashboard, *arguments: Any) -> None:
        self._fake = fake
        super().__init__(*arguments)

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/api/stream" and self._fake.full:
            self.send_error(503)
        elif path == "/api/stream":
            self._stream()
        elif path.startswith("/api/"):
            with contextlib.suppress(OSError):  # the page has gone
                self._give("application/json", json.dumps(self._fake.answer(path)).encode())
        else:
            file = STATIC / (path.removeprefix("/static/").lstrip("/") or "index.html")
            self._give(TYPES[file.suffix], file.read_bytes())

    def _head(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()

    def _give(self, kind: str, body: bytes) -> None:
        self._head(kind)
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._fake.asked[self.path] += 1
        self._give("application/json", b"{}")

    def _stream(self) -> None:
        self._head("text/event-stream")
        try:
            for message in self._fake.messages():
                self.wfile.write(message.encode())
        except OSError:  # the page has gone
            pass


def _message(kind: str, data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"

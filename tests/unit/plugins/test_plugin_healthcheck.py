"""The backend of oslo.middleware's health check, asked by the middleware itself."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import webob
from oslo_middleware import Healthcheck

from cotyledon_plugins.healthchecks import manager

FINE = {"status": "pass", "output": ""}
FAILING = {"status": "fail", "output": "web: 0/2 workers ready"}


class Asked(BaseHTTPRequestHandler):
    """Answers as its server says."""

    def do_GET(self) -> None:
        status, body = self.server.answer  # type: ignore[attr-defined]
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "somebody"

    def log_message(self, *args: object) -> None:
        pass


class UnixServer(socketserver.UnixStreamServer):
    pass


def serve(server: Any, answer: tuple[int, bytes]) -> Iterator[Any]:
    server.answer, server.asked = answer, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def listening() -> Iterator[Any]:
    yield from serve(HTTPServer(("127.0.0.1", 0), Asked), (200, json.dumps(FINE).encode()))


@pytest.fixture
def listening_unix(tmp_path: Path) -> Iterator[Any]:
    path = str(tmp_path / "s")
    yield from serve(UnixServer(path, Asked), (503, json.dumps(FAILING).encode()))


def check(address: str, timeout: str = "30") -> tuple[int, str]:
    """The middleware's answer to a request."""
    app = Healthcheck.app_factory(
        {},
        backends="cotyledon",
        cotyledon_address=address,
        cotyledon_timeout=timeout,
        detailed="true",
        oslo_config_project="none",
    )
    request = webob.Request.blank("/healthcheck", accept="application/json")
    response = request.get_response(app)
    (reason,) = response.json["reasons"]
    return response.status_code, f"{reason['reason']}: {reason['details']}"


def address_of(server: Any) -> str:
    return f"127.0.0.1:{server.server_port}"


def test_it_reports_what_the_manager_says(listening: Any) -> None:
    assert check(address_of(listening)) == (200, "OK: pass")
    assert listening.asked == ["/healthz"]
    listening.answer = (503, json.dumps(FAILING).encode())
    assert check(address_of(listening)) == (
        503,
        "COTYLEDON FAILING: fail web: 0/2 workers ready",
    )


def test_by_a_unix_socket(listening_unix: Any) -> None:
    status, told = check(f"unix:{listening_unix.server_address}")
    assert (status, told) == (503, "COTYLEDON FAILING: fail web: 0/2 workers ready")


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"status": "pass"}', b"x" * 2**21])
def test_an_answer_that_is_none_is_a_failure(listening: Any, body: bytes) -> None:
    listening.answer = (200, body)
    status, told = check(address_of(listening))
    assert (status, told.partition(":")[0]) == (503, "COTYLEDON UNREACHABLE")


def test_who_does_not_answer_in_time_is_not_available() -> None:
    server = socketserver.TCPServer(("127.0.0.1", 0), Asked)
    with server:
        # it listens, and nobody accepts
        status, told = check(f"127.0.0.1:{server.server_address[1]}", timeout="0.1")
    assert (status, told.partition(":")[0]) == (503, "COTYLEDON UNREACHABLE")


@pytest.mark.parametrize("address", ["unix:/nowhere/s", "nonsense", "127.0.0.1:1", ":9102"])
def test_who_cannot_be_reached_is_not_available(address: str) -> None:
    status, told = check(address)
    assert (status, told.partition(":")[0]) == (503, "COTYLEDON UNREACHABLE")
    assert address in told


def test_the_options_have_help() -> None:
    assert all(option.help for option in manager.options())

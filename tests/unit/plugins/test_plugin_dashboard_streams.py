"""Browsers that do not read, or ask, or stop; with a fake manager."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from cotyledon_plugins.services.dashboard import application as application_module
from cotyledon_plugins.services.dashboard import connections as connections_module
from cotyledon_plugins.services.dashboard.access import Hosts
from cotyledon_plugins.services.dashboard.application import Dashboard
from cotyledon_plugins.services.dashboard.connections import serving
from cotyledon_plugins.services.dashboard.feed import Feed

from dashboard_samples import DEADLINE, FakeManager, service, status, worker  # isort: skip

REQUEST = b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BUFFER = 4096


class Served:
    """A dashboard, in this process."""

    def __init__(self, feed: Feed, server: web.Server, port: int) -> None:
        self.feed = feed
        self.port = port
        self._server = server

    @property
    def connections(self) -> int:
        return len(self._server.connections)

    @contextlib.contextmanager
    def deaf_browser(self, request: bytes = REQUEST) -> Iterator[None]:
        """One that has asked, for the stream unless said, and does not read."""
        with socket.socket() as browser:
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            browser.connect(("127.0.0.1", self.port))
            browser.sendall(request)
            yield

    async def until(self, found: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not found():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def stream_of(port: int) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(REQUEST)
        async with asyncio.timeout(DEADLINE):
            yield reader
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def served(services: int = 2000) -> AsyncIterator[Served]:
    """
    :param services: how many there are to tell of; so many are too much for any buffer.
    """
    manager = FakeManager()
    manager.status = status(*(service(f"service-{n}", worker(n)) for n in range(services)))
    feed = Feed(manager.connect, 0.05, 1, has_token=False)
    dashboard = Dashboard(feed, manager.connect, Hosts([], []), None, 0)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    async with serving(dashboard.application(), [listening]) as server:
        looking = asyncio.create_task(feed.run())
        try:
            yield Served(feed, server, port)
        finally:
            looking.cancel()
            await asyncio.wait([looking])


def test_a_browser_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "STREAM_PATIENCE", 0.3)

    async def main() -> None:
        async with served() as made:
            with made.deaf_browser():
                await made.until(lambda: made.feed.subscribers == 1)
                await made.until(lambda: made.feed.subscribers == 0)
                await made.until(lambda: made.connections == 0)

    asyncio.run(main())


def test_others_do_not_wait_for_it() -> None:
    async def main() -> None:
        async with served() as made:
            with made.deaf_browser():
                await made.until(lambda: made.feed.subscribers == 1)
                async with stream_of(made.port) as reader:
                    seen = 0
                    while seen < 5:
                        seen += (await reader.read(100_000)).count(b"event: status")
                assert made.feed.subscribers == 2

    asyncio.run(main())


def test_an_end_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "STREAM_PATIENCE", 1000.0)
    monkeypatch.setattr(connections_module, "END_PATIENCE", 1000.0)

    async def main() -> None:
        async with asyncio.timeout(DEADLINE), served() as made:
            with made.deaf_browser():
                await made.until(lambda: made.feed.subscribers == 1)
                # it is in the midst of sending
                await asyncio.sleep(0.1)

    asyncio.run(main())


def test_a_stream_ends_after_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "STREAM_SECONDS", 0.2)

    async def main() -> None:
        async with served() as made, stream_of(made.port) as reader:
            with contextlib.suppress(ConnectionError):
                while await reader.read(100_000):
                    pass
            await made.until(lambda: made.connections == 0)

    asyncio.run(main())


def test_a_quiet_stream_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_module, "KEEP_ALIVE", 0.05)

    async def main() -> None:
        feed = Feed(FakeManager().connect, 3600.0, 1, has_token=False)
        dashboard = Dashboard(feed, FakeManager().connect, Hosts([], []), None, 0)
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        async with serving(dashboard.application(), [listening]), stream_of(port) as reader:
            await reader.readuntil(b": still here\n\n")
            await reader.readuntil(b": still here\n\n")

    asyncio.run(main())


# -- who asks for nothing


HEAD = b"GET /api/session HTTP/1.1\r\nHost: localhost\r\n"
BODY = b"POST /api/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY += b"Content-Length: 100\r\n\r\n"


async def until_closed(port: int, *sent: bytes) -> bytes:
    """What comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(DEADLINE):
                for each in sent:
                    writer.write(each)
                    await writer.drain()
                while more := await reader.read(100_000):
                    received += more
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET",
        HEAD,
        BODY,
        BODY + b'{"token": ',
        HEAD + b"\r\n",
        HEAD + b"\r\n" + HEAD,
        HEAD + b"\r\n" + BODY,
    ],
)
def test_who_asks_for_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connections_module, "PATIENCE", 0.3)

    async def main() -> None:
        async with served(1) as made:
            answers = await until_closed(made.port, sent)
            assert answers.count(b"signed_in") == sent.count(HEAD + b"\r\n")
            await made.until(lambda: made.connections == 0)

    asyncio.run(main())


def test_who_does_not_take_the_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "PATIENCE", 0.3)

    async def main() -> None:
        async with served() as made:
            with made.deaf_browser(REQUEST.replace(b"/stream", b"/status")):
                await made.until(lambda: made.connections == 1)
                await made.until(lambda: made.connections == 0)

    asyncio.run(main())


def test_a_stream_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "PATIENCE", 0.1)

    async def main() -> None:
        async with served(1) as made, stream_of(made.port) as reader:
            for _ in range(10):
                await reader.readuntil(b"event: status")

    asyncio.run(main())


def test_who_sends_without_end_is_cut_off() -> None:
    async def main() -> None:
        async with served(1) as made:
            more = b"x: " + b"y" * 1000 + b"\r\n"
            await until_closed(made.port, HEAD, *[more] * 10_000)
            await made.until(lambda: made.connections == 0)

    asyncio.run(main())


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "MOST", 3)

    async def main() -> None:
        async with served(1) as made, stream_of(made.port) as first, stream_of(made.port):
            await made.until(lambda: made.feed.subscribers == 2)
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            await made.until(lambda: made.connections == 3)
            assert await until_closed(made.port, HEAD + b"\r\n") == b""
            # who is there is answered
            await first.readuntil(b"event: status")
            writer.write(HEAD + b"\r\n")
            async with asyncio.timeout(DEADLINE):
                await reader.readuntil(b"signed_in")
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())

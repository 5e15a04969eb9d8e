"""Browsers that do not read what the dashboard sends them; with a fake manager."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from cotyledon_plugins.services.dashboard import application as application_module
from cotyledon_plugins.services.dashboard.access import Hosts
from cotyledon_plugins.services.dashboard.application import Dashboard
from cotyledon_plugins.services.dashboard.feed import Feed

from dashboard_samples import DEADLINE, FakeManager, service, status, worker  # isort: skip

REQUEST = b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BUFFER = 4096


class Served:
    """A dashboard, in this process."""

    def __init__(self, feed: Feed, runner: web.AppRunner, port: int) -> None:
        self.feed = feed
        self.runner = runner
        self.port = port

    @property
    def connections(self) -> int:
        assert self.runner.server is not None
        return len(self.runner.server.connections)

    @contextlib.contextmanager
    def deaf_browser(self) -> Iterator[None]:
        """One that has asked for the stream, and does not read."""
        with socket.socket() as browser:
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            browser.connect(("127.0.0.1", self.port))
            browser.sendall(REQUEST)
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
async def served() -> AsyncIterator[Served]:
    manager = FakeManager()
    # too much for any buffer
    manager.status = status(*(service(f"service-{n}", worker(n)) for n in range(2000)))
    feed = Feed(manager.connect, 0.05, 1, has_token=False)
    dashboard = Dashboard(feed, manager.connect, Hosts([], []), None, 0)
    runner = web.AppRunner(dashboard.application(), shutdown_timeout=1000)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    await web.SockSite(runner, listening).start()
    looking = asyncio.create_task(feed.run())
    try:
        yield Served(feed, runner, listening.getsockname()[1])
    finally:
        looking.cancel()
        await asyncio.wait([looking])
        await runner.cleanup()


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

    async def main() -> None:
        async with served() as made:
            with made.deaf_browser():
                await made.until(lambda: made.feed.subscribers == 1)
                # it is in the midst of sending
                await asyncio.sleep(0.1)
                async with asyncio.timeout(DEADLINE):
                    await made.runner.cleanup()
                assert made.feed.subscribers == 0

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
        runner = web.AppRunner(dashboard.application())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with stream_of(port) as reader:
            await reader.readuntil(b": still here\n\n")
            await reader.readuntil(b": still here\n\n")
        await runner.cleanup()

    asyncio.run(main())

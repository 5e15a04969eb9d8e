"""What connections may cost, whoever makes them: time, bytes, and how many there may be."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from socket import socket
from typing import Any

from aiohttp import web

MOST = 256
PATIENCE = 30.0
"""Seconds from one request to the next, in which the answer has to be taken, too."""
MOST_BYTES = 128 * 1024
"""That may come with a request and before the next; versions of aiohttp have no such bound."""
LINGER = 1.0
"""Seconds in which the rest of a request is taken that is answered already."""
END_PATIENCE = 0.5
"""Seconds that answers have which are under way at the end."""


class Connection(web.RequestHandler):
    """One that is closed if nobody asks for anything by it, or sends too much."""

    def __init__(self, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.has_asked()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.stay()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MOST_BYTES:
            self._cut()
        else:
            super().data_received(data)

    def has_asked(self) -> None:
        """A request has come: time and bytes count anew."""
        self.stay()
        self._received = 0
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._cut)

    def stay(self) -> None:
        """Let it take its time."""
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self) -> None:
        transport = self.transport
        self.force_close()
        if transport is not None:
            # what is not read is not waited for
            transport.abort()


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


@contextlib.asynccontextmanager
async def serving(
    application: web.Application, listening: Iterable[socket]
) -> AsyncIterator[web.Server]:
    """Answer at these sockets; the end waits for no browser."""
    runner = web.AppRunner(application, shutdown_timeout=END_PATIENCE)
    await runner.setup()
    server, loop = runner.server, asyncio.get_running_loop()
    assert server is not None

    def accepted() -> asyncio.Protocol:
        if len(server.connections) >= MOST:
            return _Refused()
        return Connection(
            server,
            loop=loop,
            logger=_silent(),
            access_log=None,
            auto_decompress=False,
            lingering_time=LINGER,
        )

    accepting: list[asyncio.Server] = []
    try:
        for each in listening:
            accepting.append(await loop.create_server(accepted, sock=each))
        yield server
    finally:
        for made in accepting:
            made.close()
        await runner.cleanup()


def _silent() -> logging.Logger:
    """What aiohttp logs of a broken request has its text, and that may be a token."""
    logger = logging.getLogger(f"{__name__}.aiohttp")
    logger.disabled = True
    return logger

"""The client of the control socket for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self

from cotyledon_core.control import calls
from cotyledon_core.control.calls import Answer, Call, Exchange, Line
from cotyledon_core.control.errors import NoManager
from cotyledon_core.control.results import (
    Entry,
    Health,
    Hello,
    LogLevel,
    Preview,
    Progress,
    Status,
    WorkerLogLevel,
)

TIMEOUT = 10.0
"""Seconds."""
READ_SIZE = 64 * 1024

OnProgress = Callable[[Progress], None]


class AsyncClient:
    """Asks a running manager, as :class:`.Client` does; for one task at a time.

    :param path: of the control socket.
    :param timeout: seconds that a method may take, unless it says otherwise.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float = TIMEOUT) -> None:
        self.path = os.fspath(path)
        self.timeout = timeout
        self._socket: socket.socket | None = None
        self._exchange = Exchange()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; the next method makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._exchange = Exchange()

    # -- what can be asked for; see Client

    async def hello(self) -> Hello:
        return await self.call(calls.hello())

    async def status(
        self, service: str | None = None, worker: int | None = None, *, resources: bool = False
    ) -> Status:
        return await self.call(calls.status(service, worker, resources))

    async def health(self, service: str | None = None, quorum: str | None = None) -> Health:
        return await self.call(calls.health(service, quorum))

    async def preview(self) -> Preview:
        return await self.call(calls.preview())

    async def dump(self, service: str | None = None, worker: int | None = None) -> str:
        return await self.call(calls.dump(service, worker))

    async def log_level(self, logger: str | None = None, level: str | None = None) -> LogLevel:
        return await self.call(calls.log_level(logger, level))

    async def worker_log_levels(
        self,
        service: str | None = None,
        worker: int | None = None,
        *,
        logger: str | None = None,
        level: str | None = None,
    ) -> tuple[WorkerLogLevel, ...]:
        return await self.call(calls.worker_log_levels(service, worker, logger, level))

    async def scale(
        self,
        service: str,
        workers: int,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        await self._order(calls.scale(service, workers, wait, timeout), wait, timeout, progress)

    async def stop(
        self,
        service: str,
        worker: int | None = None,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        call = calls.of_service("stop", service, worker, wait, timeout)
        await self._order(call, wait, timeout, progress)

    async def start(
        self,
        service: str,
        worker: int | None = None,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        call = calls.of_service("start", service, worker, wait, timeout)
        await self._order(call, wait, timeout, progress)

    async def restart(
        self,
        service: str,
        worker: int | None = None,
        *,
        rolling: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        call = calls.of_service("restart", service, worker, wait, timeout, rolling=rolling)
        await self._order(call, wait, timeout, progress)

    async def reload(
        self,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        await self._order(calls.reload(wait, timeout), wait, timeout, progress)

    async def wait(
        self,
        service: str | None = None,
        worker: int | None = None,
        *,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        await self._order(calls.wait(service, worker, timeout), True, timeout, progress)

    async def shutdown(
        self, *, now: bool = False, wait: bool = False, timeout: float | None = None
    ) -> None:
        if wait:
            # from now on a lost connection is the manager's end
            await self.hello()
        try:
            await self._order(calls.shutdown(now, wait, timeout), wait, timeout, None)
        except NoManager:
            if not wait:
                raise

    async def events(
        self,
        *,
        after: int | None = None,
        since: float | None = None,
        service: str | None = None,
        follow: bool = False,
    ) -> AsyncIterator[Entry]:
        call = calls.events(after, since, service, follow)
        # by a connection of its own: whoever leaves the loop may go on with this one
        async with (
            type(self)(self.path) as reader,
            contextlib.aclosing(reader._lines(call)) as lines,
        ):
            async for line in lines:
                if not line.is_last:
                    yield Entry.of(line.value or {})

    async def _order(
        self, call: Call[None], wait: bool, timeout: float | None, progress: OnProgress | None
    ) -> None:
        def told(value: Any) -> None:
            if progress is not None:
                progress(Progress.of(value))

        patience: float | None = self.timeout
        if wait:
            # the manager's own answer comes first
            patience = None if timeout is None else timeout + self.timeout
        async with asyncio.timeout(patience):
            await self._answer(call, told)

    # -- the exchange

    async def call(self, call: Call[Answer]) -> Answer:
        """Ask for something, and wait for the answer."""
        async with asyncio.timeout(self.timeout):
            return await self._answer(call, lambda value: None)

    async def _answer(self, call: Call[Answer], told: Callable[[Any], None]) -> Answer:
        async with contextlib.aclosing(self._lines(call)) as lines:
            async for line in lines:
                if line.is_last:
                    return call.parse(line.value)
                told(line.value)
        raise NoManager(f"{self.path}: the manager has ended the connection")

    async def _lines(self, call: Call[Any]) -> AsyncGenerator[Line, None]:
        whole = False
        loop = asyncio.get_running_loop()
        try:
            connected = await self._connect()
            request_id, request = self._exchange.ask(call.command, call.arguments)
            # it may have been refused already; a stream would forget what was said then
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await loop.sock_sendall(connected, request)
            while not whole:
                line = self._exchange.next(request_id)
                if line is None:
                    self._exchange.feed(await loop.sock_recv(connected, READ_SIZE))
                else:
                    whole = line.is_last
                    yield line
        except OSError as error:
            raise NoManager.because(self.path, error) from error
        finally:
            if not whole:
                # what else comes would be taken for another's answer
                await self.close()

    async def _connect(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            await asyncio.get_running_loop().sock_connect(self._socket, self.path)
        return self._socket

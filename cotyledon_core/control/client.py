"""A client of the control socket that blocks, for a bounded time."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
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
ENDLESS = float("inf")
LONGEST_WAIT = 2e6
"""Seconds; a socket does not take any number."""
READ_SIZE = 64 * 1024

Told = Callable[[Any], None]
OnProgress = Callable[[Progress], None]


class Client:
    """Asks a running manager; a context manager, for one thread at a time.

    It connects when it is first asked for something, and again after an error.
    All methods raise :class:`.ControlError` if the manager does not do what it is
    asked for, :class:`.NoManager` if there is none, and ``TimeoutError`` if it does
    not answer in time.

    :param path: of the control socket.
    :param timeout: seconds that a method may take, unless it says otherwise.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float = TIMEOUT) -> None:
        self.path = os.fspath(path)
        self.timeout = timeout
        self._socket: socket.socket | None = None
        self._exchange = Exchange()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the next method makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._exchange = Exchange()

    # -- what can be asked for

    def hello(self) -> Hello:
        """Who is there, and what this client may do."""
        return self.call(calls.hello())

    def status(
        self, service: str | None = None, worker: int | None = None, *, resources: bool = False
    ) -> Status:
        """What is wanted, and what is.

        :param service: the only one to tell of.
        :param worker: the only one of its workers.
        :param resources: whether to tell what the manager and the workers use, too.
        """
        return self.call(calls.status(service, worker, resources))

    def health(self, service: str | None = None, quorum: str | None = None) -> Health:
        """Whether the services do what they are for.

        :param quorum: how many wanted workers each needs, such as ``3`` or ``50%``.
        """
        return self.call(calls.health(service, quorum))

    # Each of these has "wait", whether to return only when it has been done, raising
    # ControlError (code "failed") if it cannot be; "timeout", the seconds for that, None for
    # no end; and "progress", which is told how far the services are meanwhile.

    def scale(
        self,
        service: str,
        workers: int,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        """Change a service's number of workers."""
        self._order(calls.scale(service, workers, wait, timeout), wait, timeout, progress)

    def stop(
        self,
        service: str,
        worker: int | None = None,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        """Stop a service, or one worker of it, until :meth:`start`."""
        call = calls.of_service("stop", service, worker, wait, timeout)
        self._order(call, wait, timeout, progress)

    def start(
        self,
        service: str,
        worker: int | None = None,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        """Start what was stopped, given up or left ended."""
        call = calls.of_service("start", service, worker, wait, timeout)
        self._order(call, wait, timeout, progress)

    def restart(
        self,
        service: str,
        worker: int | None = None,
        *,
        rolling: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        """Give a service, or one worker of it, new processes.

        :param rolling: a few at a time, as a reload does.
        """
        call = calls.of_service("restart", service, worker, wait, timeout, rolling=rolling)
        self._order(call, wait, timeout, progress)

    def reload(
        self,
        *,
        wait: bool = False,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        """Have the configuration read again, as SIGHUP does."""
        self._order(calls.reload(wait, timeout), wait, timeout, progress)

    def preview(self) -> Preview:
        """What a reload would change."""
        return self.call(calls.preview())

    def wait(
        self,
        service: str | None = None,
        worker: int | None = None,
        *,
        timeout: float | None = None,
        progress: OnProgress | None = None,
    ) -> None:
        """Until a service, one worker of it, or all services are ready."""
        self._order(calls.wait(service, worker, timeout), True, timeout, progress)

    def shutdown(
        self, *, now: bool = False, wait: bool = False, timeout: float | None = None
    ) -> None:
        """Have the manager stop, as SIGTERM does.

        :param now: at once, as SIGINT does.
        :param wait: whether to return only when it has ended.
        """
        if wait:
            # from now on a lost connection is the manager's end
            self.hello()
        try:
            self._order(calls.shutdown(now, wait, timeout), wait, timeout, None)
        except NoManager:
            if not wait:
                raise

    def events(
        self,
        *,
        after: int | None = None,
        since: float | None = None,
        service: str | None = None,
        follow: bool = False,
    ) -> Iterator[Entry]:
        """The last events and decisions, from the flight recorder.

        :param after: only those with a greater number.
        :param since: only those that are not older, in seconds since the epoch.
        :param follow: whether to go on with those that come, without end.
        """
        call = calls.events(after, since, service, follow)
        # by a connection of its own: whoever leaves the loop may go on with this one
        with type(self)(self.path, self.timeout) as reader:
            for line in reader._lines(call, ENDLESS if follow else None):
                if not line.is_last:
                    yield Entry.of(line.value or {})

    def dump(self, service: str | None = None, worker: int | None = None) -> str:
        """The Python stacks of a worker that runs; the manager's without a service."""
        return self.call(calls.dump(service, worker))

    def log_level(self, logger: str | None = None, level: str | None = None) -> LogLevel:
        """The level of a logger in the manager.

        :param logger: the root logger unless given.
        :param level: what to set it to; ``RESET`` is what the application has set.
        """
        return self.call(calls.log_level(logger, level))

    def worker_log_levels(
        self,
        service: str | None = None,
        worker: int | None = None,
        *,
        logger: str | None = None,
        level: str | None = None,
    ) -> tuple[WorkerLogLevel, ...]:
        """The level of a logger in the workers that run.

        :param service: the only one whose workers are meant.
        :param worker: the only one of these.
        :param logger: the root logger unless given.
        :param level: what to set it to, also in processes that these workers get later;
            ``RESET`` is what the application has set.
        """
        return self.call(calls.worker_log_levels(service, worker, logger, level))

    def _order(
        self, call: Call[None], wait: bool, timeout: float | None, progress: OnProgress | None
    ) -> None:
        def told(value: Any) -> None:
            if progress is not None:
                progress(Progress.of(value))

        patience: float | None = None
        if wait:
            # the manager's own answer comes first
            patience = ENDLESS if timeout is None else timeout + self.timeout
        self.call(call, told, patience)

    # -- the exchange

    def call(
        self, call: Call[Answer], told: Told | None = None, timeout: float | None = None
    ) -> Answer:
        """Ask for something, and wait for the answer.

        :param told: gets what comes before that.
        :param timeout: seconds; the client's unless given.
        """
        for line in self._lines(call, timeout):
            if line.is_last:
                return call.parse(line.value)
            if told is not None:
                told(line.value)
        raise NoManager(f"{self.path}: the manager has ended the connection")

    def _lines(self, call: Call[Any], timeout: float | None) -> Iterator[Line]:
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        whole = False
        try:
            connected = self._connected(until)
            request_id, request = self._exchange.ask(call.command, call.arguments)
            # it may have been refused already
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connected.settimeout(_left(until))
                connected.sendall(request)
            while not whole:
                line = self._exchange.next(request_id)
                if line is None:
                    connected.settimeout(_left(until))
                    self._exchange.feed(connected.recv(READ_SIZE))
                else:
                    whole = line.is_last
                    yield line
        except TimeoutError:
            raise TimeoutError(f"{self.path}: no answer in time") from None
        except OSError as error:
            raise NoManager.because(self.path, error) from error
        finally:
            if not whole:
                # what else comes would be taken for another's answer
                self.close()

    def _connected(self, until: float) -> socket.socket:
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                made.settimeout(_left(until))
                made.connect(self.path)
            except BaseException:
                made.close()
                raise
            self._socket = made
        return self._socket


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, LONGEST_WAIT)

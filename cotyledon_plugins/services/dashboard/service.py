"""The service itself: its options, and where it listens."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import logging
import os
import socket as sockets
import stat
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cotyledon_core import AsyncService, WorkerId
from cotyledon_core.control import SOCKET_VARIABLE
from cotyledon_plugins.services.dashboard.access import (
    SHORTEST_TOKEN,
    Authority,
    Hosts,
    Token,
    parse_address,
)

if TYPE_CHECKING:
    from cotyledon_core.control import AsyncClient

LOG = logging.getLogger(__name__)

ADDRESS = "127.0.0.1:9180"
SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.1, 3600.0
"""Seconds."""
LONGEST_HISTORY = 100_000
RETRY_AFTER = 1.0
"""Seconds until an address that could not be had is tried again."""
PATIENCE = 5.0
"""Seconds in which the manager has to answer."""


class DashboardService(AsyncService):
    """Serves the dashboard's page, and what it asks for.

    :param address: where, unless the service is given listening sockets.
    :param token: what has to be known to do something.
    :param token_file: the file with the token, in its first line.
    :param socket: the manager's control socket; the one of its own manager unless given.
    :param interval: seconds between two looks at the manager.
    :param hosts: further names that the page is reached by.
    :param history: how many looks are kept.
    :param workers: how many workers the service has.
    :raises ValueError: with a line for each wrong option, its name first.
    """

    name = "dashboard"
    wants_workers = True

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt(
                "address",
                default=ADDRESS,
                help="Where the page is served: an IP address and a port, such as 127.0.0.1:9180 "
                "or [::1]:9180. One that other machines reach takes a token. It does not count if "
                "the service has sockets.",
            ),
            cfg.StrOpt(
                "token",
                secret=True,
                help=f"What has to be known to sign in, of {SHORTEST_TOKEN} characters or more. "
                "Without one everybody who reaches the page may look, and nobody do anything.",
            ),
            cfg.StrOpt("token_file", help="The file that has the token in its first line."),
            cfg.StrOpt(
                "socket",
                help="The control socket of the manager to show; that of the manager which runs "
                "the dashboard unless given.",
            ),
            cfg.FloatOpt(
                "interval",
                default=1.0,
                min=SHORTEST_INTERVAL,
                max=LONGEST_INTERVAL,
                help="Seconds between two looks at the manager.",
            ),
            cfg.ListOpt(
                "hosts",
                default=[],
                help="Further host names that the page is reached by, such as a reverse proxy's, "
                "each with a port or without.",
            ),
            cfg.IntOpt(
                "history",
                default=300,
                min=1,
                max=LONGEST_HISTORY,
                help="How many looks at the manager are kept, for the page's curves.",
            ),
        ]

    @classmethod
    def check_options(
        cls,
        address: str = ADDRESS,
        token: str | None = None,
        token_file: str | None = None,
        socket: str | None = None,
        interval: float = 1.0,
        hosts: Sequence[str] = (),
        history: int = 300,
    ) -> None:
        """
        :raises ValueError: with a line for each wrong option, its name first, or if aiohttp is
            missing.
        """
        faults = []
        if find_spec("aiohttp") is None:
            faults.append(
                "the dashboard needs aiohttp: install cotyledon-core[dashboard], or aiohttp"
            )
        faults += _faults("address", parse_address, address)
        faults += _faults("token", _check_token, token)
        faults += _faults("token_file", _read_token, token_file)
        for host in hosts:
            faults += _faults("hosts", Authority.parse, host)
        if token and token_file:
            faults.append("token_file: there is a token, too; remove one of them")
        if not SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
            faults.append(
                f"interval: {interval!r} must be from {SHORTEST_INTERVAL} to {LONGEST_INTERVAL:g}"
            )
        if not 1 <= history <= LONGEST_HISTORY:
            faults.append(f"history: {history!r} must be from 1 to {LONGEST_HISTORY}")
        if not faults and not (token or token_file):
            faults += _faults("address", _check_loopback, parse_address(address))
        if faults:
            raise ValueError("\n".join(faults))

    def __init__(
        self,
        worker_id: WorkerId,
        address: str = ADDRESS,
        token: str | None = None,
        token_file: str | None = None,
        socket: str | None = None,
        interval: float = 1.0,
        hosts: Sequence[str] = (),
        history: int = 300,
        workers: int = 1,
    ) -> None:
        super().__init__(worker_id)
        self.check_options(address, token, token_file, socket, interval, hosts, history)
        self._address = parse_address(address)
        self._token = _read_token(token_file) if token_file else token
        if token_file:
            _warn_of_readers(token_file)
        self._socket = socket or os.environ.get(SOCKET_VARIABLE)
        self._interval = interval
        self._names = hosts
        self._history = history
        self._share_port = workers > 1
        self._given = [each for name in self.sockets for each in self.sockets.all(name)]
        if not self._token:
            faults = [
                _faults("sockets", _check_loopback, _address_of(each)) for each in self._given
            ]
            if any(faults):
                raise ValueError("\n".join(itertools.chain(*faults)))
        self._ending = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        try:
            await self._serve()
        finally:
            self._ended.set()

    async def terminate(self) -> None:
        self._ending.set()
        await self._ended.wait()

    async def _serve(self) -> None:
        """Answer until the worker ends; that waits for no browser."""
        from cotyledon_plugins.services.dashboard.application import Dashboard
        from cotyledon_plugins.services.dashboard.connections import serving
        from cotyledon_plugins.services.dashboard.feed import Feed

        listening = self._given or await self._listen()
        addresses = [_address_of(each) for each in listening]
        token = Token(self._token) if self._token else None
        feed = Feed(self._connect, self._interval, self._history, has_token=token is not None)
        dashboard = Dashboard(
            feed,
            self._connect,
            Hosts(addresses, self._names),
            token,
            port=next((each.port for each in addresses if each.port), 0),
        )
        async with serving(dashboard.application(), listening), asyncio.TaskGroup() as tasks:
            self.status(f"at {', '.join(f'http://{address}/' for address in addresses)}")
            looking = tasks.create_task(feed.run())
            await self._ending.wait()
            looking.cancel()

    async def _listen(self) -> list[sockets.socket]:
        """Listen at the address, once it can be had; nowhere if the worker ends before."""
        host, port = self._address
        family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
        told = ""
        while not self._ending.is_set():
            try:
                return [
                    sockets.create_server(
                        (host, port or 0), family=family, reuse_port=self._share_port
                    )
                ]
            except OSError as error:
                fault = f"cannot listen at {self._address}: {error.strerror}"
                if error.errno == errno.EADDRINUSE:
                    fault = f"waits for {self._address}, which another process has"
            if fault != told:
                LOG.error("%s; trying again every %g s", fault, RETRY_AFTER)
                self.status(fault)
                told = fault
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), RETRY_AFTER)
        return []

    def _connect(self) -> AsyncClient:
        from cotyledon_core.control import AsyncClient, NoManager

        if not self._socket:
            raise NoManager("the manager has no control socket: set socket in [control]")
        return AsyncClient(self._socket, PATIENCE)


def _address_of(listening: sockets.socket) -> Authority:
    if listening.family not in (sockets.AF_INET, sockets.AF_INET6):
        # a Unix socket, which only this machine reaches
        return Authority("localhost")
    host, port = listening.getsockname()[:2]
    return Authority(host, port)


def _check_loopback(address: Authority) -> None:
    if not address.is_loopback:
        raise ValueError(
            f"{address} can be reached from other machines, which takes a token: set token or "
            "token_file, or listen at 127.0.0.1"
        )


def _check_token(token: str | None) -> None:
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise ValueError(
            f"must have {SHORTEST_TOKEN} characters or more; one can be had from "
            "python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )


def _read_token(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            token = file.readline().strip()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text") from None
    try:
        _check_token(token)
    except ValueError as error:
        raise ValueError(f"the first line of {path} {error}") from None
    return token


def _warn_of_readers(path: str) -> None:
    """Log it if everybody can read the token."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        # it was there when it was read
        return
    if stat.S_ISREG(mode) and mode & stat.S_IROTH:
        LOG.warning(
            "%s has mode %04o: every user of the machine can read the token; 0600 would be right",
            path,
            stat.S_IMODE(mode),
        )


def _faults(option: str, check: Callable[[Any], object], value: Any) -> list[str]:
    try:
        check(value)
    except ValueError as error:
        return [f"{option}: {error}"]
    return []

"""The backend ``cotyledon`` of oslo.middleware's health check.

It asks the address on which the notifier ``prometheus`` serves ``/healthz``, and
reports what that says. The middleware runs in a worker, or in another program
beside the manager; who cannot be asked in time is not available.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Sequence
from typing import Any

from oslo_middleware.healthcheck.pluginbase import HealthcheckBaseExtension, HealthcheckResult

LONGEST_ANSWER = 1024 * 1024
"""Bytes."""


def options() -> Sequence[Any]:
    """What stands in the section ``[healthcheck]``."""
    from oslo_config import cfg

    return [
        cfg.StrOpt(
            "cotyledon_address",
            default="127.0.0.1:9102",
            help="Where the manager's notifier prometheus listens: host:port, or unix: and a path.",
        ),
        cfg.FloatOpt(
            "cotyledon_timeout",
            default=2.0,
            min=0.1,
            help="Seconds that the manager's answer may take.",
        ),
    ]


class ManagerHealthcheck(HealthcheckBaseExtension):  # type: ignore[misc,unused-ignore]
    """Whether the manager's services do what they are for."""

    def __init__(self, oslo_conf: Any, conf: dict[str, Any]) -> None:
        super().__init__(oslo_conf, conf)
        self.oslo_conf.register_opts(options(), group="healthcheck")

    def healthcheck(self, server_port: int) -> HealthcheckResult:
        """
        :param server_port: of the application; not used.
        """
        address = self._conf_get("cotyledon_address")
        try:
            status, answer = _ask(address, self._conf_get("cotyledon_timeout"))
            health = json.loads(answer)
            told = f"{health['status']} {health['output']}".strip()
        except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
            return HealthcheckResult(
                available=False, reason="COTYLEDON UNREACHABLE", details=f"{address}: {error}"
            )
        healthy = status == http.client.OK
        return HealthcheckResult(
            available=healthy, reason="OK" if healthy else "COTYLEDON FAILING", details=told
        )


def _ask(address: str, timeout: float) -> tuple[int, bytes]:
    """The status and the body of the answer.

    :raises OSError: if there is none in time.
    :raises ValueError: if the address is none, or the answer is too long.
    """
    connection = _connection(address, timeout)
    try:
        connection.request("GET", "/healthz", headers={"Accept": "application/health+json"})
        response = connection.getresponse()
        body = response.read(LONGEST_ANSWER)
        if response.read(1):
            raise ValueError("the answer is too long")
        return response.status, body
    finally:
        connection.close()


def _connection(address: str, timeout: float) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        return _UnixConnection(address.removeprefix("unix:"), timeout)
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("cotyledon_address must be host:port, or unix: and a path")
    return http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

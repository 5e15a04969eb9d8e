"""A RabbitMQ server."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lab.debian import unpacked
from lab.errors import Unavailable
from lab.ports import answers, free_port
from lab.server import Server

ERL = """#!/bin/sh
export ROOTDIR={erlang} BINDIR={erts}/bin EMU=beam PROGNAME=erl
exec "$BINDIR/erlexec" "$@"
"""
"""Debian's own names the place where the package would have been installed."""


class RabbitMQ(Server):
    """Debian's RabbitMQ from the cache, with a port mapper of its own beside it."""

    def __init__(self, cache: Path) -> None:
        super().__init__()
        root = unpacked("rabbitmq-server", cache)
        self._script = _only(root, "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
        self._erts = _only(root, "usr/lib/erlang/erts-*")

    def start(self) -> None:
        mapper = free_port()
        erl = self.directory / "erl"
        erl.write_text(ERL.format(erlang=self._erts.parent, erts=self._erts))
        erl.chmod(0o755)
        (self.directory / "rabbitmq.conf").write_text("")
        (self.directory / "plugins").write_text("[].")
        self.launch([self._erts / "bin/epmd", "-port", str(mapper), "-address", "127.0.0.1"])
        while not answers(mapper):
            time.sleep(0.02)
        self.launch([self._script], self._settings(mapper))

    def _settings(self, mapper: int) -> dict[str, str]:
        local = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "ERL_EPMD_PORT": str(mapper),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": f"{self.directory}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{self.directory}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{self.directory}/data",
            "RABBITMQ_LOG_BASE": f"{self.directory}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": f"trial{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": local,
            # One process that obeys SIGTERM, instead of a shell that asks it to stop.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    @property
    def url(self) -> str:
        """The server, for oslo.messaging."""
        return f"rabbit://guest:guest@127.0.0.1:{self.port}/"


def _only(root: Path, pattern: str) -> Path:
    found = sorted(root.glob(pattern))
    if not found:
        raise Unavailable(f"no {pattern} in {root}")
    return found[-1]

"""Plugins for :mod:`plugin_cli`, found by the entry points that it makes."""

from __future__ import annotations

import os
import sys
from typing import Any

from support import record, wait_at, wait_until_open

from cotyledon_core import AsyncService, Event, Notifier, Program, Service

ENTRY_POINTS = """\
[cotyledon.services]
program = cotyledon_plugins.services.command:CommandService
own-type = plugin_recorder:OwnType
notified = plugin_recorder:Notified
gated = plugin_recorder:Gated
jobs = cotyledon_plugins.services.periodic:Periodic
looks = plugin_recorder:Looks
shut = plugin_recorder:Shut
failing = plugin_recorder:Failing
fragile = plugin_recorder:Fragile
coroutines = plugin_recorder:Coroutines
[cotyledon.restart_policies]
leave = cotyledon_plugins.restart_policies.never:Never
retry = cotyledon_plugins.restart_policies.always:Always
bounded = cotyledon_plugins.restart_policies.limited:Limited
[cotyledon.notifiers]
record = plugin_recorder:Record
tell-json = cotyledon_plugins.notifiers.json_log:JsonLog
tell-systemd = cotyledon_plugins.notifiers.systemd.notifier:Systemd
"""


class Record(Notifier):
    """Notes each event for the test."""

    def notify(self, event: Event) -> None:
        fields = event.as_dict()
        record(fields.pop("event"), **fields)


class OwnType(Service):
    """A service type of a third party that runs a program."""

    act = "serve"

    def program(self) -> Program:
        script = os.path.join(os.path.dirname(__file__), "plugin_program.py")
        return Program(
            argv=(sys.executable, script, self.act),
            environment={"GREETING": f"from worker {self.worker_id}"},
        )


class Notified(OwnType):
    """Its program says itself when it is ready."""

    ready_when = "notified"
    act = "ready"


class Gated(Service):
    """Becomes ready when the test opens the gate."""

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        record("waiting", worker_id=worker_id)
        wait_at(f"worker-{worker_id}")


class Shut(Service):
    """Becomes ready when the test has opened the gate for good."""

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        record("waiting", worker_id=worker_id)
        wait_until_open()


class Looks(Service):
    """Notes where it could notify a service manager: when it is configured, and when it runs."""

    @classmethod
    def check_options(cls) -> None:
        record("configured", notify=os.environ.get("NOTIFY_SOCKET"))

    def run(self) -> None:
        watchdog = [os.environ.get(f"WATCHDOG_{name}") for name in ("USEC", "PID")]
        record("environment", notify=os.environ.get("NOTIFY_SOCKET"), watchdog=watchdog)

    def reload(self) -> None:
        record("reload")


class Failing(Service):
    """Never becomes ready."""

    def __init__(self, worker_id: int) -> None:
        raise RuntimeError("no good")


class Fragile(Service):
    """Becomes ready unless it is configured to break."""

    @classmethod
    def options(cls) -> list[Any]:
        from oslo_config import cfg

        return [cfg.BoolOpt("broken", default=False)]

    def __init__(self, worker_id: int, broken: bool = False) -> None:
        super().__init__(worker_id)
        if broken:
            raise RuntimeError("no good")


class Coroutines(AsyncService):
    """Notes which of its methods are awaited."""

    async def run(self) -> None:
        record("awaited", method="run")

    async def reload(self) -> None:
        record("awaited", method="reload")

    async def terminate(self) -> None:
        record("awaited", method="terminate")

"""Plugins for :mod:`reconfigured`, and the options of an application of its own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg
from support import record, wait_at

import cotyledon_core as cotyledon

ENTRY_POINTS = """\
[cotyledon.services]
program = cotyledon_plugins.services.command:CommandService
dashboard = cotyledon_plugins.services.dashboard.service:DashboardService
valued = reconfigured_plugins:Valued
other = reconfigured_plugins:Other
in-place = reconfigured_plugins:InPlace
whole = reconfigured_plugins:Whole
whole-in-place = reconfigured_plugins:WholeInPlace
global = reconfigured_plugins:Global
logging = reconfigured_plugins:Logging
[cotyledon.restart_policies]
broken = reconfigured_plugins:Broken
absent = no_such_module:Absent
always = cotyledon_plugins.restart_policies.always:Always
never = cotyledon_plugins.restart_policies.never:Never
limited = cotyledon_plugins.restart_policies.limited:Limited
[cotyledon.notifiers]
events = reconfigured_plugins:Events
second = reconfigured_plugins:Second
prometheus = cotyledon_plugins.notifiers.prometheus.notifier:Prometheus
statsd = cotyledon_plugins.notifiers.statsd:Statsd
opentelemetry = cotyledon_plugins.notifiers.opentelemetry.notifier:OpenTelemetry
"""

PAINT = [cfg.StrOpt("fixed", default="unset"), cfg.StrOpt("soft", default="unset", mutable=True)]


def mark(*parts: object) -> None:
    """Show the test that this process is there."""
    Path("processes").mkdir(exist_ok=True)
    Path("processes", ":".join(map(str, (*parts[:2], os.getpid(), *parts[2:])))).touch()


class Valued(cotyledon.Service):
    """Has a value, and behaves as it is told."""

    name = "valued"
    graceful_shutdown_timeout = 5

    @classmethod
    def options(cls) -> Sequence[Any]:
        return [
            cfg.StrOpt("value", default="unset"),
            cfg.StrOpt("behaviour", default="", choices=["", "raise", "hang", "crash"]),
            cfg.StrOpt("status_text", default=""),
        ]

    @classmethod
    def check_options(cls, value: str, **others: Any) -> None:
        if value == "wrong":
            raise RuntimeError("no such value")

    def __init__(self, worker_id: Any, value: str, behaviour: str, status_text: str = "") -> None:
        super().__init__(worker_id)
        mark(self.name, worker_id, value)
        self._status_text = status_text
        self._behaviour = behaviour
        self._record("value", value=value)
        if behaviour == "raise":
            raise ValueError("it is wrong")
        if behaviour == "hang":
            time.sleep(3600)
        wait_at("init")

    def run(self) -> None:
        if self._status_text:
            self.status(self._status_text)
        if self._behaviour == "crash":
            time.sleep(0.2)
            os._exit(3)

    def terminate(self) -> None:
        self._record("terminate")
        wait_at("end")

    def _record(self, event: str, **fields: Any) -> None:
        record(event, type=self.name, worker_id=self.worker_id, **fields)


class Other(Valued):
    """Another type."""

    name = "other"


class InPlace(Valued):
    """Reloads in place."""

    name = "in place"

    def reload(self) -> None:
        self._record("reload")


class Whole(cotyledon.Service):
    """Takes the whole configuration."""

    name = "whole"

    @classmethod
    def options(cls) -> Sequence[Any]:
        return [cfg.StrOpt("own", default="unset"), cfg.StrOpt("own_soft", mutable=True)]

    @classmethod
    def from_conf(cls, worker_id: Any, conf: Any, **options: Any) -> Whole:
        conf.register_opts(PAINT, "paint")
        made = cls(worker_id)
        made.conf = conf
        conf.register_mutate_hook(made.mutated)
        return made

    conf: Any

    def run(self) -> None:
        self.tell("seen")

    def mutated(self, conf: Any, fresh: Any) -> None:
        self.tell("mutated", fresh=sorted(f"{group}.{name}" for group, name in fresh))

    def tell(self, event: str, **fields: Any) -> None:
        paint = self.conf.paint
        values = {"fixed": paint.fixed, "soft": paint.soft}
        record(event, type=self.name, worker_id=self.worker_id, **values, **fields)


class WholeInPlace(Whole):
    """The same, and reloads in place."""

    name = "whole in place"

    def reload(self) -> None:
        self.tell("reload")


class Global(cotyledon.Service):
    """Reads ``cfg.CONF``, as much of OpenStack does."""

    name = "global"

    def run(self) -> None:
        record("seen", worker_id=self.worker_id, fixed=cfg.CONF.fixed, soft=cfg.CONF.soft)


class Logging(cotyledon.Service):
    """Configures logging itself, at its start and at each reload."""

    name = "logging"

    def __init__(self, worker_id: Any) -> None:
        super().__init__(worker_id)
        record("found", worker_id=worker_id, level=logging.getLogger("app").level)
        logging.getLogger("app").setLevel("WARNING")

    def reload(self) -> None:
        logging.getLogger("app").setLevel("ERROR")
        record("configured", worker_id=self.worker_id)


class Broken(cotyledon.RestartPolicy):
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no such policy")

    def decide(self, death: cotyledon.Death) -> cotyledon.Decision:
        raise NotImplementedError


class Events(cotyledon.Notifier):
    """Notes each event."""

    blocking = False
    event_prefix = ""

    @classmethod
    def options(cls) -> Sequence[Any]:
        return [cfg.StrOpt("colour")]

    def __init__(self, colour: str | None = None) -> None:
        if colour == "wrong":
            raise RuntimeError("no such colour")
        self._colour = colour

    def notify(self, event: cotyledon.Event) -> None:
        fields = event.as_dict()
        record(f"{self.event_prefix}{fields.pop('event')}", **fields, colour=self._colour)


class Second(Events):
    """The same in a process of its own, under other names."""

    blocking = True
    event_prefix = "second "

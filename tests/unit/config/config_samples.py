"""Plugins to configure, one for each thing that can be said about one."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from cotyledon_core.events import Event
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import Death, Decision, RestartPolicy, Stop
from cotyledon_core.service import Service
from cotyledon_core.types import WorkerId

ENTRY_POINTS = {
    "cotyledon.services": {
        "sample": "config_samples:Sample",
        "whole": "config_samples:Whole",
        "clash": "config_samples:Clash",
        "dividing": "config_samples:Dividing",
        "reserved": "config_samples:Reserved",
        "raises": "config_samples:Raises",
        "missing": "config_samples:NoSuchClass",
    },
    "cotyledon.restart_policies": {
        "capped": "config_samples:Capped",
        "picky": "config_samples:Picky",
        "day-shift": "config_samples:DayShift",
    },
    "cotyledon.notifiers": {
        "board": "config_samples:Board",
        "refusing": "config_samples:Refusing",
    },
}


def odd(text: str) -> int:
    """A type that fails in a way of its own."""
    return {"one": 1, "three": 3}[text]


class Sample(Service):
    """Has options of many types, and checks of its own."""

    @classmethod
    def options(cls) -> list[Any]:
        return [
            cfg.StrOpt("target", required=True, help="Where to."),
            cfg.IntOpt("size", default=3, min=1, max=9),
            cfg.BoolOpt("eager", default=False),
            cfg.ListOpt("tags", default=[]),
            cfg.DictOpt("labels", default={}),
            cfg.ListOpt("ports", item_type=cfg.types.Port(), default=[]),
            cfg.StrOpt("mode", choices=["soft", "hard"], default="soft"),
            cfg.StrOpt("token", secret=True),
            cfg.StrOpt("pin", secret=True, regex=r"^\d{4}$"),
            cfg.MultiStrOpt("route", default=[]),
            cfg.IntOpt("dashed-name", default=1),
            cfg.StrOpt("renamed", deprecated_name="old_name"),
            cfg.StrOpt("moved", deprecated_name="sample_moved", deprecated_group="cotyledon"),
            cfg.StrOpt("short", max_length=4),
            cfg.Opt("odd", type=odd),
        ]

    @classmethod
    def check_options(cls, **options: Any) -> None:
        faults = []
        if options["mode"] == "hard" and options["size"] == 3:
            faults.append("size: must differ from 3 where mode is hard")
        if options["target"] == "nowhere":
            faults.append("target: 'nowhere' is no place; name one")
        if options["eager"] and options["tags"]:
            faults.append("eager and tags exclude each other; remove one")
        if faults:
            raise ValueError("\n".join(faults))

    def __init__(self, worker_id: WorkerId, **options: Any) -> None:
        super().__init__(worker_id)
        self.options_given = options


class Dividing(Service):
    """Counts on the number of its workers."""

    wants_workers = True

    def __init__(self, worker_id: WorkerId, workers: int) -> None:
        super().__init__(worker_id)
        self.workers = workers


class Whole(Service):
    """Wants the whole configuration."""

    @classmethod
    def options(cls) -> list[Any]:
        return [
            cfg.StrOpt("extra", default="none"),
            cfg.StrOpt("soft", default="none", mutable=True),
        ]

    @classmethod
    def from_conf(cls, worker_id: WorkerId, conf: Any, **options: Any) -> Whole:
        conf.register_opts([cfg.StrOpt("colour", default="grey")], "paint")
        made = cls(worker_id)
        made.conf = conf
        made.seen = (conf.paint.colour, options["extra"])
        return made

    conf: Any
    seen: tuple[str, str]


class Clash(Service):
    """Has an option that the restart policy ``capped`` has too, with another meaning."""

    @classmethod
    def options(cls) -> list[Any]:
        return [cfg.StrOpt("capped_max_restarts", default="many")]

    def __init__(self, worker_id: WorkerId, capped_max_restarts: str) -> None:
        super().__init__(worker_id)


class Reserved(Service):
    """Has an option with the name of one of ours."""

    @classmethod
    def options(cls) -> list[Any]:
        return [cfg.StrOpt("workers")]

    def __init__(self, worker_id: WorkerId, workers: str) -> None:
        super().__init__(worker_id)


class Raises(Service):
    """Fails at checking."""

    @classmethod
    def check_options(cls, **options: Any) -> None:
        raise RuntimeError("oops")


class Capped(RestartPolicy):
    """A policy with options."""

    @classmethod
    def options(cls) -> list[Any]:
        return [
            cfg.IntOpt("capped_max_restarts", default=5, min=0),
            cfg.FloatOpt("capped_period", default=60.0),
        ]

    def __init__(self, capped_max_restarts: int, capped_period: float) -> None:
        self.limits = (capped_max_restarts, capped_period)

    def decide(self, death: Death) -> Decision:
        return Stop("enough")


class Picky(RestartPolicy):
    """A policy that needs an option."""

    @classmethod
    def options(cls) -> list[Any]:
        return [cfg.StrOpt("picky_about", required=True)]

    def __init__(self, picky_about: str) -> None:
        self.about = picky_about

    def decide(self, death: Death) -> Decision:
        return Stop(self.about)


class DayShift(RestartPolicy):
    """A policy that calls its options as its constructor does."""

    @classmethod
    def options(cls) -> list[Any]:
        return [
            cfg.IntOpt("first-hour", default=8, deprecated_name="begin"),
            cfg.IntOpt("last_hour", required=True),
            cfg.FloatOpt("restart_delay", default=0.5),
        ]

    @classmethod
    def check_options(cls, first_hour: int, last_hour: int, restart_delay: float) -> None:
        if first_hour > last_hour:
            raise ValueError(f"first_hour: {first_hour} is after last_hour")

    def __init__(self, first_hour: int, last_hour: int, restart_delay: float) -> None:
        self.given = (first_hour, last_hour, restart_delay)

    def decide(self, death: Death) -> Decision:
        return Stop("enough")


class Board(Notifier):
    """A notifier with an option."""

    @classmethod
    def options(cls) -> list[Any]:
        return [cfg.StrOpt("colour", default="black")]

    def __init__(self, colour: str) -> None:
        self.colour = colour

    def notify(self, event: Event) -> None:
        pass


class Refusing(Notifier):
    """Cannot be made."""

    def __init__(self) -> None:
        raise ValueError("not on this host")

    def notify(self, event: Event) -> None:
        pass

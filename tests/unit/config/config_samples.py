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
        "reserved": "config_samples:Reserved",
        "raises": "config_samples:Raises",
        "missing": "config_samples:NoSuchClass",
    },
    "cotyledon.restart_policies": {
        "limited": "config_samples:Limited",
        "picky": "config_samples:Picky",
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


class Whole(Service):
    """Wants the whole configuration."""

    @classmethod
    def options(cls) -> list[Any]:
        return [cfg.StrOpt("extra", default="none")]

    @classmethod
    def from_conf(cls, worker_id: WorkerId, conf: Any, **options: Any) -> Whole:
        conf.register_opts([cfg.StrOpt("colour", default="grey")], "paint")
        made = cls(worker_id)
        made.seen = (conf.paint.colour, options["extra"])
        return made

    seen: tuple[str, str]


class Clash(Service):
    """Has an option that the restart policy ``limited`` has too, with another meaning."""

    @classmethod
    def options(cls) -> list[Any]:
        return [cfg.StrOpt("limited_max_restarts", default="many")]

    def __init__(self, worker_id: WorkerId, limited_max_restarts: str) -> None:
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


class Limited(RestartPolicy):
    """A policy with options."""

    @classmethod
    def options(cls) -> list[Any]:
        return [
            cfg.IntOpt("limited_max_restarts", default=5, min=0),
            cfg.FloatOpt("limited_period", default=60.0),
        ]

    def __init__(self, limited_max_restarts: int, limited_period: float) -> None:
        self.limits = (limited_max_restarts, limited_period)

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

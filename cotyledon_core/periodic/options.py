"""The options of periodic services."""

from __future__ import annotations

from typing import Any


def options() -> list[Any]:
    """The ``oslo.config`` options of :class:`.PeriodicService`."""
    from oslo_config import cfg

    return [*_what_and_when(cfg), *_how(cfg)]


def _what_and_when(cfg: Any) -> list[Any]:
    return [
        cfg.ListOpt(
            "callables",
            default=[],
            help="What to call, as package.module:function, or package.module:Class for all "
            "methods that futurist's periodics.periodic decorates.",
        ),
        cfg.FloatOpt(
            "spacing",
            min=0.0,
            help="Seconds between the starts of two runs, for callables that bring none of "
            "their own.",
        ),
        cfg.DictOpt(
            "spacings",
            default={},
            help="Seconds between the starts of two runs, by callable, whatever its own are, "
            "as NAME:SECONDS,NAME:SECONDS. NAME is that of a function, or Class.method. 0 "
            "switches it off.",
        ),
        cfg.BoolOpt(
            "run_immediately",
            help="Whether the first run is at the start, and not a spacing later. Unless "
            "given: as each callable says, else not.",
        ),
    ]


def _how(cfg: Any) -> list[Any]:
    return [
        cfg.FloatOpt(
            "jitter",
            default=0.0,
            min=0.0,
            max=1.0,
            help="The greatest part of each spacing that is added to it at random.",
        ),
        cfg.FloatOpt(
            "run_timeout",
            default=0.0,
            min=0.0,
            help="Seconds after which a run counts as hung: there is no heartbeat until it has "
            "ended, for watchdog = service. 0 is without end.",
        ),
        cfg.StrOpt(
            "partition",
            default="callables",
            choices=[
                ("callables", "each callable runs in one of the workers"),
                ("work", "each runs in all of them, with the keywords worker_id and workers"),
            ],
            help="How several workers divide the work.",
        ),
    ]

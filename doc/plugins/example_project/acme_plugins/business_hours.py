"""The restart policy ``business-hours``: no restart at night."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from cotyledon_core import Death, Decision, DefaultPolicy, Restart


class BusinessHours(DefaultPolicy):
    def __init__(self, opens: int = 8, closes: int = 18, **common: Any) -> None:
        super().__init__(**common)
        self._opens, self._closes = opens, closes

    def decide(self, death: Death) -> Decision:
        decision, now = super().decide(death), time.localtime(death.wall_time)
        if not isinstance(decision, Restart) or self._opens <= now.tm_hour < self._closes:
            return decision
        hours = (self._opens - now.tm_hour) % 24
        return Restart(delay=hours * 3600.0 - now.tm_min * 60 - now.tm_sec)

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            *super().options(),
            cfg.IntOpt("opens", default=8, min=0, max=23, help="The first hour of the day."),
            cfg.IntOpt("closes", default=18, min=1, max=24, help="The first hour of the night."),
        ]

    @classmethod
    def check_options(cls, opens: int = 8, closes: int = 18, **common: Any) -> None:
        super().check_options(**common)
        if opens >= closes:
            raise ValueError(f"closes: {closes} must be later than opens, which is {opens}")

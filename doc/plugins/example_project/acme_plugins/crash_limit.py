"""The restart policy ``crash-limit``: so many restarts in a period, then no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cotyledon_core import Death, Decision, GiveUp, Restart, RestartPolicy


class CrashLimit(RestartPolicy):
    def __init__(self, crash_limit_restarts: int, crash_limit_period: float) -> None:
        self._restarts = crash_limit_restarts
        self._period = crash_limit_period

    def decide(self, death: Death) -> Decision:
        start = death.now - self._period
        recent = sum(restart.at > start for restart in death.service_restarts)
        if recent < self._restarts:
            return Restart()
        return GiveUp(f"{recent} restarts within {self._period:g} s")

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.IntOpt("crash_limit_restarts", default=5, min=0, help="Restarts allowed."),
            cfg.FloatOpt("crash_limit_period", default=60.0, min=0.0, help="Within seconds."),
        ]

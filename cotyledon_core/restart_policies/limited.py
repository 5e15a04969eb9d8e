"""The restart policy ``limited``: so many restarts in a period, then no more.

It is Erlang's: of the restarts of all workers of the service, those are
forgotten that are older than the period; the one that is due is counted in;
and if that makes more than are allowed, the service is given up
(``supervisor`` of Erlang/OTP, intensity and period). A restart that is exactly
as old as the period counts. The clock is the monotonic one. What
``restart_prevent_status`` leaves ended is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cotyledon_core.default_policy import DefaultPolicy
from cotyledon_core.plugins.restart_policy import SERVICE_RESTARTS_KEPT, Death, Decision, GiveUp
from cotyledon_core.supervision.restart import Number

MAX_RESTARTS = 5
PERIOD = 60.0


class Limited(DefaultPolicy):
    """Does what ``always`` does until the service restarts too often; then gives it up.

    :param max_restarts: so many restarts of the service's workers are allowed
        within the period, up to 1,000.
    :param period: in seconds.
    :param common: the options of :class:`~cotyledon_core.default_policy.DefaultPolicy`.
    :raises TypeError: with a line for each name that is no option.
    :raises ValueError: with a line for each value that is impossible.
    """

    numbers: ClassVar[Mapping[str, Number]] = {
        **DefaultPolicy.numbers,
        "max_restarts": Number(
            MAX_RESTARTS,
            0,
            "How many restarts of the service's workers, all together, are allowed within the "
            "period. One more, and the service is given up.",
            SERVICE_RESTARTS_KEPT,
        ),
        "period": Number(PERIOD, 0.0, "The seconds in which that many restarts are allowed."),
    }

    def __init__(
        self, max_restarts: int = MAX_RESTARTS, period: float = PERIOD, **common: Any
    ) -> None:
        super().__init__(max_restarts=max_restarts, period=period, **common)
        self._max_restarts = max_restarts
        self._period = period

    def restart(self, death: Death) -> Decision:
        if self._is_one_too_many(death):
            return GiveUp(f"more than {self._max_restarts} restarts within {self._period:g} s")
        return super().restart(death)

    def _is_one_too_many(self, death: Death) -> bool:
        """Whether as many restarts as are allowed lie within the period before this one."""
        allowed, past = self._max_restarts, death.service_restarts
        if allowed == 0:
            return True
        return len(past) >= allowed and death.now - past[-allowed].at <= self._period

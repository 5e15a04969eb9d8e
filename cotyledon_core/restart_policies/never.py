"""The restart policy ``never``: what has ended stays ended."""

from __future__ import annotations

from cotyledon_core.default_policy import DefaultPolicy
from cotyledon_core.plugins.restart_policy import Death


class Never(DefaultPolicy):
    """Leaves a worker ended whatever ended it, but for ``restart_force_status``."""

    def reason_to_stop(self, death: Death) -> str | None:
        return "restart policy 'never'"

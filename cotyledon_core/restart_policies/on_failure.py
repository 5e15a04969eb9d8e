"""The restart policy ``on-failure``: start again unless the end was a clean one."""

from __future__ import annotations

from cotyledon_core.default_policy import DefaultPolicy
from cotyledon_core.plugins.restart_policy import Death


class OnFailure(DefaultPolicy):
    """Leaves a worker ended after a clean end, and does what ``always`` does after any other."""

    def reason_to_stop(self, death: Death) -> str | None:
        return "clean exit" if self.is_clean(death) else None

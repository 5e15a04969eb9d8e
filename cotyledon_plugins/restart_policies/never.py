"""The restart policy ``never``: what has ended stays ended."""

from __future__ import annotations

from cotyledon_core import Death, Decision, RestartPolicy, Stop


class Never(RestartPolicy):
    """Leaves a worker ended whatever ended it."""

    def decide(self, death: Death) -> Decision:
        return Stop(f"restart policy 'never' ({death.status})")

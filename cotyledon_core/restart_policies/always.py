"""The restart policy ``always``: start again, with back-off."""

from __future__ import annotations

from cotyledon_core.default_policy import DefaultPolicy


class Always(DefaultPolicy):
    """What applies without any configuration, under a name to configure."""

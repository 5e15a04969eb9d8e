"""The restart policy ``on-failure``."""

from cotyledon_core import OnFailure

__all__ = ["OnFailure"]

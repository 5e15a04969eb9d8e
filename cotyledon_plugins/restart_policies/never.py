"""The restart policy ``never``."""

from cotyledon_core import Never

__all__ = ["Never"]

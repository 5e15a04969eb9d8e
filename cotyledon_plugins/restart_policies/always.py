"""The restart policy ``always``."""

from cotyledon_core import Always

__all__ = ["Always"]

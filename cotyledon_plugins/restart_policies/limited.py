"""The restart policy ``limited``."""

from cotyledon_core import Limited

__all__ = ["Limited"]

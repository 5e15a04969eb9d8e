"""Where Cotyledon has :class:`Service`."""

from __future__ import annotations

from cotyledon_core.service import Service

__all__ = ["Service"]

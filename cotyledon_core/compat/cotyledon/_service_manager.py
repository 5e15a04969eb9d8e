"""Where Cotyledon has :class:`ServiceManager`."""

from __future__ import annotations

from cotyledon_core.manager import ServiceManager

__all__ = ["ServiceManager"]

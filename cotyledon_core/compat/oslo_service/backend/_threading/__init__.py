"""Where oslo.service has the threading backend."""

from __future__ import annotations

from cotyledon_core.compat.oslo_service import loopingcall, service, threadgroup
from cotyledon_core.compat.oslo_service.backend.threads import ThreadingBackend

__all__ = ["ThreadingBackend", "loopingcall", "service", "threadgroup"]

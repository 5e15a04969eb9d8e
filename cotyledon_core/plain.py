"""Values as JSON can hold them."""

from __future__ import annotations

from enum import Enum
from typing import Any
from uuid import UUID

from cotyledon_core.plugins.restart_policy import ExitStatus


def plain(value: Any) -> Any:
    """A field of an event in machine-readable output."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, ExitStatus):
        return {"code": value.code, "signal": value.signal}
    if isinstance(value, tuple):
        return list(value)
    return value

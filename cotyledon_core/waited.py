"""What a worker is waited for."""

from __future__ import annotations

from enum import Enum


class Waited(Enum):
    """What a worker that hangs was waited for."""

    READINESS = "readiness"
    HEARTBEAT = "heartbeat"
    END = "end"
    """It was asked to end, and its grace period is over."""

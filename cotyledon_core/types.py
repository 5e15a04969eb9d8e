"""Names of the values that identify services and workers."""

from __future__ import annotations

import uuid
from typing import NewType

ServiceId = NewType("ServiceId", uuid.UUID)
"""What :meth:`ServiceManager.add` returns."""

WorkerId = NewType("WorkerId", int)
"""0 to n-1 within a service; a replacement gets the id of the one it replaces."""

__all__ = ["ServiceId", "WorkerId"]

"""The two clocks."""

from __future__ import annotations

import time

from cotyledon_core.supervision.messages import Instant


def now() -> Instant:
    """This moment: monotonic seconds, and seconds since the epoch."""
    return Instant(time.monotonic(), time.time())

"""The keywords of :meth:`.ServiceManager.add`, for type checkers only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from cotyledon_core.supervision.share import Share


class ServiceKeywords(TypedDict, total=False):
    """See :class:`.ServiceOptions`."""

    ready_when: str | None
    start_timeout: float
    watchdog: str
    watchdog_timeout: float
    watchdog_signal: int | str
    max_lifetime: float
    max_memory: int | str
    max_tasks: int
    recycle_jitter: float
    max_recycling: Share | int | str
    start_after: Sequence[str]
    sockets: Sequence[str]
    on_give_up: str
    capture_stderr: bool
    reload_strategy: str | None
    max_unavailable: Share | int | str
    max_surge: Share | int | str
    min_ready_time: float
    replacement_timeout: float

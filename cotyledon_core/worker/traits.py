"""What a worker has to know of its service's class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cotyledon_core.service import has_own_reload, is_notified, may_execute


class Traits:
    """Found before the fork where the class is known there.

    :param service_class: None if only an instance will show it.
    :param ready_when: what stands above the class's own, if anything.
    """

    def __init__(self, service_class: type[Any] | None, ready_when: str | None) -> None:
        self.service_class = service_class
        self.notified = is_notified(service_class, ready_when)
        """Whether a worker is ready only when it says so."""
        self.executes = may_execute(service_class)
        """Whether an external program may take over the process."""
        self.reloads = has_own_reload(service_class)
        """Whether its services reload in place, unless an instance is different."""
        self.make_event_loop: Callable[..., Any] | None = getattr(
            service_class, "_make_event_loop", None
        )
        """Coroutines need a loop."""

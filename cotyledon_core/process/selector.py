"""What the loop waits with."""

from __future__ import annotations

import selectors
import sys
from collections.abc import Mapping
from typing import Any

from cotyledon_core.process.descriptors import forget_private, keep_private


class HandleSelector(selectors.BaseSelector):
    """Waits for sockets and process handles, for platforms where select() takes only sockets."""

    def __init__(self) -> None:
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        from multiprocessing.connection import wait

        return [(self._keys[ready], selectors.EVENT_READ) for ready in wait(self._keys, timeout)]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


def make() -> selectors.BaseSelector:
    """The best selector of the platform; no process that we fork keeps it."""
    if sys.platform == "win32":
        return HandleSelector()
    selector = selectors.DefaultSelector()
    fileno = getattr(selector, "fileno", None)
    if fileno is not None:
        keep_private(fileno())
    return selector


def close(selector: selectors.BaseSelector) -> None:
    """Let go of it."""
    fileno = getattr(selector, "fileno", None)
    if fileno is not None:
        forget_private(fileno())
    selector.close()

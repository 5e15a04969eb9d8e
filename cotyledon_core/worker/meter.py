"""How much a worker has to do, measured by its service."""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from cotyledon_core.process.board import Place


class Meter:
    """A context manager around a unit of work; many may be in progress, on any threads.

    :param place: where others can read what is measured.
    """

    __slots__ = ("_busy", "_in_progress", "_lock", "_number", "_since", "_stamps", "_units")

    def __init__(self, place: Place) -> None:
        self._stamps = place.stamps
        self._number = place.number
        self._lock = allocate_lock()
        self._in_progress = 0
        self._units = 0
        self._since = 0.0
        """When work would have begun, had it gone on without a pause."""
        self._busy = 0.0
        """Seconds, as of when the last work was over."""

    def __enter__(self) -> None:
        if self._stamps is None:
            return
        with self._lock:
            self._in_progress += 1
            if self._in_progress == 1:
                self._since = monotonic() - self._busy
                self._stamps.set_busy_since(self._number, self._since)

    def __exit__(self, *_: object) -> None:
        if self._stamps is None:
            return
        with self._lock:
            self._in_progress -= 1
            self._units += 1
            self._stamps.set_units(self._number, self._units)
            if not self._in_progress:
                self._busy = monotonic() - self._since
                self._stamps.set_busy_for(self._number, self._busy)

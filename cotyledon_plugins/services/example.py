"""The service ``example``: greets at intervals, to show what a service is."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from typing import Any

from cotyledon_core import Service, WorkerId

LOG = logging.getLogger(__name__)

LONGEST_INTERVAL = 86_400.0
"""Seconds."""


class ExampleService(Service):
    """Logs a line at every interval until it is told to end.

    :param greeting: what to log.
    :param interval: seconds between two lines, up to a day.
    :raises ValueError: if the interval is impossible.
    """

    name = "example"

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt("greeting", default="hello", help="What to log."),
            cfg.FloatOpt("interval", default=5.0, help="Seconds between two lines, up to a day."),
        ]

    @classmethod
    def check_options(cls, greeting: str = "hello", interval: float = 5.0) -> None:
        """
        :raises ValueError: if the interval is impossible.
        """
        if not 0 < interval <= LONGEST_INTERVAL:
            raise ValueError(
                f"interval: {interval!r} must be more than 0 and at most {LONGEST_INTERVAL:.0f}"
            )

    def __init__(self, worker_id: WorkerId, greeting: str = "hello", interval: float = 5.0) -> None:
        super().__init__(worker_id)
        self.check_options(greeting, interval)
        self._greeting = greeting
        self._interval = interval
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.is_set():
            LOG.info("%s from worker %d, pid %d", self._greeting, self.worker_id, os.getpid())
            self._done.wait(self._interval)

    def terminate(self) -> None:
        LOG.info("worker %d says goodbye", self.worker_id)
        self._done.set()

    def reload(self) -> None:
        LOG.info("worker %d reloads", self.worker_id)

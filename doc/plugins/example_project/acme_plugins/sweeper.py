"""The service ``sweeper``: removes old files."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cotyledon_core import Service, WorkerId

LOG = logging.getLogger(__name__)


class Sweeper(Service):
    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt("directory", required=True, help="Where to remove files."),
            cfg.FloatOpt("max_age", default=3600.0, min=0.0, help="In seconds."),
            cfg.FloatOpt("interval", default=60.0, min=0.1, help="Seconds between two rounds."),
        ]

    @classmethod
    def check_options(cls, directory: str, max_age: float, interval: float) -> None:
        if not Path(directory).is_absolute():
            raise ValueError(f"directory: {directory!r} must be an absolute path")

    def __init__(
        self, worker_id: WorkerId, directory: str, max_age: float, interval: float
    ) -> None:
        super().__init__(worker_id)
        self._directory = Path(directory)
        self._max_age = max_age
        self._interval = interval
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.is_set():
            self.sweep()
            self._done.wait(self._interval)

    def terminate(self) -> None:
        self._done.set()

    def sweep(self) -> None:
        oldest = time.time() - self._max_age
        for path in self._directory.iterdir():
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink()
                LOG.info("removed %s", path)

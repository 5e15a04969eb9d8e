"""Workers that count in Prometheus' multiprocess mode; each counts once and tells of it."""

from __future__ import annotations

import os
import sys
from typing import Any

from installing import install
from support import record

import cotyledon_core as cotyledon
from cotyledon_core.cli.main import main

if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    # in the manager, so that workers need not load it
    import prometheus_client  # noqa: F401

ENTRY_POINTS = """\
[cotyledon.services]
counting = counting:Counting
[cotyledon.notifiers]
prometheus = cotyledon_plugins.notifiers.prometheus.notifier:Prometheus
"""


class Counting(cotyledon.Service):
    """Has metrics of its own."""

    def __init__(self, worker_id: Any) -> None:
        super().__init__(worker_id)
        from prometheus_client import Counter, Gauge

        self._orders = Counter("orders", "Orders.", ["kind"])
        self._alive = Gauge("alive", "Workers.", multiprocess_mode="livesum")

    def run(self) -> None:
        self._alive.set(1)
        with self.busy():
            self._orders.labels("large").inc(3)
        record("counted", worker_id=self.worker_id)
        self.task_done()


if __name__ == "__main__":
    install(ENTRY_POINTS)
    sys.exit(main())

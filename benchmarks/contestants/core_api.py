"""cotyledon_core through its Python API."""

from __future__ import annotations

import sys
import time

import cotyledon_core
from benchmarks.contestants.stamps import (
    FOREVER,
    MANAGER_RUNS,
    NEIGHBOUR_CRASHES,
    WORKER_RELOADED,
    WORKER_RUNS,
    arguments,
    is_replaced,
    stamp,
    watchdog,
)


class Stamping(cotyledon_core.Service):
    def run(self) -> None:
        stamp(WORKER_RUNS, self.worker_id)
        time.sleep(FOREVER)


class Reloading(Stamping):
    def reload(self) -> None:
        stamp(WORKER_RELOADED, self.worker_id)


class Crashing(cotyledon_core.Service):
    def run(self) -> None:
        stamp(NEIGHBOUR_CRASHES, self.worker_id)
        sys.exit(1)


def main() -> None:
    count, neighbour = arguments()
    manager = cotyledon_core.ServiceManager()
    manager.add(
        Stamping if is_replaced() else Reloading, workers=count, watchdog_timeout=watchdog()
    )
    if neighbour:
        manager.add(Crashing)
    stamp(MANAGER_RUNS)
    manager.run()


if __name__ == "__main__":
    main()

"""Cotyledon; with the argument ``unpaced`` without its pauses between two starts."""

# Types are checked where Cotyledon is not installed, too.
# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import sys
import time

import cotyledon

from benchmarks.contestants.stamps import (
    FOREVER,
    MANAGER_RUNS,
    NEIGHBOUR_CRASHES,
    WORKER_RELOADED,
    WORKER_RUNS,
    arguments,
    is_replaced,
    stamp,
)


class Stamping(cotyledon.Service):
    def run(self) -> None:
        stamp(WORKER_RUNS, self.worker_id)
        time.sleep(FOREVER)


class Reloading(Stamping):
    def reload(self) -> None:
        stamp(WORKER_RELOADED, self.worker_id)


class Crashing(cotyledon.Service):
    def run(self) -> None:
        stamp(NEIGHBOUR_CRASHES, self.worker_id)
        sys.exit(1)


class UnpacedManager(cotyledon.ServiceManager):
    def __init__(self) -> None:
        super().__init__(wait_interval=0)

    def _slowdown_respawn_if_needed(self) -> None:
        pass


def main() -> None:
    count, neighbour = arguments()
    manager = UnpacedManager() if "unpaced" in sys.argv[2:] else cotyledon.ServiceManager()
    manager.add(Stamping if is_replaced() else Reloading, workers=count)
    if neighbour:
        manager.add(Crashing)
    stamp(MANAGER_RUNS)
    manager.run()


if __name__ == "__main__":
    main()

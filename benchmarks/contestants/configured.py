"""cotyledon_core as ``cotyledon run`` starts it; the arguments are the command's own.

The driver writes the configuration file and registers the two services as
entry points. The command itself does not say when it begins to start workers,
so that the manager's ``run`` is made to.
"""

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
    stamp,
)
from cotyledon_core.cli.main import main


class Stamping(cotyledon_core.Service):
    def run(self) -> None:
        stamp(WORKER_RUNS, self.worker_id)
        time.sleep(FOREVER)

    def reload(self) -> None:
        stamp(WORKER_RELOADED, self.worker_id)


class Crashing(cotyledon_core.Service):
    def run(self) -> None:
        stamp(NEIGHBOUR_CRASHES, self.worker_id)
        sys.exit(1)


def stamp_before_run() -> None:
    manager = cotyledon_core.ServiceManager
    run = manager.run

    def stamped(self: cotyledon_core.ServiceManager) -> None:
        stamp(MANAGER_RUNS)
        run(self)

    setattr(manager, "run", stamped)  # noqa: B010  # mypy refuses the assignment


if __name__ == "__main__":
    stamp_before_run()
    sys.exit(main())

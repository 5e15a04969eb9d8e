"""cotyledon_core with a control socket; stamps each turn of the loop that takes long.

The arguments are the number of workers and the socket's path.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import cotyledon_core
from benchmarks.contestants.stamps import FOREVER, LONG_TURN, MANAGER_RUNS, WORKER_RUNS, stamp
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.runtime.loop import Loop

LONG = 0.0005
"""Seconds."""


class Stamping(cotyledon_core.Service):
    def run(self) -> None:
        stamp(WORKER_RUNS, self.worker_id)
        time.sleep(FOREVER)


def time_turns() -> None:
    """Have the loop tell, between two waits, how long it was busy."""
    turn = Loop.turn

    def timed(self: Loop) -> None:
        wait: Any = self._wait
        woken = 0.0

        def noting(timeout: float | None) -> Any:
            nonlocal woken
            ready = wait(timeout)
            woken = time.monotonic()
            return ready

        self._wait = noting
        try:
            turn(self)
        finally:
            self._wait = wait
        busy = time.monotonic() - woken
        if busy >= LONG:
            stamp(LONG_TURN, int(busy * 1e6))

    setattr(Loop, "turn", timed)  # noqa: B010  # mypy refuses the assignment


def main() -> None:
    count, path = sys.argv[1:]
    time_turns()
    manager = cotyledon_core.ServiceManager()
    manager._engine.control = ControlSettings(socket=path)
    manager.add(Stamping, workers=int(count))
    stamp(MANAGER_RUNS)
    manager.run()


if __name__ == "__main__":
    main()

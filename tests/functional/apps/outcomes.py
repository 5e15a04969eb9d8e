"""Managers whose workers end by themselves, under a restart policy.

Arguments: the scenario, then what it takes.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from support import Recording, main, manager, record, sleep_long, watch

import cotyledon_core as cotyledon

FAST = {"restart_delay": 0.01, "restart_delay_max": 0.01}
POLICIES: dict[str, cotyledon.RestartPolicy] = {
    "always": cotyledon.Always(**FAST),
    "on-failure": cotyledon.OnFailure(**FAST),
    "never": cotyledon.Never(),
    "limited": cotyledon.Limited(max_restarts=3, period=3600, **FAST),
    "seven prevented": cotyledon.Always(restart_prevent_status=[7], **FAST),
    "seven clean": cotyledon.OnFailure(clean_exit_status=[0, 7], **FAST),
}


class Ending(Recording):
    """Ends in the way that it is told, or stays."""

    def __init__(self, worker_id: int, way: str, name: str) -> None:
        super().__init__(worker_id)
        self._way = way
        self.name = name  # type: ignore[misc]
        if way == "init":
            raise RuntimeError("on purpose")

    def run(self) -> None:
        super().run()
        if self._way == "exception":
            raise RuntimeError("on purpose")
        if self._way == "hard":
            os._exit(0)
        if self._way == "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
            sleep_long()
        if self._way != "stay":
            sys.exit(int(self._way))


class Program(cotyledon.Service):
    """A program that a signal ends, as its name says; a worker has handlers of its own."""

    def __init__(self, worker_id: int, way: str, name: str) -> None:
        super().__init__(worker_id)
        self._way = way

    def program(self) -> cotyledon.Program:
        return cotyledon.Program(argv=("sh", "-c", f"kill -{self._way.removeprefix('by ')} $$"))


class FirstFails(Recording):
    """The worker 0 ends with status 1, the others stay."""

    name = "first-fails"

    def run(self) -> None:
        super().run()
        if self.worker_id == 0:
            sys.exit(1)


def add(made: cotyledon.ServiceManager, name: str, policy: str, way: str, **options: Any) -> Any:
    service = Program if way.startswith("by ") else Ending
    return made.add(
        service, 2, args=(way, name), name=name, restart_policy=POLICIES[policy], **options
    )


def alone(policy: str, way: str, on_give_up: str = "keep") -> None:
    made = manager()
    watch(made)
    add(made, "alone", policy, way, on_give_up=on_give_up)
    made.run()


def two(policy: str, way: str, other_policy: str, other_way: str, on_give_up: str) -> None:
    made = manager()
    watch(made)
    add(made, "first", policy, way, on_give_up=on_give_up)
    add(made, "second", other_policy, other_way)
    made.run()


def first_fails() -> None:
    made = manager()
    watch(made)
    made.add(FirstFails, 3, restart_policy=POLICIES["limited"])
    made.run()


def beside_nothing() -> None:
    """One service finishes; another was scaled to nothing, until a SIGHUP."""
    made = manager()
    watch(made)
    add(made, "short", "never", "0")
    empty = add(made, "empty", "never", "stay")
    made.reconfigure(empty, 0)
    made.register_hooks(on_reload=lambda: made.reconfigure(empty, 1))
    made.run()


def by_name() -> None:
    made = manager()
    watch(made)
    made.add(Ending, args=("0", "by-name"), restart_policy="on-failure")
    made.run()


if __name__ == "__main__":
    record("policies", names=sorted(POLICIES))
    main(globals())

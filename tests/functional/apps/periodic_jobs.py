"""What the service ``periodic`` calls in the tests."""

import os
import sys
from typing import Any

from futurist import periodics
from support import record, wait_at

import cotyledon_core


def plain() -> None:
    record("plain")


def divided(worker_id: int, workers: int) -> None:
    record("divided", share=[worker_id, workers])


def failing() -> None:
    record("failing")
    raise ValueError("on purpose")


def leaving() -> None:
    record("leaving")
    sys.exit(3)


def waiting() -> None:
    """Waits for as long as the test keeps the gate shut."""
    record("waiting")
    wait_at("waiting")
    record("waited")


class Marked:
    """Has methods with a spacing of their own."""

    def __init__(self) -> None:
        record("made")

    @periodics.periodic(0.05, run_immediately=True)
    def often(self) -> None:
        record("often")

    @periodics.periodic(3600)
    def seldom(self) -> None:
        record("seldom")


class Own(cotyledon_core.PeriodicService):
    """A service with periodics of its own."""

    @periodics.periodic(0.05)
    def first(self) -> None:
        record("first", worker_id=self.worker_id)

    @periodics.periodic(0.05)
    def second(self) -> None:
        record("second", worker_id=self.worker_id)


def main() -> None:
    from support import manager

    made: Any = manager()
    made.add(Own, 2, kwargs={"workers": 2})
    made.run()


if __name__ == "__main__":
    assert os.environ["RECORDS"]
    main()

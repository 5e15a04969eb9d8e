"""Workers that do not react to anything any more, beside a calm one.

Arguments: how they became so, the manager's grace period. The environment's
SERVICE_GRACE is the service's own, LATER_GRACE what a reload sets for the manager.
"""

import os
import signal
import sys
from typing import Any

from support import Recording, hold_gil, ignore_signals, manager, on_dead_worker, record, sleep_long

import cotyledon_core as cotyledon


class Calm(Recording):
    name = "calm"


class Deaf(cotyledon.Service):
    """Becomes deaf during construction or on its ``run()`` thread."""

    name = "deaf"

    def __init__(self, worker_id: int, way: str) -> None:
        super().__init__(worker_id)
        self.work = sleep_long
        record("init", service=self.name, worker_id=worker_id)
        DEAFNESS[way](self)

    def run(self) -> None:
        record("deaf", service=self.name, worker_id=self.worker_id)
        self.work()

    def terminate(self) -> None:
        record("terminate", service=self.name, worker_id=self.worker_id)
        sleep_long()


def block_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def close_all() -> None:
    os.closerange(0, 4096)
    sleep_long()


def in_constructor(service: Deaf, and_ignore: bool = False) -> None:
    if and_ignore:
        ignore_signals()
    service.run()


def later(work: Any) -> Any:
    """Deaf once it runs."""

    def become(service: Deaf) -> None:
        service.work = work

    return become


def moved(then: Any) -> Any:
    """In a session of its own."""

    def become(service: Deaf) -> None:
        os.setsid()
        then(service)

    return become


def forking(service: Deaf) -> None:
    """Leaves a child in the group that ignores everything, then holds the lock."""
    if os.fork() == 0:
        ignore_signals()
        record("grandchild")
        sleep_long()
    service.work = hold_gil


DEAFNESS: dict[str, Any] = {
    "ignore": lambda service: ignore_signals(),
    "block": lambda service: block_signals(),
    "terminate": lambda service: None,
    "constructor": in_constructor,
    "constructor_ignoring": lambda service: in_constructor(service, True),
    "constructor_gil": lambda service: (record("deaf"), hold_gil()),
    "gil": later(hold_gil),
    "stopped": later(stop),
    "closed": later(close_all),
    "session": moved(lambda service: None),
    "session_ignore": moved(lambda service: ignore_signals()),
    "session_gil": moved(later(hold_gil)),
    "session_stopped": moved(later(stop)),
    "session_closed": moved(later(close_all)),
    "forking": forking,
}


def main(way: str, grace: str) -> None:
    def lower() -> None:
        made._graceful_shutdown_timeout = int(os.environ["LATER_GRACE"])
        record("lowered")

    made = manager(int(grace))
    made.register_hooks(on_dead_worker=on_dead_worker)
    if "LATER_GRACE" in os.environ:
        made.register_hooks(on_reload=lower)
    made.add(Calm, 1)
    made.add(Deaf, 2, args=(way,))
    made.run()


if os.environ.get("SERVICE_GRACE"):
    Deaf.graceful_shutdown_timeout = int(os.environ["SERVICE_GRACE"])

if __name__ == "__main__":
    main(*sys.argv[1:])

"""Workers that end in every way, in each of a service's methods.

Arguments: the method; the ways come from WAYS.
"""

import sys
import threading
from typing import Any, NoReturn

from support import main, manager, on_dead_worker, record, sleep_long, wait_at

import cotyledon_core as cotyledon

WAYS: dict[str, Any] = {
    "none": SystemExit(),
    "zero": SystemExit(0),
    "text": SystemExit("a farewell in words"),
    "seven": SystemExit(7),
    "wrapped": SystemExit(300),
    "negative": SystemExit(-1),
    "exception": RuntimeError("on purpose"),
    "interrupt": KeyboardInterrupt(),
    "generator": GeneratorExit(),
}


class Ending(cotyledon.Service):
    """Ends in one of the ways; another thread of it would go on for ever."""

    def __init__(self, worker_id: int, where: str, way: str) -> None:
        super().__init__(worker_id)
        self.where = where
        self.way = way
        threading.Thread(target=sleep_long).start()
        self._reached("init")
        record("init", way=way)

    def run(self) -> None:
        record("run", way=self.way)
        self._reached("run")

    def terminate(self) -> None:
        self._reached("terminate")

    def reload(self) -> None:
        self._reached("reload")

    def _reached(self, where: str) -> None:
        if where == self.where:
            leave(self.way)


def leave(way: str) -> NoReturn:
    raise WAYS[way]


def method(where: str) -> None:
    made = manager()
    made.register_hooks(on_dead_worker=on_dead_worker)
    for way in WAYS:
        record("added", way=way, id=str(made.add(Ending, args=(where, way))))
    made.run()


class Threaded(cotyledon.Service):
    """Its run() returns; the worker goes on."""

    def run(self) -> None:
        record("run", service="threaded", worker_id=self.worker_id)

    def terminate(self) -> None:
        wait_at("end")
        print("said without a flush", end="")
        sys.exit(4)


def returning() -> None:
    made = manager()
    made.register_hooks(on_dead_worker=on_dead_worker)
    made.add(Threaded, 2)
    made.run()


if __name__ == "__main__":
    main(globals())

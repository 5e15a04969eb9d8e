"""Where an application may call ``shutdown()``; the first argument says where."""

import os
import signal
import threading
from typing import Any

from support import Reloading, main, manager, record, watch

import cotyledon_core as cotyledon


class Web(Reloading):
    name = "web"


class NewWorkerHook:
    """Stops the manager from a worker."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager

    def __call__(self, service_id: Any, worker_id: int, service: Any) -> None:
        if worker_id == 1:
            record("calling")
            self.manager.shutdown()


def from_hook(kind: str) -> None:
    def stop(*arguments: Any) -> None:
        record("calling")
        made.shutdown()
        record("returned")

    made = manager()
    hooks: dict[str, Any] = {kind: stop}
    made.register_hooks(**hooks)
    watch(made)
    made.add(Web, 2)
    made.run()


def from_new_worker_hook() -> None:
    made = manager()
    made.register_hooks(on_new_worker=NewWorkerHook(made))
    made.add(Web, 2)
    made.run()


def from_signal_handler() -> None:
    made = manager()
    signal.signal(signal.SIGUSR1, lambda number, frame: made.shutdown())
    made.add(Web, 2)
    made.run()


def from_thread() -> None:
    asked = threading.Event()

    def stop() -> None:
        asked.wait()
        made.shutdown()
        record("returned")

    made = manager()
    made.register_hooks(on_reload=asked.set)
    made.add(Web, 2)
    thread = threading.Thread(target=stop)
    thread.start()
    try:
        made.run()
    finally:
        record("ended")
        thread.join()


def before_run() -> None:
    made = manager()
    watch(made)
    made.add(Web, 2)
    made.shutdown()
    record("returned")
    made.run()


class AtTheFirstStart(cotyledon.Notifier):
    """Stops the manager as soon as a worker was started; counts those that are."""

    blocking = False

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self.started = 0

    def notify(self, event: cotyledon.Event) -> None:
        if event.kind == "worker_spawned":
            self.started += 1
            if self.started == 1:
                self.manager.shutdown()


def at_the_first_start() -> None:
    made = manager()
    notifier = AtTheFirstStart(made)
    made.add_notifier(notifier)
    made.add(Web, 100)
    try:
        made.run()
    finally:
        record("started", count=notifier.started)


def after_the_end() -> None:
    made = manager()
    made.add(Web, 1)
    try:
        made.run()
    except SystemExit as ended:
        record("ended", code=ended.code)
        made.shutdown()
        made.shutdown()
        record("returned")
        raise


def after_the_end_from_thread() -> None:
    made = manager()
    made.add(Web, 1)
    try:
        made.run()
    except SystemExit:
        thread = threading.Thread(target=made.shutdown)
        thread.start()
        thread.join()
        record("returned")
        raise


if __name__ == "__main__":
    main(globals())
    os._exit(99)  # run() ends by SystemExit, so this is not reached.

"""Workers that are watched: while they start, while they run, and at their end.

The first argument names the way in which a worker fails, the others are the
options of its service, as NAME=VALUE. A worker fails only in its first process,
so that its replacement lives.
"""

import os
import signal
import sys
import threading
import time
from typing import Any

from support import Recording, hold_gil, manager, record, sleep_long, wait_at

import cotyledon_core as cotyledon


class Told(cotyledon.Notifier):
    """Notes every event."""

    blocking = False

    def notify(self, event: cotyledon.Event) -> None:
        fields = event.as_dict()
        record("told", kind=fields.pop("event"), **{f"e_{k}": v for k, v in fields.items()})


class Watched(Recording):
    """Does what the command line says."""

    name = "watched"

    def __init__(self, worker_id: int, way: str) -> None:
        super().__init__(worker_id)
        self.way = way if way == "busy" or _first_time() else "beat"
        FAILING_STARTS.get(self.way, lambda service: None)(self)

    def run(self) -> None:
        super().run()
        WORK.get(self.way, keep_beating)(self)

    def terminate(self) -> None:
        super().terminate()
        if self.way == "terminate":
            stuck_in_terminate()
        elif self.way == "terminate_longer":
            self.extend_timeout(60)
            wait_at("terminate")
        elif self.way == "terminate_gil":
            hold_gil()


def _first_time() -> bool:
    try:
        os.close(os.open("failed-once", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def keep_beating(service: Watched) -> None:
    service.heartbeat()
    threading.Thread(target=_beat, args=(service,), daemon=True).start()


def _beat(service: Watched) -> None:
    while True:
        service.heartbeat()
        time.sleep(0.05)


def stuck_in_constructor(service: Watched) -> None:
    record("stuck")
    sleep_long()


def stuck_in_terminate() -> None:
    sleep_long()


def gil_in_constructor(service: Watched) -> None:
    record("stuck")
    hold_gil()


def longer_constructor(service: Watched) -> None:
    service.extend_timeout(60)
    wait_at("constructor")


def be_busy(service: Watched) -> None:
    while True:
        sum(range(1000))


def fall_silent(service: Watched) -> None:
    service.heartbeat()


def stop(service: Watched) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def lose_the_interpreter(service: Watched) -> None:
    hold_gil()


def block_all_signals(service: Watched) -> None:
    """In all threads: they inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def say_ready(service: Watched) -> None:
    wait_at("ready")
    service.status("about to be ready")
    service.notify_ready()


FAILING_STARTS: dict[str, Any] = {
    "gil_deaf": block_all_signals,
    "constructor": stuck_in_constructor,
    "constructor_gil": gil_in_constructor,
    "constructor_longer": longer_constructor,
}
WORK: dict[str, Any] = {
    "silent": fall_silent,
    "busy": be_busy,
    "stopped": stop,
    "gil": lose_the_interpreter,
    "gil_deaf": lose_the_interpreter,
    "notified": say_ready,
}


def _options(arguments: list[str]) -> dict[str, Any]:
    pairs = (argument.split("=") for argument in arguments)
    return {name: float(text) if text[0].isdigit() else text for name, text in pairs}


if __name__ == "__main__":
    way, *more = sys.argv[1:]
    options = _options(more)
    made = manager(int(options.pop("manager_grace", 10)))
    made.add_notifier(Told())
    workers = int(options.pop("workers", 1))
    Watched.graceful_shutdown_timeout = options.pop("grace", None)
    made.add(Watched, workers, args=(way,), **options)
    made.run()

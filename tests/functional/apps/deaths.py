"""What is told of workers' ends; the first argument says how they end."""

import importlib
import os
import signal
import sys
import time
from typing import Any

from support import main, manager, on_dead_worker, record

import cotyledon_core as cotyledon
from cotyledon_core import events


class Ends(cotyledon.Notifier):
    """Notes every end."""

    blocking = False

    def notify(self, event: events.Event) -> None:
        if isinstance(event, events.WorkerExited):
            told = event.as_dict()
            del told["event"], told["at"], told["pid"]
            record("exited", worker_pid=event.pid, text=str(event), **told)


def run(*services: Any, **options: Any) -> None:
    """Run the services, a worker of each."""
    made = manager()
    made.register_hooks(on_dead_worker=on_dead_worker)
    made.add_notifier(Ends())
    for service in services:
        made.add(service, **options)
    made.run()


class Burning(cotyledon.Service):
    """Uses CPU time and memory, then ends."""

    name = "burning"

    def run(self) -> None:
        used = bytearray(64 << 20)
        used[::4096] = b"x" * len(used[::4096])
        while time.process_time() < 0.3:
            pass
        os._exit(3)


def burning() -> None:
    run(Burning)


class Unborn(cotyledon.Service):
    """Its construction fails."""

    name = "unborn"

    def __init__(self, worker_id: int) -> None:
        raise LookupError("nothing to do")


class Refusing(cotyledon.Service):
    """Leaves in words."""

    name = "refusing"

    def terminate(self) -> None:
        raise ValueError("on purpose")

    def run(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def failing() -> None:
    """The module of one of the services is gone when the workers look for it."""
    sys.path.insert(0, os.getcwd())
    vanishing = importlib.import_module("vanishing")
    os.unlink("vanishing.py")
    run(Unborn, Refusing, vanishing.make)


if __name__ == "__main__":
    main(globals())

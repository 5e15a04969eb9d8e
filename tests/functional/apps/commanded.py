"""A manager that does what the test asks for, from a hook or from a thread.

The test writes a file of commands, each a method's name and arguments. A
manager's hook runs them on SIGHUP, a thread as soon as they are there. What
came of each is a record. Services are named by their class here.
"""

import json
import os
import threading
import time
from typing import Any

from support import Recording, Reloading, gate, main, manager, record, sleep_long, watch


class Web(Reloading):
    name = "web"


class Batch(Recording):
    name = "batch"


class Endless(Reloading):
    """Does not end by itself."""

    name = "endless"
    graceful_shutdown_timeout = 1

    def terminate(self) -> None:
        super().terminate()
        sleep_long()


SERVICES = {service.__name__: service for service in (Web, Batch, Endless)}


class Commanded:
    """The manager and the ids of its services."""

    def __init__(self, grace: int = 10) -> None:
        self.manager = manager(grace)
        self.ids: dict[str, Any] = {}
        watch(self.manager)

    def add(self, name: str, workers: int) -> None:
        self.ids[name] = self.manager.add(SERVICES[name], workers)

    def obey(self) -> None:
        """Do what the test asked for, once."""
        try:
            with open(gate("commands")) as file:
                commands = json.load(file)
            os.unlink(gate("commands"))
        except FileNotFoundError:
            return
        for name, *arguments in commands:
            try:
                getattr(self, name)(*arguments)
            except Exception as error:
                record("refused", name=name, error=type(error).__name__, text=str(error))
            else:
                record("done", name=name)

    def reconfigure(self, name: str, workers: Any) -> None:
        self.manager.reconfigure(self.ids.get(name, name), workers)

    def shutdown(self) -> None:
        self.manager.shutdown()

    def kill(self, number: int, *pids: int) -> None:
        for pid in pids:
            os.kill(pid, number)

    def listen(self) -> None:
        """Obey on a thread of its own, which ends after one set of commands."""

        def wait() -> None:
            while not os.path.exists(gate("commands")):
                time.sleep(0.005)
            self.obey()
            if not self.ended:
                self.listen()

        self.ended = False
        threading.Thread(target=wait, daemon=True).start()


def hook(*services: str) -> None:
    app = Commanded()
    app.manager.register_hooks(on_reload=app.obey)
    start(app, services)
    app.manager.run()


def dead_worker_hook(*services: str) -> None:
    app = Commanded()
    app.manager.register_hooks(on_dead_worker=lambda *arguments: app.obey())
    start(app, services)
    app.manager.run()


def terminate_hook(*services: str) -> None:
    app = Commanded()
    app.manager.register_hooks(on_terminate=app.obey)
    start(app, services)
    app.manager.run()


def thread(*services: str) -> None:
    app = Commanded()
    start(app, services)
    app.listen()
    app.manager.run()


def start(app: Commanded, services: tuple[str, ...]) -> None:
    """Add services written as ``Name:workers``."""
    for service in services:
        name, _, workers = service.partition(":")
        app.add(name, int(workers))


if __name__ == "__main__":
    main(globals())

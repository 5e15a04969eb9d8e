"""Services whose new processes run what the file ``code.py`` says at that moment.

The argument is JSON: ``service``, ``scales`` (the number of workers that each SIGUSR1 brings), and
what ``add`` takes.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import signal
import socket
import threading
from pathlib import Path
from typing import Any

from support import Recording, Reloading, main, manager, record, wait_at, watch

import cotyledon_core as cotyledon


class Marked(Recording):
    """Shows by a file that it is there, and by another for how long it is ready.

    From its birth to its asking to end it is ready for longer than the manager thinks.
    """

    name = "marked"
    graceful_shutdown_timeout = 2

    def __init__(self, worker_id: int) -> None:
        self._mark = f"{self.name}:{worker_id}:{os.getpid()}"
        Path("processes", self._mark).touch()
        super().__init__(worker_id)
        wait_at("init")
        self._code = runpy.run_path("code.py")
        Path("ready", self._mark).touch()

    def run(self) -> None:
        super().run()
        self._code.get("run", int)()

    def terminate(self) -> None:
        Path("ready", self._mark).unlink()
        super().terminate()
        wait_at("end")


class InPlace(Reloading, Marked):
    name = "in place"


class Serving(Marked):
    """Answers with its worker id whoever connects; ends when it has answered.

    :param listener: shared by all workers.
    """

    name = "serving"

    def __init__(self, worker_id: int, listener: socket.socket) -> None:
        super().__init__(worker_id)
        self._listener = listener
        listener.setblocking(False)
        self._ended, self._ending = threading.Event(), threading.Event()

    def run(self) -> None:
        super().run()
        while not self._ending.is_set():
            if select.select([self._listener], [], [], 0.01)[0]:
                self._answer()
        self._ended.set()

    def _answer(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:  # another was faster
            return
        with connection:
            connection.sendall(str(self.worker_id).encode())

    def terminate(self) -> None:
        super().terminate()
        self._ending.set()
        self._ended.wait()


class Events(cotyledon.Notifier):
    """Notes each event."""

    blocking = False

    def notify(self, event: cotyledon.Event) -> None:
        fields = event.as_dict()
        record(fields.pop("event"), **fields)


SERVICES = {service.name: service for service in (Marked, InPlace, Serving)}


def reload(argument: str) -> None:
    options: dict[str, Any] = json.loads(argument)
    for directory in ("processes", "ready"):
        Path(directory).mkdir()
    service = SERVICES[options.pop("service", "marked")]
    scales = options.pop("scales", [])
    made = manager()
    made.add_notifier(Events())
    watch(made)
    if service is Serving:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        options["args"] = (listener,)
        record("listening", port=listener.getsockname()[1])
    service_id = made.add(service, **options)

    def scale(*_: Any) -> None:
        made.reconfigure(service_id, scales.pop(0))

    signal.signal(signal.SIGUSR1, scale)
    made.run()


if __name__ == "__main__":
    main(globals())

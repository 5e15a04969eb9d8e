"""Workers that reach bounds.

The first argument names what the service does, the second is its number of
workers, the others are its options, as NAME=VALUE.
"""

import sys
import threading
from typing import Any

from support import Recording, gate, manager, record

import cotyledon_core as cotyledon

MEBIBYTE = 1 << 20


class Told(cotyledon.Notifier):
    """Notes what is told of workers that end."""

    blocking = False

    def notify(self, event: cotyledon.Event) -> None:
        if isinstance(event, cotyledon.events.WorkerRecycled):
            record("recycled", worker_id=event.worker_id, ended=event.pid, reason=event.reason)
        elif isinstance(event, cotyledon.events.WorkerExited):
            record("exited", ended=event.pid, asked=event.asked, code=event.status.code)


class Growing(Recording):
    """Takes 200 MiB, in its first process."""

    name = "growing"

    def run(self) -> None:
        super().run()
        self.held = b"\1" * (MEBIBYTE * 200) if _first_process(self) else b""


class Working(Recording):
    """Does 50 tasks on each of two threads, in its first process."""

    name = "working"

    def run(self) -> None:
        super().run()
        if _first_process(self):
            threading.Thread(target=self.work).start()
            self.work()

    def work(self) -> None:
        for _ in range(50):
            self.task_done()
        record("done")


class Idle(Recording):
    """Lives."""

    name = "idle"


def _first_process(service: Recording) -> bool:
    """Whether no other process of this worker was there before."""
    try:
        with open(gate(f"first-{service.worker_id}"), "x"):
            return True
    except FileExistsError:
        return False


def number(text: str) -> Any:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


if __name__ == "__main__":
    kind, workers, *given = sys.argv[1:]
    options = {name: number(value) for name, value in (item.split("=") for item in given)}
    subject = manager()
    subject.add_notifier(Told())
    subject.add(
        {"growing": Growing, "working": Working, "idle": Idle}[kind], int(workers), **options
    )
    subject.run()

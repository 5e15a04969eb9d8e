"""cotyledon_core with the notifiers that the arguments name, by ``NAME`` or ``NAME:DETAIL``.

With the argument ``talk`` a worker more says something new as fast as it can.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import entry_points
from typing import Any

import cotyledon_core
from benchmarks.contestants.stamps import (
    EVENTS_TOLD,
    FOREVER,
    MANAGER_RUNS,
    WORKER_RUNS,
    WORKER_TALKS,
    stamp,
)
from cotyledon_core import events

STATUSES = 5000
"""How often a talking worker says something."""

DETAILS = {
    "json-log": "file",
    "opentelemetry": "endpoint",
    "prometheus": "address",
    "statsd": "port",
    "systemd": "socket",
}
"""The option that an argument's detail is for."""


class Stamping(cotyledon_core.Service):
    def run(self) -> None:
        stamp(WORKER_RUNS, self.worker_id)
        time.sleep(FOREVER)


class Talking(cotyledon_core.Service):
    def run(self) -> None:
        stamp(WORKER_TALKS)
        for number in range(STATUSES):
            self.status(str(number))
        time.sleep(FOREVER)


class Counting(cotyledon_core.Notifier):
    """Stamps when all that the talking worker has said was told."""

    blocking = False

    def __init__(self) -> None:
        self._count = 0

    def notify(self, event: events.Event) -> None:
        if isinstance(event, events.WorkerStatus):
            self._count += 1
            if self._count == STATUSES:
                stamp(EVENTS_TOLD)


def notifiers(names: list[str]) -> dict[str, cotyledon_core.Notifier]:
    made: dict[str, cotyledon_core.Notifier] = {}
    for text in names:
        name, _, detail = text.partition(":")
        (found,) = entry_points(group="cotyledon.notifiers", name=name)
        options: dict[str, Any] = {}
        if detail:
            options[DETAILS[name]] = int(detail) if name == "statsd" else detail
        made[name] = found.load()(**options)
    return made


def main() -> None:
    os.environ.pop("NOTIFY_SOCKET", None)
    count, *names = sys.argv[1:]
    talks = "talk" in names
    manager = cotyledon_core.ServiceManager()
    # not those that a manager has which nobody gave any
    setattr(manager, "_has_defaults", False)  # noqa: B010
    for name, notifier in notifiers([name for name in names if name != "talk"]).items():
        manager.add_notifier(notifier, name)
    if talks:
        manager.add_notifier(Counting())
        manager.add(Talking)
    manager.add(Stamping, workers=int(count))
    stamp(MANAGER_RUNS)
    manager.run()


if __name__ == "__main__":
    main()

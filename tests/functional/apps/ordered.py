"""Services that start one after the other, and a manager that lets a stop wait.

The arguments: whether the first service becomes ready (``plain``) or fails
(``fails``), and the manager's stop_delay.
"""

import sys
from typing import Any

from support import Recording, manager, record, wait_at, watch

import cotyledon_core as cotyledon
from cotyledon_core import GiveUp, RestartPolicy


class First(Recording):
    name = "first"
    ready_when = "notified"

    def __init__(self, worker_id: int, way: str) -> None:
        super().__init__(worker_id)
        self.way = way

    def run(self) -> None:
        super().run()
        if self.way == "fails":
            sys.exit(1)
        wait_at("ready")
        record("ready", worker_id=self.worker_id)
        self.notify_ready()


class Second(Recording):
    name = "second"

    def terminate(self) -> None:
        super().terminate()
        wait_at("terminate")


class Never(RestartPolicy):
    def decide(self, death: cotyledon.Death) -> Any:
        return GiveUp("it has failed")


class Told(cotyledon.Notifier):
    blocking = False

    def notify(self, event: cotyledon.Event) -> None:
        if isinstance(event, cotyledon.events.ServiceGivenUp):
            record("given_up", service=event.service)
        elif isinstance(event, cotyledon.events.ManagerReady | cotyledon.events.ManagerStopping):
            record(event.kind)


if __name__ == "__main__":
    way, *delay = sys.argv[1:]
    subject = manager(stop_delay=float(delay[0]) if delay else 0.0)
    watch(subject)
    subject.add_notifier(Told())
    subject.add(First, 2, args=(way,), restart_policy=Never())
    subject.add(Second, 2, start_after="first")
    subject.run()

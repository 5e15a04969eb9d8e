"""One service as the supervisor sees it."""

from __future__ import annotations

from collections import deque

from cotyledon_core.plugins.restart_policy import PastRestart
from cotyledon_core.supervision.messages import ServiceSpec
from cotyledon_core.supervision.states import Occurrence
from cotyledon_core.supervision.worker import Worker
from cotyledon_core.types import WorkerId

RESTARTS_KEPT = 1000


class SupervisedService:
    """A service's workers, and how many of them are wanted."""

    __slots__ = ("given_up", "restarts", "spec", "wanted", "workers")

    def __init__(self, spec: ServiceSpec) -> None:
        self.spec = spec
        self.wanted = spec.workers
        self.given_up = False
        self.workers: dict[WorkerId, Worker] = {}
        self.restarts: deque[PastRestart] = deque(maxlen=RESTARTS_KEPT)

    def missing(self) -> list[Worker]:
        """Make the workers that are wanted and not there yet, lowest id first."""
        made = []
        for number in range(self.wanted):
            worker_id = WorkerId(number)
            if worker_id not in self.workers:
                worker = self.workers[worker_id] = Worker(self, worker_id)
                made.append(worker)
        return made

    def surplus(self) -> list[Worker]:
        """The workers that are there and not wanted, highest id first."""
        ids = sorted((i for i in self.workers if i >= self.wanted), reverse=True)
        return [self.workers[worker_id] for worker_id in ids]

    def give_up(self) -> None:
        """No worker is to be started any more."""
        self.given_up = True
        for worker in self.workers.values():
            worker.enter(Occurrence.GIVE_UP)
            worker.queued = False

"""One service as the supervisor sees it."""

from __future__ import annotations

from collections import deque

from cotyledon_core.plugins.restart_policy import SERVICE_RESTARTS_KEPT, PastRestart
from cotyledon_core.supervision.hold import Hold
from cotyledon_core.supervision.messages import ServiceSpec
from cotyledon_core.supervision.recycle_queue import RecycleQueue
from cotyledon_core.supervision.rollout import Rollout
from cotyledon_core.supervision.states import Goal, Occurrence, State
from cotyledon_core.supervision.worker import Worker
from cotyledon_core.types import WorkerId


class SupervisedService:
    """A service's workers, and how many of them are wanted."""

    __slots__ = (
        "alive",
        "awaited",
        "doubles",
        "generation",
        "given_up",
        "held",
        "hold",
        "leaving",
        "recycle_queue",
        "renewed",
        "restarts",
        "rollout",
        "running",
        "settled",
        "spec",
        "waiting",
        "wanted",
        "workers",
    )

    def __init__(self, spec: ServiceSpec, hold: Hold | None = None) -> None:
        self.spec = spec
        self.wanted = spec.workers
        self.hold = hold or Hold()
        """Which workers an operator has stopped."""
        self.held = self.hold.count(spec.workers)
        """How many of the wanted ones."""
        self.generation = 0
        """One more with each restart of the whole service by an operator."""
        self.renewed = 0
        """Workers of this generation that are ready."""
        self.given_up = False
        self.leaving = False
        """Whether it is forgotten when its last worker is gone."""
        self.waiting = False
        """Whether its start waits for other services."""
        self.awaited = 0
        """Workers that have still to become ready for the first time."""
        self.alive = 0
        """Workers that have a process."""
        self.running = 0
        """Workers that are ready."""
        self.settled = 0
        """Workers that have no process and will have none by themselves."""
        self.recycle_queue = RecycleQueue()
        self.rollout = Rollout()
        self.workers: dict[WorkerId, Worker] = {}
        self.doubles: dict[WorkerId, Worker] = {}
        """The second process of a slot, on its way out or soon to be, while workers are replaced
        with a surge."""
        self.restarts: deque[PastRestart] = deque(maxlen=SERVICE_RESTARTS_KEPT)

    @property
    def expected(self) -> int:
        """How many workers are wanted and not stopped by an operator."""
        return self.wanted - self.held

    @property
    def is_over(self) -> bool:
        """Whether it was given up or has finished, and nothing of it runs."""
        if self.alive:
            return False
        if self.given_up:
            return self.settled + self.held == len(self.workers)
        return self.wanted > 0 and self.settled == len(self.workers)

    @property
    def is_lost(self) -> bool:
        """Whether it was given up, or a worker of it failed for good."""
        return self.given_up or any(
            worker.state is State.EXITED and not worker.clean for worker in self.workers.values()
        )

    def count_held(self) -> None:
        """The wanted number has changed, or what an operator has stopped."""
        self.held = self.hold.count(self.wanted)

    def begin_generation(self) -> None:
        """No process that there is now is renewed."""
        self.generation += 1
        self.renewed = 0

    def wants(self, worker_id: WorkerId) -> bool:
        """Whether there is to be a process in this slot."""
        return worker_id < self.wanted and not self.hold.holds(worker_id)

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
        surplus = [worker for worker in self.all_workers() if worker.worker_id >= self.wanted]
        return sorted(surplus, key=lambda worker: worker.worker_id, reverse=True)

    def all_workers(self) -> list[Worker]:
        """One for each slot, and the doubles."""
        return [*self.workers.values(), *self.doubles.values()]

    def is_double(self, worker: Worker) -> bool:
        """Whether another has the worker's slot."""
        return self.doubles.get(worker.worker_id) is worker

    def has_standby(self, worker: Worker) -> bool:
        """Whether the worker has a double that goes on until the worker counts."""
        double = self.doubles.get(worker.worker_id)
        if double is None or double is worker:
            return False
        return double.goal is Goal.UP and double.state is not State.STOPPING

    @property
    def stands(self) -> bool:
        """Whether its workers' way to another revision needs what may never happen."""
        if self.rollout.told or self.rollout.starting:
            return True
        return self.rollout.is_blocked and not any(
            double.state is State.STOPPING for double in self.doubles.values()
        )

    def double(self, worker: Worker) -> Worker:
        """Make a successor for the worker, which goes on beside it."""
        successor = Worker(self, worker.worker_id)
        successor.last_number = worker.last_number
        self.doubles[worker.worker_id] = worker
        self.workers[worker.worker_id] = successor
        return successor

    def swap(self, worker_id: WorkerId) -> None:
        """Give a slot back to its double."""
        back, away = self.doubles.pop(worker_id), self.workers[worker_id]
        back.last_number = away.last_number
        self.workers[worker_id], self.doubles[worker_id] = back, away

    def remove(self, worker: Worker) -> None:
        """The worker is gone for good."""
        self.rollout.forget(worker)
        double = self.doubles.get(worker.worker_id)
        if double is worker:
            del self.doubles[worker.worker_id]
        elif double is not None:
            double.last_number = worker.last_number
            self.workers[worker.worker_id] = self.doubles.pop(worker.worker_id)
        else:
            del self.workers[worker.worker_id]

    def revive(self, *, finished: bool, only: WorkerId | None = None) -> list[Worker]:
        """Begin anew; those that were left ended, and may be started again.

        :param finished: whether those are meant, too, that have done what they were for.
        :param only: the one that is meant; all, unless given.
        """
        self.given_up = False
        self.restarts.clear()
        left = [w for w in self.workers.values() if w.state in (State.EXITED, State.FATAL)]
        ended = [
            worker
            for worker in left
            if (finished or not worker.clean) and only in (None, worker.worker_id)
        ]
        for worker in ended:
            worker.enter(Occurrence.REVIVE)
            worker.restarts.clear()
        return ended

    def give_up(self) -> None:
        """No worker is to be started any more."""
        self.given_up = True
        for worker in self.workers.values():
            if worker.goal is Goal.DOWN and not worker.alive:
                continue  # an operator has stopped it
            worker.enter(Occurrence.GIVE_UP)
            worker.queued = False

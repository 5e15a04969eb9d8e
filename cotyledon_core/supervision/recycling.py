"""Replacement of workers that have reached a bound: so much memory, so many tasks, so long a life.

Memory and tasks are the worker's to watch: it asks for its replacement. How
long it lives is watched here, from its readiness on, so that it holds for
programs too. Nobody is asked to end before the service has less than its
``max_recycling`` workers in replacement, nor while a reload replaces workers of
it; the others go on working in a queue. A
worker counts from the grant until its replacement is ready, or until none is on
its way: it is not wanted any more, or the restart policy has taken over.
"""

from __future__ import annotations

from collections.abc import Callable

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import Goal, Occurrence, State
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending, Worker


class Recycling:
    """See the module's description.

    :param random: gives the next random number from 0 to 1.
    """

    def __init__(
        self, situation: Situation, stopping: Stopping, random: Callable[[], float]
    ) -> None:
        self._situation = situation
        self._stopping = stopping
        self._random = random

    def ready(self, worker: Worker) -> None:
        """The worker has become ready: if it is a replacement, that is over; it begins to age."""
        worker.service.recycle_queue.over(worker)
        self.grant(worker.service)
        self._limit(worker)

    def _limit(self, worker: Worker) -> None:
        spec, timer = worker.service.spec, Timer(Kind.LIFETIME, worker)
        if spec.max_lifetime:
            lifetime = spec.max_lifetime * (1.0 + spec.recycle_jitter * self._random())
            self._situation.deadlines.set(timer, worker.ready_at + lifetime)
        else:
            self._situation.deadlines.cancel(timer)

    def respecified(self, service: SupervisedService, old: msg.ServiceSpec) -> None:
        """The service has got another specification."""
        if service.spec.max_lifetime != old.max_lifetime:
            for worker in service.all_workers():
                if worker.state is State.RUNNING:
                    self._limit(worker)
        self.grant(service)

    def lifetime_over(self, worker: Worker) -> None:
        self._ask(worker, f"max_lifetime: {worker.service.spec.max_lifetime:g} seconds are over")

    def asked(self, message: msg.RecycleAsked) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        worker.check(Occurrence.LEAVE)
        self._ask(worker, message.reason)

    def _ask(self, worker: Worker, reason: str) -> None:
        worker.service.recycle_queue.ask(worker, reason)
        self.grant(worker.service)

    def grant(self, service: SupervisedService) -> None:
        """Ask as many to end as may be in replacement, where others follow."""
        if self._situation.stopping or service.rollout.under_way or service.doubles:
            return
        most = max(service.spec.max_recycling.of(service.wanted), 1)
        while (worker := service.recycle_queue.next(most)) is not None:
            self._stopping.stop(worker, Ending.RECYCLING)

    def tell(self, worker: Worker) -> None:
        """The worker's process has ended as it was asked to."""
        reason = worker.service.recycle_queue.reason(worker)
        self._situation.agenda.publish_of_worker(worker, events.WorkerRecycled, reason=reason)

    def settled(self, worker: Worker) -> None:
        """It has been decided what follows the end of the worker's process."""
        queue = worker.service.recycle_queue
        queue.ended(worker)
        replaced = worker.state is State.STOPPED and worker.goal is Goal.UP
        if not replaced:
            queue.over(worker)
            self.grant(worker.service)

"""How a service's workers are brought to its present revision.

Those that reload in place are told to, all at once. The others are replaced:
one that is not ready at once, those that are as long as no more than
``max_unavailable`` of the wanted workers are missing, whatever they are missing
for. A new process counts when it has been ready for ``min_ready_time``. Those
that the restart policy has left ended are not waited for.

With ``max_surge`` the new process is started beside the old one, which is asked
to end when the new one counts: for that time the slot has a *double*. The new
one has the slot; if it is lost for good the double gets it back.

Whether a loss on the way matters is not decided here: see :mod:`.reloading`.
"""

from __future__ import annotations

from collections.abc import Callable

from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request, Signal
from cotyledon_core.supervision.recycling import Recycling
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import SETTLED, Goal, Occurrence, State
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending, Worker


class Replacement:
    """See the module's description."""

    def __init__(self, situation: Situation, stopping: Stopping, recycling: Recycling) -> None:
        self._situation = situation
        self._stopping = stopping
        self._recycling = recycling
        self.under_way: set[SupervisedService] = set()
        """Services with workers that are on their way."""
        self.failed: Callable[[SupervisedService, str], None] = lambda service, why: None
        """Told of every loss on the way."""
        self.told = self.replaced = 0
        """So many workers have reloaded in place, or were replaced, since this was set to 0."""

    def only_tells(self) -> bool:
        """Whether nothing is under way but reloads in place."""
        return all(_is_only_told(service) for service in self.under_way)

    # -- the beginning

    def tell(self, service: SupervisedService, *, keep: bool) -> None:
        """Have the workers reload in place.

        :param keep: whether those that cannot stay as they are.
        """
        service.rollout.keeps = keep
        for worker in service.workers.values():
            if worker.outdated and worker.state in (State.STARTING, State.RUNNING):
                service.rollout.forget(worker)
                service.rollout.told.add(worker)
                self._situation.agenda.add(Signal(worker.incarnation, Request.RELOAD))
        self._look_at(service)

    def replace(self, service: SupervisedService) -> None:
        """Have the workers replaced."""
        rollout = service.rollout
        for worker in list(service.workers.values()):
            if not worker.outdated or worker.goal is Goal.DOWN:
                continue
            if worker.state is State.STOPPING:
                rollout.coming.add(worker)
            elif worker.alive:
                self._queue(worker)
        self.advance(service)

    def _queue(self, worker: Worker) -> None:
        rollout = worker.service.rollout
        rollout.forget(worker)
        if worker.state is State.RUNNING:
            rollout.waiting[worker] = None
        else:
            rollout.coming.add(worker)
            self._stopping.stop(worker, Ending.REPLACEMENT)

    # -- what workers say

    def reloaded(self, message: msg.Reloaded) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        if worker in worker.service.rollout.told:
            self.told += 1
            self._is_up_to_date(worker)

    def leave_asked(self, message: msg.LeaveAsked) -> None:
        """It cannot reload in place, or was told by somebody else to reload."""
        worker = self._situation.roster.worker(message.incarnation)
        worker.check(Occurrence.LEAVE)
        service = worker.service
        if worker.state is State.STOPPING or service.is_double(worker):
            return
        if worker in service.rollout.told and service.rollout.keeps:
            self._is_up_to_date(worker)
            return
        worker.revision = None
        self._queue(worker)
        self.advance(service)

    def _is_up_to_date(self, worker: Worker) -> None:
        worker.revision = worker.service.spec.revision
        worker.service.rollout.forget(worker)
        self._look_at(worker.service)

    # -- one after the other

    def advance(self, service: SupervisedService) -> None:
        """Begin as many replacements as may be under way at a time."""
        waiting = service.rollout.waiting
        while waiting and not self._situation.stopping:
            worker = next(iter(waiting))
            if worker.state is not State.RUNNING:
                del waiting[worker]  # it is ending already
            elif self._may_surge(worker):
                del waiting[worker]
                successor = service.double(worker)
                service.rollout.coming.add(successor)
                self._situation.starts.add(successor)
            elif self._may_stop(service):
                del waiting[worker]
                service.rollout.coming.add(worker)
                self._stopping.stop(worker, Ending.REPLACEMENT)
            else:
                break
        self._look_at(service)

    def _may_surge(self, worker: Worker) -> bool:
        service = worker.service
        surge = service.spec.max_surge.rounded_up_of(service.wanted)
        return len(service.doubles) < surge and worker.worker_id not in service.doubles

    def _may_stop(self, service: SupervisedService) -> bool:
        available = service.running - len(service.rollout.observed)
        missing = service.wanted - service.settled - available
        return missing < service.spec.max_unavailable.at_least_one_of(service.wanted)

    def begun(self, worker: Worker) -> None:
        """A new process of the worker is asked for."""
        service = worker.service
        if service.rollout.under_way:
            service.rollout.forget(worker)
            service.rollout.starting.add(worker)
            self._look_at(service)

    def ready(self, worker: Worker) -> None:
        """The worker's process is ready."""
        rollout, spec = worker.service.rollout, worker.service.spec
        if worker not in rollout.starting:
            return
        rollout.starting.remove(worker)
        rollout.observed.add(worker)
        if spec.min_ready_time > 0:
            until = self._situation.now + spec.min_ready_time
            self._situation.deadlines.set(Timer(Kind.PROOF, worker), until)
            self._look_at(worker.service)
        else:
            self.proven(worker)

    def proven(self, worker: Worker) -> None:
        """The worker has been ready for long enough: it counts."""
        service = worker.service
        service.rollout.observed.discard(worker)
        self.replaced += 1
        old = service.doubles.get(worker.worker_id)
        if old is not None:
            old.goal = Goal.DOWN
            self._stopping.stop(old, Ending.REPLACEMENT)
        self.advance(service)

    # -- losses

    def ended(self, worker: Worker, how: str) -> None:
        """It has been decided what follows the end of the worker's process.

        :param how: of the end, for people.
        """
        service = worker.service
        why = "" if worker.was_asked else _loss(worker, how)
        if not (worker in service.rollout.coming and worker.state is State.STOPPED):
            service.rollout.forget(worker)
        if worker.state in SETTLED and worker.worker_id in service.doubles:
            self.restore(service)
        if why:
            self.failed(service, why)
        self.advance(service)

    def halt(self, service: SupervisedService) -> None:
        """Replace nobody any more; slots go back to doubles of new processes that do not count."""
        for worker in service.rollout.observed:
            self._situation.deadlines.cancel(Timer(Kind.PROOF, worker))
        uncounted = service.rollout.coming | service.rollout.starting | service.rollout.observed
        service.rollout.halt()
        for worker in uncounted:
            if worker.worker_id in service.doubles:
                self._give_back(worker)
        self._look_at(service)

    def restore(self, service: SupervisedService) -> None:
        """Give slots back to doubles where nothing comes of the new process."""
        for worker_id in list(service.doubles):
            if not service.workers[worker_id].alive:
                self._give_back(service.workers[worker_id])

    def _give_back(self, worker: Worker) -> None:
        worker.service.swap(worker.worker_id)
        worker.goal = Goal.DOWN
        self._stopping.stop(worker, Ending.STOP)

    def _look_at(self, service: SupervisedService) -> None:
        """Something has changed: is the service there, and how long may the next step take?"""
        timer, timeout = Timer(Kind.REPLACEMENT, service), service.spec.replacement_timeout
        if service.rollout.stands and timeout > 0:
            self._situation.deadlines.set(timer, self._situation.now + timeout)
        else:
            self._situation.deadlines.cancel(timer)
        if service.rollout.under_way or service.doubles or service.leaving:
            self.under_way.add(service)
        elif service in self.under_way:
            self.under_way.remove(service)
            self._recycling.grant(service)


def _is_only_told(service: SupervisedService) -> bool:
    rollout = service.rollout
    replaced = rollout.waiting or rollout.coming or rollout.starting or rollout.observed
    return not (replaced or service.doubles or service.leaving)


def _loss(worker: Worker, how: str) -> str:
    """What has become of a worker that was on its way; empty if it was not."""
    rollout = worker.service.rollout
    name = f"worker {worker.service.spec.name}({worker.worker_id})"
    if worker in rollout.told:
        return f"{name} ended while it was to reload: {how}"
    if worker in rollout.starting:
        return f"{name} was not ready: {how}"
    if worker in rollout.observed:
        return f"{name} ended within min_ready_time after it was ready: {how}"
    return ""

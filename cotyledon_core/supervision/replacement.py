"""How a service's workers are brought to its present revision.

Those that reload in place are told to, all at once. The others are replaced:
one that is not ready at once, those that are as long as no more than
``max_unavailable`` of the wanted workers are missing, whatever they are missing
for. A new process counts when it has been ready for ``min_ready_time``. Those
that the restart policy has left ended are not waited for.

With ``max_surge`` the new process is started beside the old one, which is asked
to end when the new one counts: for that time the slot has a *double*. The new
one has the slot; if it is lost for good before it counts the double gets it back.

A worker that asks to leave by itself goes the same way. No reload waits for it
unless one replaces workers of that service, too.

A loss on the way ends an operator's rolling restart: nobody else is replaced. What
it means for a reload is not decided here: see :mod:`.reloading`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Phase
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request, Signal
from cotyledon_core.supervision.recycling import Recycling
from cotyledon_core.supervision.results import Wish
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import SETTLED, Goal, Occurrence, State
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending, Worker


class Loss(NamedTuple):
    """A worker that was on its way has ended."""

    text: str
    of_reload: bool
    """Whether a reload waits for it."""
    of_restart: bool
    """Whether it ends a rolling restart."""


class Replacement:
    """See the module's description."""

    def __init__(self, situation: Situation, stopping: Stopping, recycling: Recycling) -> None:
        self._situation = situation
        self._stopping = stopping
        self._recycling = recycling
        # ordered, so that the same messages always lead to the same actions
        self.under_way: dict[SupervisedService, None] = {}
        """Services for which a reload has to wait."""
        self.failed: Callable[[SupervisedService, str], None] = lambda service, why: None
        """Told of every loss on the way of a reload."""
        self.told = self.replaced = 0
        """So many workers have reloaded in place, or were replaced, since this was set to 0."""

    def only_tells(self) -> bool:
        """Whether nothing is under way but reloads in place."""
        return all(
            service.rollout.is_only_told and not service.doubles and not service.leaving
            for service in self.under_way
        )

    # -- the beginning

    def tell(self, service: SupervisedService, *, keep: bool) -> None:
        """Have the workers reload in place, but for those that are to be replaced anyway.

        :param keep: whether those that cannot stay as they are.
        """
        service.rollout.keeps = keep
        for worker in self._begin(service):
            if service.has_standby(worker) or _is_useless(worker):
                self._queue(worker)
            elif worker not in service.rollout.waiting:  # else it is replaced in its turn
                self._forget(worker)
                service.rollout.told.add(worker)
                self._situation.agenda.add(Signal(worker.incarnation, Request.RELOAD))
        self.advance(service)

    def replace(self, service: SupervisedService) -> None:
        """Have the workers replaced."""
        for worker in self._begin(service):
            self._queue(worker)
        self.advance(service)

    def restart(self, service: SupervisedService, workers: list[Worker], *, rolling: bool) -> None:
        """Have these replaced though nothing has changed, all at once unless it is rolling."""
        service.rollout.ordered = True
        for worker in workers:
            if worker.queued or worker.state is State.STOPPING:
                self._comes(worker)
            elif worker.alive:
                worker.revision = None
                if rolling:
                    self._queue(worker)
                else:
                    self._comes(worker)
                    self._stopping.stop(worker, Ending.REPLACEMENT)
            if not rolling and service.has_standby(worker):
                double = service.doubles[worker.worker_id]
                double.goal = Goal.DOWN
                self._stopping.stop(double, Ending.REPLACEMENT)
        # others may be on their way by an earlier command
        service.rollout.gated = rolling or (service.rollout.gated and bool(service.rollout.waiting))

    def _begin(self, service: SupervisedService) -> list[Worker]:
        """A reload waits for the service from now on; those that have to be brought along.

        The others come by themselves: their next process is made of what the service is now.
        """
        service.rollout.awaited = True
        self._situation.deadlines.cancel(Timer(Kind.REPLACEMENT, service))
        behind = []
        for worker in service.workers.values():
            if not worker.outdated or worker.goal is Goal.DOWN:
                continue
            if worker.queued or worker.state is State.STOPPING:
                self._comes(worker)
            elif worker.alive:
                behind.append(worker)
        return behind

    def _comes(self, worker: Worker) -> None:
        self._forget(worker)
        worker.service.rollout.coming.add(worker)

    def _forget(self, worker: Worker) -> None:
        self._situation.deadlines.cancel(Timer(Kind.PROOF, worker))
        worker.service.rollout.forget(worker)

    def _queue(self, worker: Worker) -> None:
        rollout = worker.service.rollout
        self._forget(worker)
        if worker.state is State.RUNNING and not worker.service.has_standby(worker):
            rollout.waiting[worker] = None
        else:
            rollout.coming.add(worker)
            self._stopping.stop(worker, Ending.REPLACEMENT)

    # -- what workers say

    def reloaded(self, message: msg.Reloaded) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        worker.deaf = False
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
        self._came_forward(worker.service)

    # -- one after the other

    def advance(self, service: SupervisedService) -> None:
        """Begin as many replacements as may be under way at a time."""
        waiting = service.rollout.waiting
        while waiting and not self._situation.stopping:
            worker = next(iter(waiting))
            if worker.goal is Goal.DOWN:
                del waiting[worker]
            elif worker.state is State.STOPPING:
                self._comes(worker)
            elif self._may_surge(worker):
                del waiting[worker]
                successor = service.double(worker)
                service.rollout.coming.add(successor)
                self._situation.starts.add(successor)
            elif self._may_stop(service):
                self._comes(worker)
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
        missing = service.expected - service.settled - available
        return missing < service.spec.max_unavailable.at_least_one_of(service.wanted)

    def begun(self, worker: Worker) -> None:
        """A new process of the worker is asked for."""
        service = worker.service
        if service.rollout.under_way or service.has_standby(worker):
            service.rollout.forget(worker)
            service.rollout.starting.add(worker)
            self._came_forward(service)

    def ready(self, worker: Worker) -> None:
        """The worker's process is ready."""
        rollout, spec = worker.service.rollout, worker.service.spec
        if worker not in rollout.starting:
            self.advance(worker.service)  # one less is missing
            return
        rollout.starting.remove(worker)
        rollout.observed.add(worker)
        if spec.min_ready_time > 0:
            until = self._situation.now + spec.min_ready_time
            self._situation.deadlines.set(Timer(Kind.PROOF, worker), until)
            self._came_forward(worker.service)
        else:
            self.proven(worker)

    def proven(self, worker: Worker) -> None:
        """The worker has been ready for long enough: it counts."""
        service = worker.service
        service.rollout.observed.discard(worker)
        self.replaced += service.rollout.awaited
        if service.has_standby(worker):
            old = service.doubles[worker.worker_id]
            old.goal = Goal.DOWN
            self._stopping.stop(old, Ending.REPLACEMENT)
        self._situation.deadlines.cancel(Timer(Kind.REPLACEMENT, service))
        self.advance(service)

    def end_late(self, service: SupervisedService) -> None:
        """End new processes by force that hang in their start: they would not be ready any more.

        A grace period is for those that have work to finish.
        """
        for worker in list(service.rollout.starting):
            late = worker.started_at + service.spec.replacement_timeout <= self._situation.now
            if late and worker.state is State.STARTING and not worker.is_being_made:
                self._stopping.end_hung(worker, Ending.START_TIMEOUT)

    # -- losses

    def loss(self, worker: Worker, how: str) -> Loss | None:
        """What is lost by the end of the worker's process.

        To be asked before it is decided what follows.

        :param how: of the end, for people.
        """
        service, text = worker.service, _loss(worker, how)
        if worker.was_asked or not text:
            return None
        return Loss(text, of_reload=service in self.under_way, of_restart=service.rollout.gated)

    def ended(self, worker: Worker, loss: Loss | None) -> None:
        """It has been decided what follows the end of the worker's process."""
        service = worker.service
        was_on_its_way = worker in service.rollout
        service.rollout.forget(worker)
        if was_on_its_way and worker.queued:
            service.rollout.coming.add(worker)
        if worker.state in SETTLED and service.has_standby(worker):
            self._give_back(worker)
        if loss is not None:
            self._lost(worker, loss)
        self.advance(service)

    def _lost(self, worker: Worker, loss: Loss) -> None:
        service = worker.service
        if loss.of_reload:
            self.failed(service, loss.text)
        if loss.of_restart:
            self._situation.results.fail(service, loss.text, {Wish.RENEWED}, worker.worker_id)
            if not loss.of_reload:
                # a service that was given up has nobody on the way any more
                service.rollout.ordered = True
            self.halt(service, loss.text)

    def given_up(self, service: SupervisedService) -> None:
        """Those that have no process will have none, unless they have a double."""
        for worker in list(service.workers.values()):
            if not worker.alive:
                service.rollout.forget(worker)
                if service.has_standby(worker):
                    self._give_back(worker)
        self._look_at(service)

    def halt(self, service: SupervisedService, why: str) -> None:
        """Replace nobody any more; slots go back to doubles of new processes that do not count.

        :param why: for whoever waits for a restart.
        """
        rollout = service.rollout
        if rollout.waiting:
            self._situation.results.fail(service, why, {Wish.RENEWED})
        if rollout.ordered:
            rollout.ordered = False
            self._situation.agenda.publish_of(service, events.ServiceRestartFailed, reason=why)
        for worker in rollout.observed:
            self._situation.deadlines.cancel(Timer(Kind.PROOF, worker))
        for worker in rollout.told:
            worker.revision = None  # it may still come to what the service is now
        rollout.halt()
        for worker_id in list(service.doubles):
            if service.has_standby(service.workers[worker_id]):
                self._give_back(service.workers[worker_id])
        self._look_at(service)

    def _give_back(self, worker: Worker) -> None:
        service = worker.service
        service.swap(worker.worker_id)
        worker.goal = Goal.DOWN
        why = f"worker {service.spec.name}({worker.worker_id}) could not be replaced"
        self._situation.results.fail(service, why, {Wish.RENEWED}, worker.worker_id)
        if not worker.is_being_made:
            self._stopping.stop(worker, Ending.STOP)

    # -- how far it is

    def _came_forward(self, service: SupervisedService) -> None:
        """The next step has its own time."""
        self._situation.deadlines.cancel(Timer(Kind.REPLACEMENT, service))
        self._look_at(service)

    def _look_at(self, service: SupervisedService) -> None:
        """Something has changed: is the service there?"""
        rollout = service.rollout
        self._limit(service)
        if not (rollout.under_way or service.doubles):
            rollout.awaited = rollout.ordered = rollout.gated = False
            self._recycling.grant(service)
        if rollout.awaited or service.leaving:
            self.under_way[service] = None
        else:
            self.under_way.pop(service, None)

    def _limit(self, service: SupervisedService) -> None:
        """How long the next step may take."""
        deadlines, timer = self._situation.deadlines, Timer(Kind.REPLACEMENT, service)
        timeout = service.spec.replacement_timeout
        if not (service.stands and timeout > 0):
            deadlines.cancel(timer)
        elif timer not in deadlines:
            deadlines.set(timer, self._situation.now + timeout)


def _is_useless(worker: Worker) -> bool:
    """Whether to tell it, or wait until it is ready, would only be to replace it then."""
    return worker.deaf or (worker.state is State.STARTING and not worker.service.spec.may_reload)


def _loss(worker: Worker, how: str) -> str:
    """What has become of a worker that was on its way; empty if it was not."""
    rollout = worker.service.rollout
    name = f"worker {worker.service.spec.name}({worker.worker_id})"
    if worker in rollout.told:
        if worker.phase is Phase.BOOT:
            return ""  # made of what the service was before; the next process is not
        return f"{name} ended while it was to reload: {how}"
    if worker in rollout.starting:
        return f"{name} was not ready: {how}"
    if worker in rollout.observed:
        return f"{name} ended within min_ready_time after it was ready: {how}"
    return ""

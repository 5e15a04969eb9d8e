"""What follows the end of a worker's process.

Who decides it, highest first: a stop of the manager; an operator's stop; the
wanted number of workers; a replacement that was asked for, be it for a bound that was reached,
or one for which the worker waited; the service having been given up; the
restart policy. See :meth:`Ends._settle`.
"""

from __future__ import annotations

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import (
    Cause,
    ExitStatus,
    PastRestart,
    Phase,
    Restart,
    Stop,
)
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.departure import Departure
from cotyledon_core.supervision.findings import Findings
from cotyledon_core.supervision.recycling import Recycling
from cotyledon_core.supervision.replacement import Replacement
from cotyledon_core.supervision.results import STARTS
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.shutdown import Shutdown
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import Goal, Occurrence, State
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import UNASKED, End, Ending, Worker


class Ends:
    """See the module's description."""

    def __init__(
        self,
        situation: Situation,
        stopping: Stopping,
        recycling: Recycling,
        replacement: Replacement,
        departure: Departure,
        shutdown: Shutdown,
    ) -> None:
        self._situation = situation
        self._stopping = stopping
        self._recycling = recycling
        self._replacement = replacement
        self._departure = departure
        self._shutdown = shutdown

    def spawn_failed(self, message: msg.SpawnFailed) -> None:
        worker = self._situation.roster.asked_for(message.incarnation)
        worker.check(Occurrence.SPAWN_FAILED)
        self._end(worker, End(ExitStatus(), Cause.SPAWN_FAILED, 0.0, message.error), Findings())

    def exited(self, message: msg.Exited) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        worker.check(Occurrence.EXITED)
        if message.dump or worker.dump_asked:
            self._stopping.tell_hung(worker, message.dump)
        cause = Cause.EXITED
        if message.start_error:
            # where the failure cannot be told in time, readiness was told before it
            cause, worker.phase = Cause.SPAWN_FAILED, Phase.BOOT
        if worker.ending is not None:
            cause = UNASKED.get(worker.ending, cause)
        uptime = self._situation.now - worker.started_at
        self._end(
            worker,
            End(message.status, cause, uptime, message.start_error or message.error),
            message.findings,
        )

    def _end(self, worker: Worker, end: End, findings: Findings) -> None:
        situation = self._situation
        self._stopping.cancel_timers(worker)
        situation.alive -= 1
        situation.agenda.publish_of_worker(
            worker,
            events.WorkerExited,
            phase=worker.phase,
            asked=worker.was_asked,
            forced=worker.forced,
            **end._asdict(),
            **findings.fields(),
        )
        loss = self._replacement.loss(worker, end.text)
        self._settle(worker, end)
        situation.completion.look_at(worker.service)
        self._recycling.settled(worker)
        self._replacement.ended(worker, loss)
        situation.order.look_at(worker.service)
        self._shutdown.ended(worker.service)
        self._departure.look_at(worker.service)

    def _settle(self, worker: Worker, end: End) -> None:
        """What follows an end: the deciders in their order."""
        replaced = worker.service.is_double(worker)
        if self._situation.stopping or worker.goal is Goal.DOWN or replaced:
            worker.settle(State.STOPPED)
            self._stopping.retire(worker)
        elif worker.was_asked or worker.service.rollout.is_due(worker):
            self._replace(worker)
        elif worker.service.given_up:
            worker.settle(State.FATAL)
        else:
            self._follow_policy(worker, end)

    def _replace(self, worker: Worker) -> None:
        worker.settle(State.STOPPED)
        if worker.phase is Phase.RUN:
            # what had ended before was over: it ran until it was asked to end
            worker.restarts.clear()
        if worker.ending is Ending.RECYCLING:
            self._recycling.tell(worker)
        self._situation.starts.add(worker)

    def _follow_policy(self, worker: Worker, end: End) -> None:
        situation, agenda = self._situation, self._situation.agenda
        death = worker.death(end, agenda.now)
        decision = worker.service.spec.decide(death)
        if isinstance(decision, Restart):
            self._restart(worker, end, decision.delay)
            return
        worker.settle(State.EXITED)
        if isinstance(decision, Stop):
            worker.clean = death.clean if decision.clean is None else decision.clean
            if worker.awaits_first_ready and not worker.clean:
                self._lose_later(worker.service, "has ended before it was ready")
            situation.readiness.release(worker)
            agenda.publish_of_worker(
                worker, events.WorkerStopped, reason=decision.reason, clean=worker.clean
            )
            if not worker.clean:
                why = f"worker {worker.service.spec.name}({worker.worker_id}) has failed"
                situation.results.fail(worker.service, why, STARTS, worker.worker_id)
        else:
            self.give_up(worker.service, decision.reason)

    def _restart(self, worker: Worker, end: End, delay: float) -> None:
        situation = self._situation
        worker.note_restart(PastRestart(situation.now, end.uptime))
        situation.agenda.publish_of_worker(
            worker, events.WorkerRestarting, delay=delay, reason=end.text
        )
        if delay > 0:
            situation.deadlines.set(Timer(Kind.BACKOFF, worker), situation.now + delay)
        else:
            situation.starts.add(worker)

    def give_up(self, service: SupervisedService, reason: str) -> None:
        """Start no worker of the service any more, nor of those that have waited for it."""
        service.give_up()
        self._situation.results.fail(service, f"the service was given up: {reason}", STARTS)
        for worker in service.workers.values():
            self._situation.readiness.release(worker)
            if not worker.alive:
                self._stopping.cancel_timers(worker)
                service.recycle_queue.over(worker)
        self._replacement.given_up(service)
        self._situation.agenda.publish_of(service, events.ServiceGivenUp, reason=reason)
        if service.spec.ends_manager:
            self._shutdown.given_up(service, reason)
        self._situation.completion.look_at(service)
        self._lose_later(service, "was given up")

    def _lose_later(self, service: SupervisedService, fate: str) -> None:
        for later in self._situation.order.lost(service):
            self.give_up(later, f"it starts after {service.spec.name}, which {fate}")

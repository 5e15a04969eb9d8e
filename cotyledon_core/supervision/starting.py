"""Starts, from the wish for a worker to its readiness.

Starts go through one queue, so many for each ``DeadlineReached``: a stop or a
scale is obeyed between them however many are waiting. A worker that waits for
its back-off enters the queue only when its time has come, so that it holds up
nobody.
"""

from __future__ import annotations

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Phase
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Spawn
from cotyledon_core.supervision.recycling import Recycling
from cotyledon_core.supervision.replacement import Replacement
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import Goal, Occurrence, State
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.watching import Watching
from cotyledon_core.supervision.worker import Ending, Worker
from cotyledon_core.types import WorkerId


class Starting:
    """See the module's description."""

    def __init__(
        self,
        situation: Situation,
        stopping: Stopping,
        watching: Watching,
        recycling: Recycling,
        replacement: Replacement,
    ) -> None:
        self._stopping = stopping
        self._replacement = replacement
        self._situation = situation
        self._watching = watching
        self._recycling = recycling

    def fill(self, service: SupervisedService) -> None:
        """Start the workers that are wanted and not there."""
        if self._situation.stopping:
            return
        for worker in service.missing():
            if service.hold.holds(worker.worker_id):
                worker.goal = Goal.DOWN
                continue
            if service.given_up:
                worker.enter(Occurrence.GIVE_UP)
                continue
            self._situation.readiness.expect(worker)
            if not service.waiting:
                self._situation.starts.add(worker)

    def start(self, worker: Worker) -> None:
        """Start a worker that has no process, and nothing to wait for but its service."""
        if worker.state is State.STOPPED and not worker.queued:
            self._situation.readiness.expect(worker)
            if not worker.service.waiting:
                self._situation.starts.add(worker)

    def begin_afresh(
        self, service: SupervisedService, *, finished: bool, only: WorkerId | None = None
    ) -> None:
        """Start at once whoever was left ended, or waits for its back-off.

        :param finished: whether those, too, that have done what they were for.
        :param only: the one that is meant; all, unless given.
        """
        self._revive(service, finished=finished, only=only)
        for worker in service.workers.values():
            if only not in (None, worker.worker_id):
                continue
            worker.restarts.clear()
            if worker.state is State.BACKOFF and not worker.queued:
                self._situation.deadlines.cancel(Timer(Kind.BACKOFF, worker))
                self._situation.starts.add(worker)

    def _revive(
        self, service: SupervisedService, *, finished: bool, only: WorkerId | None = None
    ) -> None:
        situation = self._situation
        if situation.stopping or situation.order.lost_before(service) is not None:
            return
        was_given_up = service.given_up
        ended = service.revive(finished=finished, only=only)
        unready = situation.order.revived(service)
        for worker in ended:
            if unready:
                situation.readiness.expect(worker)
            if not service.waiting:
                situation.starts.add(worker)
        if (ended or was_given_up) and only is None:
            situation.agenda.publish_of(service, events.ServiceRevived)
        situation.completion.look_at(service)
        for later in situation.order.lost_after(service) if unready else ():
            self._revive(later, finished=finished)

    def start_due(self, most: int) -> None:
        """Start those whose turn it is, so many at once."""
        situation = self._situation
        for _ in range(most):
            worker = situation.starts.pop_due(situation.now)
            if worker is None:
                return
            worker.begin_incarnation(situation.now)
            situation.alive += 1
            self._replacement.begun(worker)
            situation.agenda.add(Spawn(worker.incarnation))

    def backoff_over(self, worker: Worker) -> None:
        self._situation.starts.add(worker)

    def spawned(self, message: msg.Spawned) -> None:
        situation = self._situation
        worker = situation.roster.asked_for(message.incarnation)
        worker.enter(Occurrence.SPAWNED)
        worker.pid = message.pid
        worker.started_at = situation.now
        situation.starts.started(situation.now)
        situation.agenda.publish_of_worker(worker, events.WorkerSpawned)
        if worker.goal is Goal.DOWN:  # since it was asked for
            self._stopping.stop(worker, Ending.STOP)
        else:
            self._watching.spawned(worker)

    def ready(self, message: msg.Ready) -> None:
        situation = self._situation
        worker = situation.roster.worker(message.incarnation)
        was_starting = worker.state is State.STARTING
        worker.enter(Occurrence.READY)
        if worker.phase is Phase.RUN:
            return
        worker.phase = Phase.RUN
        worker.ready_at = situation.now
        self._watching.ready(worker)
        situation.readiness.release(worker)
        situation.order.look_at(worker.service)
        if was_starting:
            duration = situation.now - worker.started_at
            situation.agenda.publish_of_worker(worker, events.WorkerReady, start_duration=duration)
            self._recycling.ready(worker)
            self._replacement.ready(worker)

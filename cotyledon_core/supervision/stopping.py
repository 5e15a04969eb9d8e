"""How a worker's process is brought to its end: asked first, then by force."""

from __future__ import annotations

from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request, Signal
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import Goal, Occurrence, State
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending, Worker

KILL_MARGIN = 0.5
"""Seconds after a worker's grace period until SIGKILL: its own timer comes first."""


class Stopping:
    """See the module's description."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation

    def stop(self, worker: Worker, ending: Ending) -> None:
        """Ask the worker to end; if it has no process, it has ended."""
        worker.queued = False
        if worker.state is State.STOPPING:
            return
        worker.enter(Occurrence.STOP)
        if worker.alive:
            worker.ending = ending
            self._situation.agenda.add(Signal(worker.incarnation, Request.STOP))
            self._limit(worker)
        else:
            self.cancel_timers(worker)
            self.retire(worker)

    def interrupt(self, worker: Worker) -> None:
        """Have the worker end at once."""
        if not worker.alive:
            self.stop(worker, Ending.STOP)
            return
        if worker.state is not State.STOPPING:
            worker.enter(Occurrence.STOP)
            worker.ending = Ending.STOP
        self.cancel_timers(worker)
        self._situation.agenda.add(Signal(worker.incarnation, Request.INTERRUPT))

    def kill(self, worker: Worker) -> None:
        worker.forced = True
        self.cancel_timers(worker)
        self._situation.agenda.add(Signal(worker.incarnation, Request.KILL))

    def leave_asked(self, message: msg.LeaveAsked) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        worker.check(Occurrence.LEAVE)
        self.stop(worker, Ending.REPLACEMENT)

    def grace_announced(self, message: msg.GraceAnnounced) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        worker.grace = message.grace
        if worker.state is State.STOPPING and not worker.forced:
            self._limit(worker)

    def grace_over(self, worker: Worker) -> None:
        worker.enter(Occurrence.OVERRUN)
        self.kill(worker)

    def retire(self, worker: Worker) -> None:
        """The worker has no process and is to have none."""
        self._situation.readiness.release(worker)
        if worker.goal is Goal.DOWN:
            del worker.service.workers[worker.worker_id]

    def cancel_timers(self, worker: Worker) -> None:
        for kind in Kind:
            self._situation.deadlines.cancel(Timer(kind, worker))

    def _limit(self, worker: Worker) -> None:
        """From now on the grace period runs."""
        timer = Timer(Kind.GRACE, worker)
        grace = worker.grace_period(self._situation.grace)
        if grace > 0:
            self._situation.deadlines.set(timer, self._situation.now + grace + KILL_MARGIN)
        else:
            self._situation.deadlines.cancel(timer)

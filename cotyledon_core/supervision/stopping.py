"""How a worker's process is brought to its end: asked first, then by force.

Whoever has to be ended by force is asked for its stacks first, and has a moment
to write them. One that was asked to end is then killed; one that hangs is
sent SIGABRT, or what its service has in its place, and is killed if that does
not help.
"""

from __future__ import annotations

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import ReadDump, Request, Signal
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import Goal, Occurrence, State
from cotyledon_core.supervision.timers import OF_WORKERS, Kind, Timer
from cotyledon_core.supervision.worker import Ending, Worker

KILL_MARGIN = 0.5
"""Seconds after a worker's grace period until it is ended by force: its own timer comes first."""
DUMP_PATIENCE = 0.3
"""Seconds that a worker has to write its stacks."""
ABORT_PATIENCE = 5.0
"""Seconds that a hung worker has to end by the watchdog's signal, and to write a core file."""


class Stopping:
    """See the module's description."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation

    # -- asked

    def stop(self, worker: Worker, ending: Ending) -> None:
        """Ask the worker to end; if it has no process, it has ended."""
        worker.queued = False
        if worker.state is State.STOPPING:
            return
        worker.enter(Occurrence.STOP)
        self.cancel_timers(worker)
        if worker.alive:
            worker.ending = ending
            self._situation.agenda.add(Signal(worker.incarnation, Request.STOP))
            self._limit(worker)
        else:
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

    def grace_announced(self, message: msg.GraceAnnounced) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        worker.grace = message.grace
        if worker.state is State.STOPPING and not worker.dump_asked and not worker.forced:
            self._limit(worker)

    def extend(self, worker: Worker, until: float) -> None:
        """The worker needs until then, in monotonic seconds, to end as it was asked to."""
        self._situation.deadlines.extend(Timer(Kind.GRACE, worker), until + KILL_MARGIN)

    def _limit(self, worker: Worker) -> None:
        """From now on the grace period runs."""
        timer = Timer(Kind.GRACE, worker)
        grace = worker.grace_period(self._situation.grace)
        if grace > 0:
            self._situation.deadlines.set(timer, self._situation.now + grace + KILL_MARGIN)
        else:
            self._situation.deadlines.cancel(timer)

    # -- by force

    def end_hung(self, worker: Worker, ending: Ending) -> None:
        """End a worker that does not do what it has to."""
        worker.enter(Occurrence.HANG)
        worker.ending = ending
        self._ask_dump(worker)

    def grace_over(self, worker: Worker) -> None:
        worker.enter(Occurrence.OVERRUN)
        self._ask_dump(worker)

    def end_now(self, worker: Worker) -> None:
        """The manager's own time is over."""
        if worker.state is not State.STOPPING:
            worker.enter(Occurrence.STOP)
            worker.ending = Ending.STOP
        if worker.dump_asked:
            self.kill(worker)
        else:
            self._ask_dump(worker)

    def _ask_dump(self, worker: Worker) -> None:
        self.cancel_timers(worker)
        worker.dump_asked = True
        self._situation.agenda.add(Signal(worker.incarnation, Request.DUMP))
        until = self._situation.now + DUMP_PATIENCE
        self._situation.deadlines.set(Timer(Kind.DUMP, worker), until)

    def dump_due(self, worker: Worker) -> None:
        self._situation.agenda.add(ReadDump(worker.incarnation))

    def dump_read(self, message: msg.DumpRead) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        self.tell_hung(worker, message.dump)
        if worker.was_asked:
            self.kill(worker)
        else:
            self._situation.agenda.add(Signal(worker.incarnation, Request.ABORT))
            until = self._situation.now + ABORT_PATIENCE
            self._situation.deadlines.set(Timer(Kind.ABORT, worker), until)

    def tell_hung(self, worker: Worker, dump: str) -> None:
        """Publish that the worker had to be ended by force, once."""
        if not worker.hung_told:
            worker.hung_told = True
            ending = worker.ending or Ending.STOP
            waited_for = _WAITED_FOR.get(ending, events.Waited.END)
            self._situation.agenda.publish_of_worker(
                worker, events.WorkerHung, waited_for=waited_for, dump=dump
            )

    def kill(self, worker: Worker) -> None:
        worker.forced = True
        self.cancel_timers(worker)
        self._situation.agenda.add(Signal(worker.incarnation, Request.KILL))

    # -- both

    def retire(self, worker: Worker) -> None:
        """The worker has no process and is to have none."""
        self._situation.readiness.release(worker)
        service = worker.service
        service.recycle_queue.over(worker)
        if service.is_double(worker) or worker.worker_id >= service.wanted:
            service.remove(worker)
        elif worker.goal is Goal.DOWN:
            service.rollout.forget(worker)  # an operator has stopped it: the slot stays

    def cancel_timers(self, worker: Worker) -> None:
        deadlines = self._situation.deadlines
        for kind in OF_WORKERS:
            deadlines.cancel(Timer(kind, worker))


_WAITED_FOR = {
    Ending.START_TIMEOUT: events.Waited.READINESS,
    Ending.HUNG: events.Waited.HEARTBEAT,
}

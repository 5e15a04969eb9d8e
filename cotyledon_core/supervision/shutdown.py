"""The end of the manager: of all workers, then its own."""

from __future__ import annotations

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Exit
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.stopping import DUMP_PATIENCE, Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending

INTERRUPT_GRACE = 0.5
"""Seconds that an interrupted worker has until SIGKILL."""
REAP_MARGIN = 1.0
"""Seconds that the kernel has for processes that were sent SIGKILL."""
BOUND = Timer(Kind.BOUND)


class Shutdown:
    """See the module's description."""

    def __init__(self, situation: Situation, stopping: Stopping) -> None:
        self._situation = situation
        self._stopping = stopping
        self.done = False
        self._begun = self._forced = self._last_resort = False
        self._bound: float | None = None

    def stop_noticed(self, message: msg.StopNoticed) -> None:
        self._situation.stopping = True
        self._situation.starts.close()

    def shut_down(self, message: msg.ShutDown) -> None:
        if self._begun:
            return
        self._begin(graceful=True)
        if self._situation.grace > 0:
            self._bound = message.asked_at + self._situation.grace
            self._situation.deadlines.set(BOUND, self._bound)
        for worker in self._situation.roster.workers():
            self._stopping.stop(worker, Ending.STOP)

    def abort(self, message: msg.Abort) -> None:
        if not self._begun:
            self._begin(graceful=False)
        if self._forced:
            return
        self._forced = True
        self._situation.deadlines.set(BOUND, self._situation.now + INTERRUPT_GRACE)
        for worker in self._situation.roster.workers():
            self._stopping.interrupt(worker)

    def _begin(self, *, graceful: bool) -> None:
        self._begun = self._situation.stopping = True
        self._situation.starts.close()
        self._situation.agenda.publish(events.ManagerStopping, graceful=graceful)

    def bound_struck(self) -> None:
        """End by force; if even SIGKILL does not help in time, leave."""
        if self._last_resort:
            self._finish(1)
            return
        end = self._stopping.kill if self._forced else self._stopping.end_now
        self._forced = self._last_resort = True
        for worker in self._situation.roster.workers():
            if worker.alive and not worker.forced:
                end(worker)
        until = self._situation.now + DUMP_PATIENCE + REAP_MARGIN
        self._situation.deadlines.set(BOUND, until)

    def finish_if_over(self) -> None:
        """Exit once the last worker is gone."""
        if self._begun and self._situation.alive == 0 and not self.done:
            late = self._bound is not None and self._situation.now >= self._bound
            self._finish(1 if self._forced or late else 0)

    def _finish(self, status: int) -> None:
        self.done = True
        self._situation.deadlines.clear()
        self._situation.agenda.publish(events.ManagerStopped, status=status)
        self._situation.agenda.add(Exit(status))

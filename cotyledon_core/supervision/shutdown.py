"""The end of the manager: of all workers, then its own.

It is commanded from outside, or the manager has a reason of its own: a service
was given up that it cannot do without, or nothing is left to supervise. Then
the shell is asked to command it, so that both go the same way; nothing is
started meanwhile.
"""

from __future__ import annotations

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import AskShutdown, Exit
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.stopping import DUMP_PATIENCE, Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending

FORCED = 1
"""The exit status after an end by force."""
FAILED = 3
"""The exit status if the manager has stopped because a service has failed."""
INTERRUPT_GRACE = 0.5
"""Seconds that an interrupted worker has until SIGKILL."""
REAP_MARGIN = 1.0
"""Seconds that the kernel has for processes that were sent SIGKILL."""
BOUND = Timer(Kind.BOUND)
STOP = Timer(Kind.STOP)


class Shutdown:
    """See the module's description.

    :param delay: seconds from the accepted stop until the workers are asked to end.
    """

    def __init__(self, situation: Situation, stopping: Stopping, delay: float) -> None:
        self._situation = situation
        self._stopping = stopping
        self._delay = delay
        self.done = False
        self._asking = self._begun = self._forced = self._last_resort = False
        self._bound: float | None = None
        self._reason = ""
        self._status = 0
        self._missed: dict[SupervisedService, str] = {}
        """Services that were given up and that the manager cannot do without, and why."""

    def set_delay(self, seconds: float) -> None:
        """For a stop that has not been accepted yet."""
        self._delay = seconds

    def given_up(self, service: SupervisedService, reason: str) -> None:
        """The manager cannot do without this service."""
        self._missed[service] = reason

    def ask_if_due(self) -> None:
        """Stop if the manager has a reason of its own."""
        missed, self._missed = self._missed, {}
        for service, reason in missed.items():
            if service.given_up:
                self._ask(f"service {service.spec.name} given up: {reason}", FAILED)
        completion = self._situation.completion
        if completion.reached():
            self._ask("nothing is left to supervise", 0 if completion.is_clean() else FAILED)

    def _ask(self, reason: str, status: int) -> None:
        """
        :param status: the exit status, unless the end has to be forced.
        """
        if self._situation.stopping:
            return
        self._reason, self._status = reason, status
        self._close()
        self._situation.agenda.add(AskShutdown())

    def stop_noticed(self, message: msg.StopNoticed) -> None:
        self._close()

    def shut_down(self, message: msg.ShutDown) -> None:
        if self._begun:
            return
        self._begin(graceful=True)
        if self._situation.grace > 0:
            self._bound = message.asked_at + self._situation.grace
            self._situation.deadlines.set(BOUND, self._bound)
        if self._delay and not 0 < self._situation.grace <= self._delay:
            self._situation.deadlines.set(STOP, self._situation.now + self._delay)
        else:
            self.delay_over()

    def delay_over(self) -> None:
        """Ask the workers to end, in their order."""
        self._asking = True
        self._stop(self._situation.order.last())

    def _stop(self, services: list[SupervisedService]) -> None:
        """Stop the services, and those before them of which nothing is there."""
        while services:
            service = services.pop(0)
            for worker in service.all_workers():
                self._stopping.stop(worker, Ending.STOP)
            services.extend(self._situation.order.gone(service))

    def ended(self, service: SupervisedService) -> None:
        """A process of the service has ended: the next may have to be stopped."""
        if self._asking and not self._forced:
            self._stop(self._situation.order.gone(service))

    def abort(self, message: msg.Abort) -> None:
        if not self._begun:
            self._begin(graceful=False)
        if self._forced:
            return
        self._forced = True
        self._situation.deadlines.cancel(STOP)
        self._situation.deadlines.set(BOUND, self._situation.now + INTERRUPT_GRACE)
        for worker in self._situation.roster.workers():
            self._stopping.interrupt(worker)

    def _begin(self, *, graceful: bool) -> None:
        self._begun = True
        self._close()
        self._situation.agenda.publish(
            events.ManagerStopping, graceful=graceful, reason=self._reason
        )

    def _close(self) -> None:
        """Start nothing any more."""
        self._situation.stopping = True
        self._situation.starts.close()
        self._situation.results.end()

    def bound_struck(self) -> None:
        """End by force; if even SIGKILL does not help in time, leave."""
        left = [w for w in self._situation.roster.workers() if w.alive and not w.forced]
        if self._last_resort and not left:
            self._finish(FORCED)
            return
        # one that is asked for its stacks first is killed later, if the manager is not late itself
        at_once = self._forced
        self._forced = self._last_resort = True
        self._situation.deadlines.cancel(STOP)
        for worker in left:
            end = self._stopping.kill if at_once else self._stopping.end_now
            end(worker)
        until = self._situation.now + DUMP_PATIENCE + REAP_MARGIN
        self._situation.deadlines.set(BOUND, until)

    def finish_if_over(self) -> None:
        """Exit once the last worker is gone."""
        if self._begun and self._situation.alive == 0 and not self.done:
            late = self._bound is not None and self._situation.now >= self._bound
            self._finish(FORCED if self._forced or late else self._status)

    def _finish(self, status: int) -> None:
        self.done = True
        self._situation.deadlines.clear()
        self._situation.agenda.publish(events.ManagerStopped, status=status)
        self._situation.agenda.add(Exit(status))

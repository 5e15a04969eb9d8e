"""Services that are removed: their workers are stopped, then they are forgotten.

One that is added again before it is gone is the same service still, at the same
place in the order. A stop of the manager comes before a removal.
"""

from __future__ import annotations

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.messages import ServiceSpec
from cotyledon_core.supervision.replacement import Replacement
from cotyledon_core.supervision.results import STARTS
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import Goal
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.worker import Ending


class Departure:
    """See the module's description."""

    def __init__(self, situation: Situation, stopping: Stopping, replacement: Replacement) -> None:
        self._situation = situation
        self._stopping = stopping
        self._replacement = replacement

    def remove(self, message: msg.RemoveService) -> None:
        service = self._situation.roster.service(message.service_id)
        if self._situation.stopping:
            return  # it is stopped in its order, with the others
        service.leaving, service.wanted = True, 0
        service.count_held()
        self._situation.results.fail(service, "the service was removed", STARTS)
        for worker in service.all_workers():
            worker.goal = Goal.DOWN
            self._stopping.stop(worker, Ending.STOP)
        self._replacement.advance(service)
        self.look_at(service)

    def returned(self, spec: ServiceSpec) -> SupervisedService | None:
        """The service, if it is on its way out and stays for this specification."""
        service = self._situation.roster.find(spec.service_id)
        if service is None or not service.leaving:
            return None
        service.leaving, service.spec, service.wanted = False, spec, spec.workers
        service.count_held()
        service.given_up = False
        self._situation.order.revived(service)
        for worker in service.workers.values():
            if service.wants(worker.worker_id):
                worker.goal = Goal.UP
        self._replacement.advance(service)
        return service

    def look_at(self, service: SupervisedService) -> None:
        """A worker of the service may have been the last."""
        if not service.leaving or service.alive or self._situation.stopping:
            return
        service.leaving = False
        self._replacement.advance(service)
        self._situation.order.remove(service)
        self._situation.completion.forget(service)
        self._situation.roster.remove(service)
        self._situation.agenda.publish_of(service, events.ServiceRemoved)

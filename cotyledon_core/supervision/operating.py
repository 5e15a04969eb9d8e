"""What an operator commands, beside the size of a service and a reload: stop, start, restart.

An operator's stop stands above the configured number of workers, a reload and the
restart policy: what it has stopped has no process until an operator starts, or
restarts, it, whatever else is wanted meanwhile. Only a stop of the manager stands
above it.

A start also brings back what the restart policy has left ended, or given up, and
what waits for its back-off. A restart is a start that gives those that run a new
process: all at once, or one after the other as a reload would. The restart policy
is not asked about any of it.

A worker of a service that was given up is started with the whole service.
"""

from __future__ import annotations

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.recycling import Recycling
from cotyledon_core.supervision.replacement import Replacement
from cotyledon_core.supervision.results import STARTS, STOPPING, Wish
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.starting import Starting
from cotyledon_core.supervision.states import Goal
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.worker import Ending, Worker
from cotyledon_core.types import WorkerId

Command = msg.OperatorStop | msg.OperatorStart | msg.OperatorRestart | msg.Await


class Operating:
    """See the module's description."""

    def __init__(
        self,
        situation: Situation,
        starting: Starting,
        stopping: Stopping,
        recycling: Recycling,
        replacement: Replacement,
    ) -> None:
        self._situation = situation
        self._starting = starting
        self._stopping = stopping
        self._recycling = recycling
        self._replacement = replacement

    def stop(self, message: msg.OperatorStop) -> None:
        service = self._found(message)
        if service is None:
            return
        worker_id, results = message.worker_id, self._situation.results
        self._tell(service, "stop", worker_id)
        why = "an operator has stopped it meanwhile"
        results.fail(service, why, STARTS, worker_id, whole=False)
        self._hold(service, worker_id, held=True)
        for worker in _of(service, worker_id, doubles=True):
            worker.goal = Goal.DOWN
            self._stopping.stop(worker, Ending.STOP)
        self._changed(service)
        results.expect(message.number, service, Wish.GONE, worker_id)

    def start(self, message: msg.OperatorStart) -> None:
        service = self._found(message)
        if service is None or self._waits_in_vain(service, message.number):
            return
        self._tell(service, "start", message.worker_id)
        self._start(service, message.worker_id)
        self._changed(service)
        self._situation.results.expect(message.number, service, Wish.UP, message.worker_id)

    def restart(self, message: msg.OperatorRestart) -> None:
        service = self._found(message)
        if service is None or self._waits_in_vain(service, message.number):
            return
        worker_id = message.worker_id
        self._tell(service, "rolling restart" if message.rolling else "restart", worker_id)
        self._start(service, worker_id)
        since = 0
        if worker_id is None:
            service.begin_generation()
        else:
            since = service.workers[worker_id].last_number
        workers = _of(service, worker_id)
        self._replacement.restart(service, workers, rolling=message.rolling)
        self._changed(service)
        self._situation.results.expect(message.number, service, Wish.RENEWED, worker_id, since)

    def wait(self, message: msg.Await) -> None:
        service = self._found(message)
        if service is not None:
            self._situation.results.expect(message.number, service, Wish.UP, message.worker_id)

    def forget(self, message: msg.Forget) -> None:
        self._situation.results.forget(message.number)

    # -- whether it can be obeyed

    def _found(self, message: Command) -> SupervisedService | None:
        """The service, if it and the worker are there; else the command is answered."""
        service = self._situation.roster.find(message.service_id)
        why = ""
        if self._situation.stopping:
            why = STOPPING
        elif service is None:
            why = "there is no such service"
        elif service.leaving:
            why = f"service {service.spec.name} is being removed"
        elif message.worker_id is not None and not 0 <= message.worker_id < service.wanted:
            why = f"service {service.spec.name} has no worker {message.worker_id}"
        if why:
            self._situation.results.refuse(message.number, why)
            return None
        return service

    def _waits_in_vain(self, service: SupervisedService, number: int) -> bool:
        before = self._situation.order.lost_before(service) if service.given_up else None
        if before is not None:
            why = f"service {service.spec.name} starts after {before}, which is lost"
            self._situation.results.refuse(number, why)
        return before is not None

    # -- what is done

    def _tell(self, service: SupervisedService, command: str, worker_id: WorkerId | None) -> None:
        self._situation.agenda.publish_of(
            service, events.ServiceCommanded, command=command, worker=worker_id
        )

    def _hold(self, service: SupervisedService, worker_id: WorkerId | None, *, held: bool) -> None:
        service.hold.put(worker_id, held=held)
        service.count_held()

    def _start(self, service: SupervisedService, worker_id: WorkerId | None) -> None:
        """Have those up that an operator wants up, where nothing but a start is missing."""
        self._situation.results.fail(
            service, "an operator has started it meanwhile", {Wish.GONE}, worker_id
        )
        self._hold(service, worker_id, held=False)
        workers = _of(service, worker_id)
        for worker in workers:
            worker.goal = Goal.UP
        self._starting.begin_afresh(
            service, finished=True, only=None if service.given_up else worker_id
        )
        for worker in workers:
            self._starting.start(worker)

    def _changed(self, service: SupervisedService) -> None:
        self._situation.completion.look_at(service)
        self._recycling.grant(service)
        self._replacement.advance(service)
        self._situation.order.look_at(service)


def _of(
    service: SupervisedService, worker_id: WorkerId | None, *, doubles: bool = False
) -> list[Worker]:
    """The workers that are meant: one, or all that are wanted."""
    found = service.all_workers() if doubles else list(service.workers.values())
    if worker_id is None:
        return [worker for worker in found if worker.worker_id < service.wanted]
    return [worker for worker in found if worker.worker_id == worker_id]

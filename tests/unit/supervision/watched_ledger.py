"""A ledger of a simulation's events, which has to agree with what the supervisor knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cotyledon_core.events import Event
from cotyledon_core.ledger import Ledger, Stage
from cotyledon_core.standing import ServiceStanding
from cotyledon_core.supervision.snapshot import ServiceSnapshot, Snapshot, WorkerSnapshot
from cotyledon_core.supervision.states import ALIVE, State

ALSO = {
    # a start waits for its turn, or for the fork; and no event tells a stop
    State.STARTING: {State.STARTING, State.STOPPED, State.BACKOFF, State.FATAL},
    State.STOPPING: {State.STARTING, State.RUNNING},
    # of a service that was given up, but where it is replaced nevertheless
    State.STOPPED: {State.STOPPED, State.FATAL},
}
"""What the ledger may say where the supervisor says this."""


class WatchedLedger:
    """See the module's description."""

    def __init__(self) -> None:
        self._ledger = Ledger()

    def check(self, events: Iterable[Event], snapshot: Snapshot) -> None:
        """Note what was published, and compare."""
        for event in events:
            self._ledger.note(event)
        if self._ledger.stage is Stage.STOPPED:
            return
        found = {standing.service_id: standing for standing in self._ledger.services.values()}
        assert found.keys() == {service.service_id for service in snapshot.services}
        for service in snapshot.services:
            _check_service(found[service.service_id], service, snapshot.stopping)


def has_process(worker: WorkerSnapshot) -> bool:
    return worker.state in ALIVE and worker.pid is not None


def _check_service(standing: ServiceStanding, service: ServiceSnapshot, stopping: bool) -> None:
    assert standing.wanted == service.wanted
    assert bool(standing.given_up) == service.given_up
    counted = Counter(worker.state for worker in standing.workers.values())
    assert +standing.states == counted
    slots: dict[int, list[WorkerSnapshot]] = {}
    for worker in service.workers:
        slots.setdefault(worker.worker_id, []).append(worker)
    for worker_id, found in standing.workers.items():
        workers = slots.get(worker_id, [])
        pids = {worker.incarnation: worker.pid for worker in workers if has_process(worker)}
        assert {number: process.pid for number, process in found.processes.items()} == pids
        if len(workers) == 1 and not stopping:
            state = workers[0].state
            assert found.state in ALSO.get(state, {state}), (worker_id, found.state, state)
            assert found.state is not State.FATAL or standing.given_up

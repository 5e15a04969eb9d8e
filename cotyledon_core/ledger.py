"""What all events until now amount to: services, workers, and counts that only grow.

The manager keeps one, for whoever begins to listen late or has missed events; a
notifier that shows what is, rather than what happens, keeps its own
(:meth:`.Notifier.synchronize`). To note an event costs the same however many
workers there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any

from cotyledon_core import events
from cotyledon_core.outcomes import outcome, outcome_text
from cotyledon_core.standing import (
    End,
    ProcessStanding,
    ReloadResult,
    ServiceStanding,
    WorkerStanding,
)
from cotyledon_core.supervision.states import State
from cotyledon_core.types import WorkerId


class Stage(Enum):
    """How far the manager is."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Ledger:
    """See the module's description."""

    def __init__(self) -> None:
        self.name = ""
        """The manager's."""
        self.pid: int | None = None
        self.started_at = 0.0
        self.started_wall_time = 0.0
        self.stage = Stage.STARTING
        self.stop_reason = ""
        self.reloading = False
        self.reloads: Counter[str] = Counter()
        """By result."""
        self.reload_seconds = 0.0
        """Of all that have succeeded."""
        self.last_reload: ReloadResult | None = None
        self.hook_failures: Counter[str] = Counter()
        """By the kind of hook."""
        self.disabled_notifiers: dict[str, str] = {}
        """The error of each."""
        self.services: dict[str, ServiceStanding] = {}
        """By name, in the order in which they came."""
        self.noted = 0
        """How many events."""

    def note(self, event: events.Event) -> None:
        """Take in the next event; one of a kind that says nothing about what is, is counted."""
        self.noted += 1
        note = _NOTED.get(type(event))
        if note is not None:
            note(self, event)

    # -- the manager

    def _started(self, event: events.ManagerStarted) -> None:
        self.name, self.pid = event.name, event.pid
        self.started_at, self.started_wall_time = event.at, event.wall_time

    def _is_ready(self, event: events.ManagerReady) -> None:
        self.stage = Stage.READY

    def _reloading(self, event: events.ManagerReloading) -> None:
        self.reloading = True

    def _reloaded(self, event: events.ManagerReloaded) -> None:
        self.reload_seconds += event.duration
        self._reload_over(event, "succeeded", event.duration)

    def _reload_failed(self, event: events.ReloadFailed) -> None:
        self._reload_over(event, "failed" if event.service else "refused", 0.0)

    def _reload_over(self, event: events.Event, result: str, duration: float) -> None:
        self.reloading = False
        self.reloads[result] += 1
        self.last_reload = ReloadResult(
            event.at, event.wall_time, result, str(event).removeprefix("manager "), duration
        )

    def _stopping(self, event: events.ManagerStopping) -> None:
        self.stage, self.stop_reason, self.reloading = Stage.STOPPING, event.reason, False
        for service in self.services.values():
            if service.states[State.BACKOFF]:
                self._call_off_restarts(service, State.STOPPED, event.at)

    def _stopped(self, event: events.ManagerStopped) -> None:
        self.stage = Stage.STOPPED

    def _hook_failed(self, event: events.HookFailed) -> None:
        self.hook_failures[event.hook] += 1

    def _notifier_disabled(self, event: events.NotifierDisabled) -> None:
        self.disabled_notifiers[event.notifier] = event.error

    # -- services

    def _service(self, event: events.ServiceEvent) -> ServiceStanding:
        service = self.services.get(event.service)
        if service is None:
            service = ServiceStanding(event.service, event.service_id)
            self.services[event.service] = service
        return service

    def _added(self, event: events.ServiceAdded) -> None:
        service = self._service(event)
        service.service_id = event.service_id
        self._scale(service, event.workers, event.at)

    def _scaled(self, event: events.ServiceScaled) -> None:
        self._scale(self._service(event), event.workers, event.at)

    def _scale(self, service: ServiceStanding, workers: int, now: float) -> None:
        old, service.wanted = service.wanted, workers
        for worker_id in map(WorkerId, range(old, workers)):
            worker = service.worker(worker_id, now)
            if service.given_up and not worker.processes:
                service.move(worker, State.FATAL, now)
        for worker_id in map(WorkerId, range(workers, old)):
            surplus = service.workers.get(worker_id)
            if surplus is not None and not surplus.processes:
                service.move(surplus, State.STOPPED, now)

    def _removed(self, event: events.ServiceRemoved) -> None:
        self.services.pop(event.service, None)

    def _given_up(self, event: events.ServiceGivenUp) -> None:
        service = self._service(event)
        service.given_up = event.reason or "given up"
        for worker in list(service.workers.values()):
            if not worker.processes:
                service.move(worker, State.FATAL, event.at)

    def _revived(self, event: events.ServiceRevived) -> None:
        service = self._service(event)
        service.given_up = ""
        for worker in list(service.workers.values()):
            if worker.state in (State.FATAL, State.EXITED):
                service.move(worker, State.STOPPED, event.at)

    def _commanded(self, event: events.ServiceCommanded) -> None:
        """What has ended, or waits, is stopped now, or is going to be started."""
        service = self._service(event)
        left = [State.EXITED, State.FATAL]
        if event.command == "stop":
            left.append(State.BACKOFF)
        workers = service.workers
        for worker in [
            workers[worker_id]
            for worker_id in (list(workers) if event.worker is None else [WorkerId(event.worker)])
            if worker_id in workers
        ]:
            if worker.state in left:
                service.move(worker, State.STOPPED, event.at)

    def _call_off_restarts(self, service: ServiceStanding, state: State, now: float) -> None:
        for worker in list(service.workers.values()):
            if worker.state is State.BACKOFF:
                service.move(worker, state, now)

    # -- workers

    def _spawned(self, event: events.WorkerSpawned) -> None:
        service = self._service(event)
        service.spawns += 1
        worker = service.worker(event.worker_id, event.at)
        worker.processes[event.incarnation] = ProcessStanding(event.pid or 0, event.at)
        if worker.state is not State.RUNNING:
            service.move(worker, State.STARTING, event.at)

    def _worker_ready(self, event: events.WorkerReady) -> None:
        service = self._service(event)
        worker = service.worker(event.worker_id, event.at)
        process = worker.processes.get(event.incarnation)
        if process is None:
            # its start was missed
            process = ProcessStanding(event.pid or 0, event.at - event.start_duration)
            worker.processes[event.incarnation] = process
        process.ready_at = event.at
        service.start_durations.add(event.start_duration)
        service.move(worker, State.RUNNING, event.at)

    def _exited(self, event: events.WorkerExited) -> None:
        service = self._service(event)
        service.ends[outcome(event)] += 1
        worker = service.worker(event.worker_id, event.at)
        worker.processes.pop(event.incarnation, None)
        worker.end = _end(event)
        worker.cpu_seconds += (event.cpu_user or 0.0) + (event.cpu_system or 0.0)
        worker.busy_seconds += event.busy_seconds
        worker.units += event.units
        worker.status_text = ""
        lost = service.given_up and not event.asked and self.stage is not Stage.STOPPING
        ended = State.FATAL if lost else State.STOPPED
        service.move(worker, _state_of_the_rest(worker) or ended, event.at)

    def _restarting(self, event: events.WorkerRestarting) -> None:
        service = self._service(event)
        worker = service.worker(event.worker_id, event.at)
        worker.restarts += 1
        service.restarts[worker.end.outcome if worker.end else "unknown"] += 1
        worker.restart_at = event.at + event.delay
        if not worker.processes:
            service.move(worker, State.BACKOFF, event.at)

    def _left_ended(self, event: events.WorkerStopped) -> None:
        service = self._service(event)
        worker = service.worker(event.worker_id, event.at)
        if not worker.processes:
            worker.clean = event.clean
            service.move(worker, State.EXITED, event.at)

    def _hung(self, event: events.WorkerHung) -> None:
        self._service(event).hangs[event.waited_for.value] += 1

    def _recycled(self, event: events.WorkerRecycled) -> None:
        self._service(event).recycles += 1

    def _status_told(self, event: events.WorkerStatus) -> None:
        self._service(event).worker(event.worker_id, event.at).status_text = event.text


def _end(event: events.WorkerExited) -> End:
    return End(
        at=event.at,
        wall_time=event.wall_time,
        outcome=outcome(event),
        text=outcome_text(event),
        pid=event.pid,
        code=event.status.code,
        signal=event.status.signal,
        uptime=event.uptime,
        asked=event.asked,
    )


def _state_of_the_rest(worker: WorkerStanding) -> State | None:
    """The state of a worker by the processes that it has; None if it has none."""
    if any(process.ready_at is not None for process in worker.processes.values()):
        return State.RUNNING
    return State.STARTING if worker.processes else None


_NOTED: dict[type[events.Event], Callable[[Ledger, Any], None]] = {
    events.ManagerStarted: Ledger._started,
    events.ManagerReady: Ledger._is_ready,
    events.ManagerReloading: Ledger._reloading,
    events.ManagerReloaded: Ledger._reloaded,
    events.ReloadFailed: Ledger._reload_failed,
    events.ManagerStopping: Ledger._stopping,
    events.ManagerStopped: Ledger._stopped,
    events.HookFailed: Ledger._hook_failed,
    events.NotifierDisabled: Ledger._notifier_disabled,
    events.ServiceAdded: Ledger._added,
    events.ServiceScaled: Ledger._scaled,
    events.ServiceRemoved: Ledger._removed,
    events.ServiceGivenUp: Ledger._given_up,
    events.ServiceRevived: Ledger._revived,
    events.ServiceCommanded: Ledger._commanded,
    events.WorkerSpawned: Ledger._spawned,
    events.WorkerReady: Ledger._worker_ready,
    events.WorkerExited: Ledger._exited,
    events.WorkerRestarting: Ledger._restarting,
    events.WorkerStopped: Ledger._left_ended,
    events.WorkerHung: Ledger._hung,
    events.WorkerRecycled: Ledger._recycled,
    events.WorkerStatus: Ledger._status_told,
}

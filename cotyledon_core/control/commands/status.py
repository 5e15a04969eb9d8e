"""What ``status`` tells: of thousands of workers in slices, a slice in a turn of the loop."""

from __future__ import annotations

import os
from collections import deque
from typing import Any

from cotyledon_core.control.protocol import Encoded, as_json
from cotyledon_core.control.steering import Manager
from cotyledon_core.control.tasks import Done, Task, Tell
from cotyledon_core.ledger import Ledger
from cotyledon_core.process import proctable
from cotyledon_core.standing import End, ServiceStanding, WorkerStanding
from cotyledon_core.supervision.snapshot import WorkerSnapshot
from cotyledon_core.supervision.states import State

WORKERS_AT_ONCE = 32
"""Told of in one turn."""


class Telling(Task):
    """Makes the answer, as JSON, bit by bit.

    Each worker is told of as it is in the turn that it has come to, and of each service what it
    is when it has come to its last worker.

    :param services: what to tell of.
    :param worker_id: of the only worker that is wanted; None for all.
    :param resources: whether to look up what processes use.
    """

    def __init__(
        self,
        manager: Manager,
        services: list[ServiceStanding],
        worker_id: int | None,
        resources: bool,
    ) -> None:
        self._manager = manager
        self._worker_id = worker_id
        self._resources = resources
        self._services = deque(services)
        self._told: list[bytes] = []
        self._workers: deque[WorkerStanding] | None = None
        self._workers_told: list[bytes] = []

    def step(self, now: float, tell: Tell) -> Done | None:
        ledger = self._manager.ledger
        left = WORKERS_AT_ONCE
        while self._services:
            left = self._some(self._services[0], now, left)
            if not left:
                return None
        own = as_json(_manager(ledger, self._manager.stopping, now, self._resources))
        services = b",".join(self._told)
        return Done(Encoded(b'{"manager":%b,"services":[%b]}' % (own, services)))

    def _some(self, service: ServiceStanding, now: float, left: int) -> int:
        """Go on with a service; how many workers may still be told of in this turn."""
        if self._workers is None:
            self._workers = deque(
                worker
                for number, worker in sorted(service.workers.items())
                if self._worker_id in (None, number)
            )
        while self._workers and left:
            worker = self._workers.popleft()
            left -= 1
            # it may be gone since the turn before
            if service.workers.get(worker.worker_id) is worker:
                known = self._manager.peek(service.service_id, worker.worker_id)
                told = _worker(worker, known, now, self._resources)
                self._workers_told.append(as_json(told))
        if left:
            expected = self._manager.expected(service.service_id)
            head = as_json(_service(service, expected))[:-1]
            self._told.append(b'%b,"workers":[%b]}' % (head, b",".join(self._workers_told)))
            self._services.popleft()
            self._workers, self._workers_told = None, []
            # a service without any worker takes its time, too
            left -= 1
        return left

    def deadline(self) -> float | None:
        return 0.0


def _manager(ledger: Ledger, stopping: bool, now: float, resources: bool) -> dict[str, Any]:
    last = ledger.last_reload
    return {
        "name": ledger.name,
        "pid": os.getpid(),
        "stage": ledger.stage.value,
        "stopping": stopping,
        "stop_reason": ledger.stop_reason,
        "started_at": ledger.started_wall_time,
        "uptime": max(now - ledger.started_at, 0.0),
        "reloading": ledger.reloading,
        "last_reload": last
        and {
            "at": last.wall_time,
            "result": last.result,
            "text": last.text,
            "duration": last.duration,
        },
        **(_used(os.getpid()) if resources else {}),
    }


def _service(standing: ServiceStanding, expected: int) -> dict[str, Any]:
    return {
        "name": standing.name,
        "wanted": standing.wanted,
        "ready": standing.ready,
        "state": _state(standing, expected),
        "given_up": standing.given_up,
        "restarts": sum(standing.restarts.values()),
        "recycles": standing.recycles,
    }


def _state(standing: ServiceStanding, expected: int) -> str:
    """In one word, for people and scripts: all as wanted, or what is wrong first.

    :param expected: how many workers are wanted, and not stopped by an operator.
    """
    if standing.given_up:
        return "fatal"
    for state in (State.FATAL, State.BACKOFF, State.STARTING):
        if standing.states[state]:
            return str(state.value)
    if expected == 0:
        return "stopped"
    if standing.done >= expected:
        return "exited"
    return "running" if standing.ready + standing.done >= expected else "degraded"


def _worker(
    standing: WorkerStanding, known: WorkerSnapshot | None, now: float, resources: bool
) -> dict[str, Any]:
    process = next(reversed(standing.processes.values()), None)
    state = standing.state
    if known is not None and known.state is State.STOPPING:
        state = State.STOPPING
    return {
        "worker": standing.worker_id,
        "goal": known.goal.value if known else "down",
        "held": known.held if known else False,
        "state": state.value,
        "ready": state is State.RUNNING,
        "done": standing.done,
        "pid": process.pid if process else None,
        "pids": [each.pid for each in standing.processes.values()],
        "uptime": max(now - process.started_at, 0.0) if process else None,
        "since": max(now - standing.since, 0.0),
        "incarnation": known.incarnation if known else None,
        "restarts": standing.restarts,
        "restart_in": _in(standing.restart_at, now),
        "pending": known.pending if known else "",
        "status_text": standing.status_text,
        "last_exit": standing.end and _end(standing.end),
        **(_used(process.pid if process else None) if resources else {}),
    }


def _used(pid: int | None) -> dict[str, Any]:
    usage = None if pid is None else proctable.usage(pid)
    cpu, resident = (None, None) if usage is None else usage
    return {"cpu_seconds": cpu, "resident_bytes": resident}


def _in(at: float | None, now: float) -> float | None:
    return None if at is None else max(at - now, 0.0)


def _end(end: End) -> dict[str, Any]:
    return {
        "at": end.wall_time,
        "outcome": end.outcome,
        "text": end.text,
        "pid": end.pid,
        "code": end.code,
        "signal": end.signal,
        "uptime": end.uptime,
        "asked": end.asked,
    }

"""What ``status`` tells of a service and its workers."""

from __future__ import annotations

from typing import Any

from cotyledon_core.standing import End, ServiceStanding, WorkerStanding
from cotyledon_core.supervision.snapshot import ServiceSnapshot, Snapshot, WorkerSnapshot
from cotyledon_core.supervision.states import State


def service_status(
    standing: ServiceStanding, snapshot: Snapshot, now: float, worker_id: int | None
) -> dict[str, Any]:
    """
    :param now: monotonic seconds.
    :param worker_id: of the only worker that is wanted; None for all.
    """
    known = _known(standing, snapshot)
    return {
        "name": standing.name,
        "wanted": standing.wanted,
        "ready": standing.ready,
        "state": _state(standing),
        "given_up": standing.given_up,
        "restarts": sum(standing.restarts.values()),
        "recycles": standing.recycles,
        "workers": [
            _worker(worker, known.get(number), now)
            for number, worker in sorted(standing.workers.items())
            if worker_id in (None, number)
        ],
    }


def _known(standing: ServiceStanding, snapshot: Snapshot) -> dict[int, WorkerSnapshot]:
    """What the supervisor knows of the service's workers, by id: of two the newer."""
    for service in snapshot.services:
        if service.service_id == standing.service_id:
            return _newest(service)
    return {}


def _newest(service: ServiceSnapshot) -> dict[int, WorkerSnapshot]:
    found: dict[int, WorkerSnapshot] = {}
    for worker in service.workers:
        found[worker.worker_id] = worker
    return found


def _state(standing: ServiceStanding) -> str:
    """In one word, for people and scripts: all as wanted, or what is wrong first."""
    if standing.given_up:
        return "fatal"
    for state in (State.FATAL, State.BACKOFF, State.STARTING):
        if standing.states[state]:
            return str(state.value)
    if standing.wanted == 0:
        return "stopped"
    return "running" if standing.ready >= standing.wanted else "degraded"


def _worker(standing: WorkerStanding, known: WorkerSnapshot | None, now: float) -> dict[str, Any]:
    process = next(reversed(standing.processes.values()), None)
    state = standing.state
    if known is not None and known.state is State.STOPPING:
        state = State.STOPPING
    return {
        "worker": standing.worker_id,
        "goal": known.goal.value if known else "down",
        "state": state.value,
        "ready": state is State.RUNNING,
        "pid": process.pid if process else None,
        "pids": [each.pid for each in standing.processes.values()],
        "uptime": max(now - process.started_at, 0.0) if process else None,
        "since": max(now - standing.since, 0.0),
        "incarnation": known.incarnation if known else None,
        "restarts": standing.restarts,
        "restart_in": _in(standing.restart_at, now),
        "status_text": standing.status_text,
        "last_exit": standing.end and _end(standing.end),
    }


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

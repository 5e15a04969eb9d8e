"""Answers of a manager that is not there."""

from __future__ import annotations

from typing import Any

from cotyledon_core.control.results import Status


def worker(number: int, **fields: Any) -> dict[str, Any]:
    """A worker as the manager tells of it."""
    pid = fields.get("pid", 1000 + number)
    return {
        "worker": number, "goal": "up", "state": "running", "ready": True, "pid": pid,
        "pids": [] if pid is None else [pid], "uptime": 10.0, "since": 10.0, "incarnation": 1,
        "restarts": 0, "restart_in": None, "status_text": "", "last_exit": None,
        "cpu_seconds": 0.0, "resident_bytes": 1024, **fields,
    }  # fmt: skip


def service(name: str, *workers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A service with these workers."""
    count = len(workers)
    return {
        "name": name, "wanted": count, "ready": count, "state": "running", "given_up": "",
        "restarts": 0, "recycles": 0, "workers": list(workers), **fields,
    }  # fmt: skip


def status(*services: dict[str, Any], **fields: Any) -> Status:
    """A manager with these services.

    :param fields: the manager's own.
    """
    manager = {
        "name": "shop", "pid": 1, "stage": "ready", "stopping": False, "stop_reason": "",
        "started_at": 0.0, "uptime": 60.0, "reloading": False, "last_reload": None,
        "cpu_seconds": 0.0, "resident_bytes": 1024, **fields,
    }  # fmt: skip
    return Status.of({"manager": manager, "services": list(services)})

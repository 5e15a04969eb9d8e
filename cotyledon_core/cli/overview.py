"""What ``status`` and ``top`` tell of a manager, its services and workers, in cells."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cotyledon_core.cli.cells import NOTHING, duration, percent, printable, size
from cotyledon_core.cli.table import STYLES, Cell

if TYPE_CHECKING:
    from cotyledon_core.control.results import ManagerStatus, ServiceStatus, WorkerStatus

Cells = dict[str, Cell]
"""By the title of the column."""


def manager(status: ManagerStatus) -> str:
    """Who it is, and at what it is."""
    stage = f"stopping ({status.stop_reason})" if status.stopping else status.stage
    return printable(f"{status.name}: {stage}, pid {status.pid}, up {duration(status.uptime)}")


def reloads(status: ManagerStatus) -> list[str]:
    """A line for the reload that is under way, and one for the last."""
    lines = []
    if status.reloading:
        lines.append("a reload is under way")
    if last := status.last_reload:
        text = f": {last.text}" if last.text else ""
        lines.append(f"last reload {ago(last.at)}: {last.result}{text}")
    return list(map(printable, lines))


def service(status: ServiceStatus) -> Cells:
    """One service."""
    return {
        "SERVICE": status.name,
        "STATE": state(status.state),
        "READY": str(status.ready),
        "WANTED": str(status.wanted),
        "RESTARTS": str(status.restarts),
        "RECYCLES": str(status.recycles),
        "NOTE": status.given_up or _stopped(status),
    }


def _stopped(status: ServiceStatus) -> str:
    held = sum(bool(each.held) for each in status.workers)
    return f"{held} stopped by an operator" if held else ""


def worker(service: str, status: WorkerStatus, cpu: float | None, memory: int | None) -> Cells:
    """One worker.

    :param cpu: percent.
    :param memory: bytes.
    """
    last = status.last_exit
    return {
        "WORKER": f"{service}:{status.worker}",
        "STATE": state(status.state),
        "PID": NOTHING if status.pid is None else str(status.pid),
        "UPTIME": duration(status.uptime),
        "RESTARTS": str(status.restarts),
        "CPU": percent(cpu),
        "MEMORY": size(memory),
        "NEXT": _next(status),
        "LAST EXIT": f"{last.text}, {ago(last.at)}" if last else NOTHING,
        "STATUS": status.status_text or "",
    }


def _next(status: WorkerStatus) -> str:
    if status.restart_in is not None:
        return f"in {duration(status.restart_in)}"
    return status.pending or NOTHING


def state(name: str) -> Cell:
    """A state in its colour."""
    return name, STYLES.get(name, "")


def ago(at: float) -> str:
    """How long it is since this moment.

    :param at: seconds since the epoch.
    """
    return f"{duration(max(time.time() - at, 0.0))} ago"

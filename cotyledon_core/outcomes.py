"""How a worker's process ended, in one word for machines and in a few for people."""

from __future__ import annotations

from cotyledon_core.events import WorkerExited
from cotyledon_core.plugins.restart_policy import Cause

OUTCOMES = (
    "success",
    "error",
    "signal",
    "oom_killed",
    "start_timeout",
    "hung",
    "spawn_failed",
    "asked",
    "forced",
    "unknown",
)
"""All there are; further ones may come."""


def outcome(event: WorkerExited) -> str:
    """One of :data:`OUTCOMES`, a set that is small enough for the label of a metric.

    ``asked`` and ``forced`` are ends that the manager had asked for, the latter by
    SIGKILL. Of the others those have their own names that are no plain exit;
    ``success`` and ``error`` are exit codes 0 and above.
    """
    if event.asked:
        return "forced" if event.forced else "asked"
    if event.cause is not Cause.EXITED:
        return str(event.cause.value).replace(" ", "_")
    if event.oom_killed:
        return "oom_killed"
    if event.status.signal is not None:
        return "signal"
    if event.status.code is None:
        return "unknown"
    return "error" if event.status.code else "success"


def outcome_text(event: WorkerExited) -> str:
    """The cause, the status and the detail."""
    cause = "" if event.cause is Cause.EXITED else f"{event.cause.value}, "
    killer = "by the kernel's OOM killer, " if event.oom_killed else ""
    detail = f": {event.detail}" if event.detail else ""
    return f"{cause}{killer}{event.status}{detail}"

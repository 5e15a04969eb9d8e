"""Commands that change what runs: ``scale``, ``reload``, ``shutdown``."""

from __future__ import annotations

from typing import Any

from cotyledon_core.control.access import Level
from cotyledon_core.control.commands.command import (
    MOST_WORKERS,
    ONE_SERVICE,
    Argument,
    Command,
    Context,
)


def scale(context: Context, service: str, workers: int) -> dict[str, Any]:
    """Change a service's number of workers."""
    found = context.service(service)
    context.changing(f"scale {service} {workers}")
    context.manager.scale(found.service_id, workers)
    return {"service": service, "old_workers": found.wanted, "workers": workers}


def reload(context: Context) -> dict[str, Any]:
    """Do what SIGHUP does."""
    context.changing("reload")
    context.manager.reload()
    return {}


def shutdown(context: Context, now: bool) -> dict[str, Any]:
    """Do what SIGTERM does, or SIGINT."""
    context.manager.note_command("shutdown --now" if now else "shutdown", context.peer)
    context.manager.shut_down(graceful=not now)
    return {"graceful": not now}


COMMANDS = (
    Command(
        "scale",
        Level.WRITE,
        scale,
        (ONE_SERVICE, Argument("workers", int, required=True, least=0, most=MOST_WORKERS)),
    ),
    Command("reload", Level.WRITE, reload),
    Command("shutdown", Level.WRITE, shutdown, (Argument("now", bool, default=False),)),
)

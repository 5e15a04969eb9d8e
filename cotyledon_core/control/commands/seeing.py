"""Commands that look: ``hello``, ``status``, ``health``."""

from __future__ import annotations

import os
from typing import Any

from cotyledon_core import health as judgement
from cotyledon_core.control import protocol
from cotyledon_core.control.access import Level
from cotyledon_core.control.commands.command import SERVICE, WORKER, Argument, Command, Context
from cotyledon_core.control.commands.status import Telling
from cotyledon_core.control.protocol import Code, Refusal
from cotyledon_core.control.tasks import Task
from cotyledon_core.supervision.share import Share


def hello(context: Context) -> dict[str, Any]:
    """Who is there, and what the client may do."""
    ledger = context.manager.ledger
    return {
        "name": ledger.name,
        "pid": os.getpid(),
        "version": _version(),
        "protocol": protocol.VERSION,
        "level": context.level.name.lower(),
    }


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("cotyledon-core")
    except metadata.PackageNotFoundError:
        return ""


def status(context: Context, service: str | None, worker: int | None, resources: bool) -> Task:
    """What is wanted, and what is."""
    if worker is not None and service is None:
        raise Refusal(Code.BAD_REQUEST, "worker needs a service, too")
    if service is None:
        found = list(context.manager.ledger.services.values())
    else:
        found = [context.service(service)]
    if worker is not None and worker not in found[0].workers:
        raise Refusal(Code.UNKNOWN_WORKER, f"{service} has no worker {worker}")
    return Telling(context.manager, found, worker, resources)


def health(context: Context, service: str | None, quorum: str | None) -> dict[str, Any]:
    """Whether the services do what they are for."""
    try:
        share = judgement.DEFAULT_QUORUM if quorum is None else Share.parse(quorum)
    except ValueError as error:
        raise Refusal(Code.BAD_REQUEST, f"quorum: {error}") from None
    ledger = context.manager.ledger
    if service is not None:
        one = judgement.judge_service(context.service(service), share)
        found: tuple[judgement.ServiceHealth, ...] = (one,)
        worst, text = one.status, one.text
    else:
        judged = judgement.judge(ledger, share)
        found, worst, text = judged.services, judged.status, judged.text
    return {
        "status": worst.value,
        "stage": ledger.stage.value,
        "text": text,
        "services": [
            {
                "name": each.name,
                "status": each.status.value,
                "wanted": each.wanted,
                "ready": each.ready,
                "restarting": each.restarting,
                "fatal": each.fatal,
                "text": each.text,
            }
            for each in found
        ],
    }


COMMANDS = (
    Command("hello", Level.READ, hello),
    Command(
        "status",
        Level.READ,
        status,
        (SERVICE, WORKER, Argument("resources", bool, default=False)),
    ),
    Command("health", Level.READ, health, (SERVICE, Argument("quorum", str))),
)

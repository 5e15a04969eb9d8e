"""Commands that change what runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cotyledon_core.control.access import Level
from cotyledon_core.control.commands.command import (
    MOST_WORKERS,
    ONE_SERVICE,
    SERVICE,
    WORKER,
    Argument,
    Command,
    Context,
)
from cotyledon_core.control.commands.ordered import Endless, Ordered
from cotyledon_core.control.protocol import Code, Refusal
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.standing import ServiceStanding
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.types import ServiceId, WorkerId

LONGEST_WAIT = 7 * 86400.0
"""Seconds."""
WAIT = Argument("wait", bool, default=False)
TIMEOUT = Argument("timeout", float, least=0.0, most=LONGEST_WAIT)

Made = Callable[..., msg.OperatorCommand]


def _order(
    context: Context,
    command: msg.OperatorCommand,
    services: frozenset[ServiceId] | None,
    wait: bool,
    timeout: float | None,
) -> Any:
    """Have a command obeyed; its result is the answer if that is waited for."""
    if not wait:
        context.manager.command(command, _nobody_asks)
        return {}
    return Ordered(context.manager, [command], services, _until(context, timeout))


def _until(context: Context, timeout: float | None) -> float | None:
    return None if timeout is None else context.now + timeout


def _nobody_asks(result: CommandDone) -> None:
    """What has become of it stands in the events."""


def scale(context: Context, service: str, workers: int, wait: bool, timeout: float | None) -> Any:
    """Change a service's number of workers."""
    found = context.service(service)
    context.changing(f"scale {service} {workers}")
    order = msg.Scale(found.service_id, workers)
    return _order(context, order, frozenset({found.service_id}), wait, timeout)


def _of_service(
    made: Made,
    name: str,
    context: Context,
    service: str,
    worker: int | None,
    wait: bool,
    timeout: float | None,
    **more: Any,
) -> Any:
    """A command for a service, or one worker of it."""
    found = context.service(service)
    worker_id = None if worker is None else WorkerId(worker)
    if worker_id is not None and worker_id not in found.workers:
        raise Refusal(Code.UNKNOWN_WORKER, f"{service} has no worker {worker}")
    where = service if worker is None else f"{service}:{worker}"
    context.changing(f"{name} {where}" + "".join(f" --{key}" for key in more if more[key]))
    order = made(found.service_id, worker_id, **more)
    return _order(context, order, frozenset({found.service_id}), wait, timeout)


def reload(context: Context, dry_run: bool, wait: bool, timeout: float | None) -> Any:
    """Do what SIGHUP does, or tell what it would do."""
    if dry_run:
        try:
            return context.manager.preview_reload()
        except ConfigurationError as error:
            raise Refusal(Code.FAILED, str(error)) from None
    context.changing("reload")
    return _order(context, msg.AskReload(), None, wait, timeout)


def shutdown(context: Context, now: bool, wait: bool, timeout: float | None) -> Any:
    """Do what SIGTERM does, or SIGINT."""
    context.manager.note_command("shutdown --now" if now else "shutdown", context.peer)
    context.manager.shut_down(graceful=not now)
    return Endless(_until(context, timeout)) if wait else {}


def wait(context: Context, service: str | None, worker: int | None, timeout: float | None) -> Any:
    """Until a service, or one worker of it, or all of them are ready; changes nothing."""
    if worker is not None and service is None:
        raise Refusal(Code.BAD_REQUEST, "worker needs a service, too")
    if context.manager.stopping:
        raise Refusal(Code.STOPPING, "the manager is stopping")
    services = context.manager.ledger.services
    if service is None:
        ids = [each.service_id for each in services.values() if not _is_stopped(context, each)]
    else:
        ids = [context.service(service).service_id]
    worker_id = None if worker is None else WorkerId(worker)
    if service is not None and worker is not None and worker not in services[service].workers:
        raise Refusal(Code.UNKNOWN_WORKER, f"{service} has no worker {worker}")
    orders = [msg.Await(service_id, worker_id) for service_id in ids]
    return Ordered(context.manager, orders, frozenset(ids), _until(context, timeout))


def _is_stopped(context: Context, service: ServiceStanding) -> bool:
    """Whether an operator has stopped all of it."""
    return service.wanted > 0 and context.manager.expected(service.service_id) == 0


_WHICH = (ONE_SERVICE, WORKER, WAIT, TIMEOUT)
COMMANDS = (
    Command(
        "scale",
        Level.WRITE,
        scale,
        (
            ONE_SERVICE,
            Argument("workers", int, required=True, least=0, most=MOST_WORKERS),
            WAIT,
            TIMEOUT,
        ),
    ),
    Command("stop", Level.WRITE, partial(_of_service, msg.OperatorStop, "stop"), _WHICH),
    Command("start", Level.WRITE, partial(_of_service, msg.OperatorStart, "start"), _WHICH),
    Command(
        "restart",
        Level.WRITE,
        partial(_of_service, msg.OperatorRestart, "restart"),
        (*_WHICH, Argument("rolling", bool, default=False)),
    ),
    Command(
        "reload", Level.WRITE, reload, (Argument("dry_run", bool, default=False), WAIT, TIMEOUT)
    ),
    Command(
        "shutdown", Level.WRITE, shutdown, (Argument("now", bool, default=False), WAIT, TIMEOUT)
    ),
    Command("wait", Level.READ, wait, (SERVICE, WORKER, TIMEOUT)),
)

"""Commands about levels of loggers: ``log-level`` and ``worker-log-level``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cotyledon_core import log_levels
from cotyledon_core.control.access import Level
from cotyledon_core.control.commands.command import SERVICE, WORKER, Argument, Command, Context
from cotyledon_core.control.protocol import Code, Refusal
from cotyledon_core.control.steering import Manager
from cotyledon_core.control.tasks import Done, Task, Tell
from cotyledon_core.log_levels import EVERY, HELD, LEVELS, RESET, Order

if TYPE_CHECKING:
    from cotyledon_core.runtime.children import WorkerProcess

TOLD_AT_ONCE = 64
"""Workers that are signalled in one turn."""
PATIENCE = 2.0
"""Seconds that workers have to answer."""


def log_level(context: Context, logger: str | None, level: str | None) -> dict[str, Any]:
    """The level of a logger in the manager; another, if one is given."""
    if level is not None and context.level < Level.WRITE:
        raise Refusal(Code.NOT_ALLOWED, f"uid {context.peer.uid} may only look, not set a level")
    name = _name(logger)
    if level is not None:
        context.manager.note_command(f"log-level {name or 'root'} {level}", context.peer)
        HELD.set(name, level)
    return {"logger": name or "root", **_levels(*log_levels.shown(name))}


def worker_log_level(
    context: Context,
    service: str | None,
    worker: int | None,
    logger: str | None,
    level: str | None,
) -> Task:
    """The level of a logger in workers; another, if one is given, also in those to come."""
    levels = context.manager.log_levels
    if worker is not None and service is None:
        raise Refusal(Code.BAD_REQUEST, "worker needs a service, too")
    found = None if service is None else context.service(service)
    if found is not None and worker is not None and worker not in found.workers:
        raise Refusal(Code.UNKNOWN_WORKER, f"{service} has no worker {worker}")
    if found is not None and not levels.can_tell(found.service_id):
        text = f"{service} runs a program, which sets its levels itself"
        raise Refusal(Code.FAILED, text)
    if not levels.possible:
        raise Refusal(Code.FAILED, "on this platform workers cannot be told")
    name = _name(logger)
    service_id = None if found is None else found.service_id
    order = None
    if level is not None:
        where = "all services" if service is None else service
        where += "" if worker is None else f":{worker}"
        context.manager.note_command(f"log-level {name or 'root'} {level} of {where}", context.peer)
        order = Order(
            EVERY if service_id is None else service_id.hex,
            EVERY if worker is None else str(worker),
            name,
            level,
        )
    try:
        return Levels(context.manager, levels.of(service_id, worker), name, order, context.now)
    except (OSError, ValueError) as error:
        raise Refusal(Code.FAILED, str(error)) from None


class Levels(Task):
    """Asks workers for the level of a logger, and waits for those that answer.

    :param order: what is set before; whoever does not answer finds it later.
    """

    def __init__(
        self,
        manager: Manager,
        processes: Sequence[WorkerProcess],
        logger: str,
        order: Order | None,
        now: float,
    ) -> None:
        self._levels = manager.log_levels
        self._processes = processes
        # a service may be removed meanwhile
        self._names = {process: self._levels.name_of(process) for process in processes}
        self._logger = logger
        self._number = self._levels.ask(logger, processes, order)
        self._told = 0
        self._awaited = list(processes)
        self._until = now + PATIENCE

    def step(self, now: float, tell: Tell) -> Done | None:
        for process in self._processes[self._told : self._told + TOLD_AT_ONCE]:
            self._told += 1
            self._levels.tell(process)
        if self._told < len(self._processes) or (now < self._until and not self._answered()):
            return None
        living = [process for process in self._processes if self._levels.lives(process)]
        return Done({"workers": [self._answer(process) for process in living]})

    def _answered(self) -> bool:
        """Whether nobody is awaited any more; looks at each that is not only once."""
        while self._awaited and self._is_done(self._awaited[-1]):
            self._awaited.pop()
        return not self._awaited

    def _is_done(self, process: WorkerProcess) -> bool:
        return bool(process.answers[self._number]) or not self._levels.lives(process)

    def _answer(self, process: WorkerProcess) -> dict[str, Any]:
        level, _, effective = process.answers[self._number].partition("\t")
        return {
            "service": self._names[process],
            "worker": process.incarnation.worker_id,
            "pid": process.child.pid,
            "logger": self._logger or "root",
            **_levels(level or None, effective or None),
        }

    def deadline(self) -> float | None:
        # an answer, and the end of a worker, begin a turn of their own
        return 0.0 if self._told < len(self._processes) or self._answered() else self._until

    def close(self) -> None:
        self._levels.forget(self._number, self._processes)


def _levels(level: str | None, effective: str | None) -> dict[str, str | None]:
    return {"level": level, "effective": effective}


def _name(logger: str | None) -> str:
    """
    :raises Refusal: if no logger has such a name.
    """
    if logger in (None, "root"):
        return ""
    assert logger is not None
    if not logger.isprintable():
        raise Refusal(Code.BAD_REQUEST, "logger: a name of printable characters is needed")
    return logger


LOGGER = Argument("logger", str)
LEVEL = Argument("level", str, choices=(*LEVELS, RESET))
COMMANDS = (
    Command("log-level", Level.READ, log_level, (LOGGER, LEVEL)),
    Command("worker-log-level", Level.WRITE, worker_log_level, (SERVICE, WORKER, LOGGER, LEVEL)),
)

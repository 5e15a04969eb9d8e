"""A command that is under way: its progress, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable

from cotyledon_core.control.protocol import Code, Refusal
from cotyledon_core.control.steering import Manager
from cotyledon_core.control.tasks import Done, Task, Tell
from cotyledon_core.standing import ServiceStanding
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.supervision.messages import OperatorCommand
from cotyledon_core.types import ServiceId


class Ordered(Task):
    """Waits for the end of commands, all of them, and tells of the services meanwhile.

    :param commands: what to have obeyed.
    :param services: whose progress is told; None for all.
    :param until: monotonic seconds; None waits without end.
    """

    def __init__(
        self,
        manager: Manager,
        commands: Iterable[OperatorCommand],
        services: frozenset[ServiceId] | None,
        until: float | None,
    ) -> None:
        self._manager = manager
        self._services = services
        self._until = until
        self._failures: list[str] = []
        self._noted = -1
        self._told: dict[str, tuple[int, int]] = {}
        self._changed = False
        self._open: set[int] = set()
        for command in commands:
            self._open.add(manager.command(command, self._done))

    def _done(self, result: CommandDone) -> None:
        self._open.discard(result.number)
        self._changed = True
        if not result.ok:
            self._failures.append(result.text)

    def step(self, now: float, tell: Tell) -> Done | None:
        ledger = self._manager.ledger
        if ledger.noted != self._noted:
            told = all(self._tell(service, tell) for service in ledger.services.values())
            # what there was no room for is told later
            self._noted = ledger.noted if told else -1
        self._changed = False
        if self._failures:
            raise Refusal(Code.FAILED, "; ".join(self._failures))
        if not self._open:
            return Done({})
        if self._until is not None and self._until <= now:
            raise Refusal(Code.TIMED_OUT, "it is not so yet")
        return None

    def _tell(self, service: ServiceStanding, tell: Tell) -> bool:
        """Tell of the service if there is news; False if there is no room for it."""
        if self._services is not None and service.service_id not in self._services:
            return True
        counts = service.ready, service.wanted
        if self._told.get(service.name) == counts:
            return True
        news = {"service": service.name, "ready": service.ready, "wanted": service.wanted}
        if not tell(news):
            return False
        self._told[service.name] = counts
        return True

    def deadline(self) -> float | None:
        news = self._changed or self._noted != self._manager.ledger.noted
        return 0.0 if news else self._until

    def close(self) -> None:
        for number in self._open:
            self._manager.forget(number)


class Endless(Task):
    """Is never answered in time: the end of the connection is the answer.

    :param until: monotonic seconds; None waits without end.
    """

    def __init__(self, until: float | None) -> None:
        self._until = until

    def step(self, now: float, tell: Tell) -> Done | None:
        if self._until is not None and self._until <= now:
            raise Refusal(Code.TIMED_OUT, "the manager has not ended yet")
        return None

    def deadline(self) -> float | None:
        return self._until

"""What becomes of commands: each that has a number is answered once.

It is fulfilled when the service, or the worker, is as it was commanded; it has failed
as soon as that cannot come about any more: a worker is lost for good, the service is
given up or removed, a later command wants something else, the manager stops.

Only what is counted in the service is looked at, so that the cost does not grow with
its workers; but with the commands that are waited for, and nothing without any.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from typing import NamedTuple

from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.supervision.agenda import Agenda
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.states import SETTLED, State
from cotyledon_core.types import WorkerId

STOPPING = "the manager is stopping"
HELD = "an operator has stopped it"


class Wish(Enum):
    """What is waited for."""

    UP = "ready"
    SIZE = "of another size"
    RENEWED = "newer, and ready"
    GONE = "gone"


STARTS = frozenset({Wish.UP, Wish.SIZE, Wish.RENEWED})
"""The wishes that there are processes."""


class Pending(NamedTuple):
    """A command that is not fulfilled yet."""

    service: SupervisedService
    wish: Wish
    worker_id: WorkerId | None
    since: int
    """The worker's incarnation has to be a later one."""


class Results:
    """See the module's description."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._pending: dict[int, Pending] = {}
        self._reloads: list[int] = []
        """Those that wait for the reload that is under way."""
        self._next_reloads: list[int] = []

    # -- services

    def expect(
        self,
        number: int,
        service: SupervisedService,
        wish: Wish,
        worker_id: WorkerId | None = None,
        since: int = 0,
    ) -> None:
        """
        :param number: the command's; 0 if nobody waits.
        """
        if number:
            self._pending[number] = Pending(service, wish, worker_id, since)

    def refuse(self, number: int, why: str) -> None:
        """The command cannot be obeyed."""
        if number:
            self._tell(number, why)

    def fail(
        self,
        service: SupervisedService,
        why: str,
        wishes: Collection[Wish],
        worker_id: WorkerId | None = None,
        *,
        whole: bool = True,
    ) -> None:
        """Wishes for the service, or for one worker of it, will not come true.

        :param whole: with a worker's id, whether those for the whole service fail, too.
        """
        for number, pending in list(self._pending.items()):
            if pending.service is not service or pending.wish not in wishes:
                continue
            one = pending.worker_id
            if worker_id is None or one == worker_id or (one is None and whole):
                self._tell(number, why)

    def supersede(self, service: SupervisedService, number: int) -> None:
        """The service gets another size by the command with this number."""
        for other, pending in list(self._pending.items()):
            if pending.service is service and pending.wish is Wish.SIZE and other != number:
                self._tell(other, "it got another size meanwhile")

    def forget(self, number: int) -> None:
        """Nobody waits for the command any more."""
        self._pending.pop(number, None)
        for numbers in (self._reloads, self._next_reloads):
            if number in numbers:
                numbers.remove(number)

    def look(self) -> None:
        """Answer what has been fulfilled by now."""
        for number, pending in list(self._pending.items()):
            verdict = _VERDICTS[pending.wish](pending)
            if verdict is not None:
                self._tell(number, verdict)

    # -- reloads

    def expect_reload(self, number: int) -> None:
        """A reload was asked for; it may have to wait for another one."""
        if number:
            self._next_reloads.append(number)

    def reload_begun(self) -> None:
        self._reloads, self._next_reloads = self._next_reloads, []

    def reload_over(self, error: str = "") -> None:
        numbers, self._reloads = self._reloads, []
        for number in numbers:
            self._tell(number, error)

    # -- the end

    def end(self) -> None:
        """Nothing is started any more."""
        for number in [*self._pending, *self._reloads, *self._next_reloads]:
            self._tell(number, STOPPING)
        self._reloads, self._next_reloads = [], []

    def _tell(self, number: int, why: str) -> None:
        self._pending.pop(number, None)
        self._agenda.add(CommandDone(number, ok=not why, text=why))


# -- the verdicts: None for not yet, an empty text for fulfilled, else why it has failed


def _gone(pending: Pending) -> str | None:
    service, worker_id = pending.service, pending.worker_id
    if worker_id is None:
        return None if service.alive else ""
    worker = service.workers.get(worker_id)
    left = worker_id in service.doubles or (worker is not None and worker.alive)
    return None if left else ""


def _up(pending: Pending) -> str | None:
    service = pending.service
    if pending.worker_id is None and service.held and not service.expected:
        return HELD
    return _sized(pending)


def _sized(pending: Pending) -> str | None:
    service = pending.service
    if pending.worker_id is not None:
        return _one(pending, pending.worker_id)
    there = service.running + service.settled == service.expected
    if not there or service.alive != service.running or service.doubles:
        return None
    return _lost(service)


def _renewed(pending: Pending) -> str | None:
    service = pending.service
    if pending.worker_id is not None:
        return _one(pending, pending.worker_id)
    there = service.renewed + service.settled == service.expected
    if not there or service.doubles or service.rollout.observed:
        return None
    return _lost(service)


def _one(pending: Pending, worker_id: WorkerId) -> str | None:
    service = pending.service
    worker = service.workers.get(worker_id)
    if worker is None or worker_id >= service.wanted:
        return f"worker {service.spec.name}({worker_id}) is not wanted any more"
    if service.hold.holds(worker_id):
        return HELD
    if worker.number <= pending.since or worker_id in service.doubles:
        return None
    if worker.state in SETTLED:
        return "" if worker.clean else f"worker {service.spec.name}({worker_id}) has failed"
    there = worker.state is State.RUNNING and worker not in service.rollout.observed
    return "" if there else None


def _lost(service: SupervisedService) -> str:
    """Whom the restart policy has left ended for a failure, if there is one."""
    if not service.settled:
        return ""
    lost = [w for w in service.workers.values() if w.state in SETTLED and not w.clean]
    return f"worker {service.spec.name}({lost[0].worker_id}) has failed" if lost else ""


_VERDICTS: dict[Wish, Callable[[Pending], str | None]] = {
    Wish.UP: _up,
    Wish.SIZE: _sized,
    Wish.RENEWED: _renewed,
    Wish.GONE: _gone,
}

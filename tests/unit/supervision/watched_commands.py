"""What has to follow when an operator commands something."""

from __future__ import annotations

from collections.abc import Iterable

from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Action, CommandDone
from cotyledon_core.supervision.messages import Incarnation, Message
from cotyledon_core.types import ServiceId, WorkerId

Order = msg.OperatorStop | msg.OperatorStart | msg.OperatorRestart
Slot = tuple[ServiceId, WorkerId]


class WatchedHolds:
    """Knows what an operator has stopped."""

    def __init__(self) -> None:
        self._services: set[ServiceId] = set()
        self._slots: dict[Slot, bool] = {}
        """Those that were commanded alone, since their service was as a whole."""

    def note(self, order: Order) -> None:
        held = isinstance(order, msg.OperatorStop)
        if order.worker_id is not None:
            self._slots[order.service_id, order.worker_id] = held
            return
        self._slots = {
            slot: was for slot, was in self._slots.items() if slot[0] != order.service_id
        }
        self._services.discard(order.service_id)
        if held:
            self._services.add(order.service_id)

    def __contains__(self, slot: Slot) -> bool:
        return self._slots.get(slot, slot[0] in self._services)


class WatchedCommands:
    """Knows who waits for an answer, and whose replacement somebody has asked for."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        """The commands that have to be answered yet."""
        self._old: dict[int, set[Incarnation]] = {}
        """The processes that were there when a restart was commanded."""
        self._replaceable: set[Incarnation] = set()

    @property
    def open(self) -> list[int]:
        return sorted(self._open)

    def note(self, message: Message, there: Iterable[Incarnation]) -> None:
        """
        :param there: the processes that there are before it, but for those that are to end.
        """
        if isinstance(message, msg.Forget):
            self._open.discard(message.number)
        elif isinstance(message, msg.LeaveAsked):
            self._replaceable.add(message.incarnation)
        elif isinstance(message, msg.Reload):
            changed = {change.spec.service_id for change in message.changes}
            self._replaceable.update(each for each in there if each.service_id in changed)
        elif isinstance(message, msg.OperatorCommand) and message.number:
            self._open.add(message.number)
        if isinstance(message, msg.OperatorRestart):
            old = set(_of(there, message.service_id, message.worker_id))
            self._replaceable |= old
            self._old[message.number] = old

    def check_answers(self, actions: Iterable[Action], there: Iterable[Incarnation]) -> None:
        """Each command is answered once, a restart when nothing old is left.

        :param there: the processes that there are now, but for those that are to end.
        """
        for action in actions:
            if not isinstance(action, CommandDone):
                continue
            assert action.number in self._open, "an answer that nobody waits for"
            assert action.ok is not bool(action.text)
            self._open.remove(action.number)
            if action.ok:
                left = self._old.get(action.number, set()).intersection(there)
                assert not left, "restarted, with an old process"

    def check_replaced(self, incarnation: Incarnation) -> None:
        """A process is asked to end only to be replaced."""
        assert incarnation in self._replaceable, "replaced though nobody has asked for that"


def _of(
    processes: Iterable[Incarnation], service_id: ServiceId, worker_id: WorkerId | None
) -> Iterable[Incarnation]:
    for incarnation in processes:
        if incarnation.service_id == service_id and worker_id in (None, incarnation.worker_id):
            yield incarnation

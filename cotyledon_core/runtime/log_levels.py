"""Levels of loggers that operators set in workers: what holds, and who is told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from cotyledon_core.log_levels import EVERY, Note, Order, ordered
from cotyledon_core.process.board import NOTE_ROOM, Board
from cotyledon_core.process.signals import SIGURG
from cotyledon_core.runtime.children import NO_ANSWERS, Children, WorkerProcess
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.types import ServiceId


class LogLevels:
    """See :mod:`cotyledon_core.log_levels`."""

    def __init__(
        self, board: Board, definitions: Mapping[ServiceId, ServiceDefinition], children: Children
    ) -> None:
        self._board = board
        self._definitions = definitions
        self._children = children
        self._note = Note()
        self._last = 0
        self.possible = board.descriptor >= 0 and SIGURG is not None
        """Whether this platform has what it takes."""

    def can_tell(self, service_id: ServiceId) -> bool:
        """Whether the workers of a service understand it; programs do not."""
        definition = self._definitions.get(service_id)
        return definition is not None and not definition.executes

    def of(self, service_id: ServiceId | None, worker_id: int | None) -> list[WorkerProcess]:
        """The processes of a worker, a service, or all, except for programs."""
        return [
            process
            for process in self._children.all()
            if service_id in (None, process.incarnation.service_id)
            and worker_id in (None, process.incarnation.worker_id)
            and self.can_tell(process.incarnation.service_id)
        ]

    def name_of(self, process: WorkerProcess) -> str:
        """Of its service."""
        return self._definitions[process.incarnation.service_id].name

    def ask(
        self, logger: str, processes: Iterable[WorkerProcess], order: Order | None = None
    ) -> int:
        """Put a question to these: what the level of a logger is; its number.

        :param order: what is set before.
        :raises ValueError: if there is no room for more.
        :raises OSError: nor memory.
        """
        number = self._last + 1
        orders = self._note.orders if order is None else self._with(order)
        self._write(orders, {**self._note.questions, number: logger})
        # those that are forked from now on are not signalled
        self._board.noted = bool(orders)
        self._last = number
        for process in processes:
            process.answers = {**process.answers, number: ""}
        return number

    def _with(self, order: Order) -> tuple[Order, ...]:
        known = {EVERY, *(service_id.hex for service_id in self._definitions)}
        return ordered((each for each in self._note.orders if each.service in known), order)

    def forget(self, number: int, processes: Iterable[WorkerProcess]) -> None:
        """Nobody waits for the answers to a question."""
        for process in processes:
            left = {key: text for key, text in process.answers.items() if key != number}
            process.answers = left or NO_ANSWERS
        questions = {key: text for key, text in self._note.questions.items() if key != number}
        self._note = Note(self._note.orders, questions)
        with contextlib.suppress(OSError):  # an answer too many is not heard
            self._board.write_note(self._note.encode())

    def lives(self, process: WorkerProcess) -> bool:
        return self._children.get(process.incarnation) is process

    def tell(self, process: WorkerProcess) -> None:
        """Have it read the note; one that has no handlers yet reads it of its own accord."""
        if SIGURG is not None and self.lives(process):
            process.child.send(SIGURG)

    def _write(self, orders: Iterable[Order], questions: Mapping[int, str]) -> None:
        note = Note(tuple(orders), questions)
        text = note.encode()
        if len(text) > NOTE_ROOM:
            raise ValueError("there is no room for more; reset some levels, or try again later")
        self._board.write_note(text)
        self._note = note

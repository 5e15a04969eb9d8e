"""Who waits for the result of which command."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from cotyledon_core.log import Log
from cotyledon_core.supervision.actions import CommandDone

LOG = Log("cotyledon_core")

Done = Callable[[CommandDone], None]


class AwaitedCommands:
    """Each is told once, at the latest at the manager's end."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Done] = {}
        self._over = False

    def add(self, done: Done) -> int:
        """From any thread; the number for the command."""
        number = next(self._numbers)
        self._waiting[number] = done
        if self._over:
            self.end()
        return number

    def remove(self, number: int) -> None:
        """Nobody waits for it any more."""
        self._waiting.pop(number, None)

    def tell(self, result: CommandDone) -> None:
        done = self._waiting.pop(result.number, None)
        if done is None:
            return
        try:
            done(result)
        except Exception:
            LOG.exception("the result of a command could not be told")

    def end(self) -> None:
        """What was not obeyed will not be, nor what is still commanded."""
        self._over = True
        for number in list(self._waiting):
            self.tell(CommandDone(number, ok=False, text="the manager has ended"))

"""How far the workers of one service are on their way to its present revision."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotyledon_core.supervision.worker import Worker


class Rollout:
    """A worker stands in one of these at a time, or is not on its way."""

    __slots__ = (
        "awaited",
        "coming",
        "gated",
        "keeps",
        "observed",
        "ordered",
        "starting",
        "told",
        "waiting",
    )

    def __init__(self) -> None:
        self.awaited = False
        """Whether a reload waits for it; else the workers have asked for it by themselves."""
        self.ordered = False
        """Whether an operator has asked for it."""
        self.gated = False
        """Whether a loss on the way ends what an operator has asked for: a rolling restart."""
        self.told: set[Worker] = set()
        """They were told to reload in place, and have not answered."""
        self.keeps = False
        """Whether those that cannot reload in place stay as they are."""
        # of a dict the first item is found the slower the more were taken out before it
        self.waiting: OrderedDict[Worker, None] = OrderedDict()
        """They are to be replaced, and work until it is their turn."""
        self.coming: set[Worker] = set()
        """Their old process is ending, or their new one waits for its start."""
        self.starting: set[Worker] = set()
        """Their new process is not ready."""
        self.observed: set[Worker] = set()
        """It is ready, and has to stay so for a while."""

    @property
    def under_way(self) -> bool:
        return bool(self.told or self.waiting or self.coming or self.starting or self.observed)

    @property
    def is_blocked(self) -> bool:
        """Whether some wait for what none of the others can bring."""
        others = self.told or self.coming or self.starting or self.observed
        return bool(self.waiting and not others)

    @property
    def is_only_told(self) -> bool:
        """Whether nobody is replaced."""
        return not (self.waiting or self.coming or self.starting or self.observed)

    def is_due(self, worker: Worker) -> bool:
        """Whether the worker is to get a new process, whatever becomes of its old one."""
        return worker in self.waiting or worker in self.coming

    def __contains__(self, worker: Worker) -> bool:
        groups = (self.told, self.waiting, self.coming, self.starting, self.observed)
        return any(worker in group for group in groups)

    def forget(self, worker: Worker) -> None:
        """The worker is not on its way any more."""
        self.waiting.pop(worker, None)
        for group in (self.told, self.coming, self.starting, self.observed):
            group.discard(worker)

    def halt(self) -> None:
        """Nobody is on the way any more."""
        for group in (self.told, self.waiting, self.coming, self.starting, self.observed):
            group.clear()

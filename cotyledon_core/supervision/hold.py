"""Which workers of a service an operator has stopped."""

from __future__ import annotations

from cotyledon_core.types import WorkerId


class Hold:
    """Of one service. Slots that come later are what the service is as a whole."""

    __slots__ = ("_others", "_whole")

    def __init__(self) -> None:
        self._whole = False
        self._others: set[WorkerId] = set()
        """The slots that are not what the service is as a whole."""

    def put(self, worker_id: WorkerId | None, *, held: bool) -> None:
        """An operator has stopped, or started, one worker; all of them without its id."""
        if worker_id is None:
            self._whole = held
            self._others.clear()
        elif held is self._whole:
            self._others.discard(worker_id)
        else:
            self._others.add(worker_id)

    def holds(self, worker_id: WorkerId) -> bool:
        return self._whole is not (worker_id in self._others)

    def count(self, wanted: int) -> int:
        """How many of the slots from 0 on are held."""
        others = sum(worker_id < wanted for worker_id in self._others)
        return wanted - others if self._whole else others

    @property
    def whole(self) -> bool:
        """Whether the service as a whole was stopped."""
        return self._whole

    def __bool__(self) -> bool:
        return self._whole or bool(self._others)

"""When the manager as a whole is ready: every worker wanted by then was ready once."""

from __future__ import annotations

from cotyledon_core.supervision.exceptions import ImpossibleMessage
from cotyledon_core.supervision.worker import Worker


class FirstReadiness:
    """Counts the workers that have still to become ready for the first time."""

    def __init__(self) -> None:
        self._awaited = 0
        self._begun = False
        self._over = False

    def check_not_begun(self) -> None:
        """
        :raises ImpossibleMessage: if it has begun.
        """
        if self._begun:
            raise ImpossibleMessage("started twice")

    def begin(self) -> None:
        """The services that the manager starts with are known."""
        self._begun = True

    def expect(self, worker: Worker) -> None:
        """A worker was added; for the manager, those added once all are ready do not count."""
        if worker.awaits_first_ready:
            return
        worker.awaits_first_ready = True
        worker.service.awaited += 1
        self._awaited += 1

    def release(self, worker: Worker) -> None:
        """The worker has become ready, or is not wanted any more."""
        if worker.awaits_first_ready:
            worker.awaits_first_ready = False
            worker.service.awaited -= 1
            self._awaited -= 1

    def completed(self) -> bool:
        """True once, when nobody is awaited any more."""
        if self._over or not self._begun or self._awaited:
            return False
        self._over = True
        return True

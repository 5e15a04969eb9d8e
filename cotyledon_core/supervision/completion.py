"""When nothing is left to supervise: every service was given up or has finished.

A service has finished when the restart policy has left all its workers ended.
One that was given up is over when its last process has ended: those that run
go on. A service that was scaled to nothing has not finished, and a manager
without services waits for some.
"""

from __future__ import annotations

from cotyledon_core.supervision.roster import Roster
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.types import ServiceId


class Completion:
    """Looks at a service only when something has changed there."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._open: set[ServiceId] = set()

    def look_at(self, service: SupervisedService) -> None:
        """Something has changed that may be the end of the service, or its beginning."""
        if service.is_over:
            self._open.discard(service.spec.service_id)
        else:
            self._open.add(service.spec.service_id)

    def forget(self, service: SupervisedService) -> None:
        """The service was removed."""
        self._open.discard(service.spec.service_id)

    def reached(self) -> bool:
        """Whether there were services and none is left."""
        return len(self._roster) > 0 and not self._open

    def is_clean(self) -> bool:
        """Whether each service has done what it was for."""
        return not self._roster.lost()

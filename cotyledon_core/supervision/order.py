"""The order of services: each starts after those that it names, and is stopped before them.

A service starts when all workers of each that it names have been ready once,
or have finished cleanly. What becomes of those later does not matter to it. If
one of them cannot come to that any more, the service is given up with it.

In a stop a service is stopped when nothing is left of those that start after it.
"""

from __future__ import annotations

from enum import Enum

from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.start_queue import StartQueue
from cotyledon_core.supervision.states import Goal
from cotyledon_core.types import ServiceId


class Stage(Enum):
    """How far a service has come, for those that start after it."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    LOST = "lost"
    """It will not become ready."""
    GONE = "gone"
    """It was stopped, with all that start after it."""


class Place:
    """A service's place in the order."""

    def __init__(self, service: SupervisedService, earlier: list[Place]) -> None:
        self.service = service
        self.stage = Stage.WAITING
        self.earlier = earlier
        self.later: list[Place] = []
        self.unready = 0
        """So many of those before it are not ready."""
        self.left = 0
        """So many of those after it are not gone."""


class Order:
    """Which services start, or stop, next."""

    def __init__(self, starts: StartQueue) -> None:
        self._starts = starts
        self._places: dict[ServiceId, Place] = {}
        self._stopping = False

    # -- start

    def add(self, service: SupervisedService) -> None:
        """A service has come."""
        earlier = [self._places[service_id] for service_id in service.spec.start_after]
        place = self._places[service.spec.service_id] = Place(service, earlier)
        for other in earlier:
            other.later.append(place)
            # nothing comes of one that is added during a stop
            other.left += not self._stopping
            place.unready += other.stage is not Stage.READY
        service.waiting = place.unready > 0
        if not service.waiting:
            place.stage = Stage.STARTING

    def lost_before(self, service: SupervisedService) -> str | None:
        """The name of a service for which this one would wait in vain."""
        for place in self._places[service.spec.service_id].earlier:
            if place.stage is Stage.LOST:
                return place.service.spec.name
        return None

    def look_at(self, service: SupervisedService) -> None:
        """All workers of the service may have been ready by now: start those that wait for it."""
        settled = [self._places[service.spec.service_id]]
        while settled:
            place = settled.pop()
            if place.stage is not Stage.STARTING or place.service.awaited:
                continue
            place.stage = Stage.READY
            for other in place.later:
                other.unready -= 1
                if not other.unready and other.stage is Stage.WAITING:
                    self._start(other)
                    settled.append(other)

    def _start(self, place: Place) -> None:
        place.stage = Stage.STARTING
        place.service.waiting = False
        for worker in place.service.workers.values():
            if worker.goal is Goal.UP:
                self._starts.add(worker)

    def lost(self, service: SupervisedService) -> list[SupervisedService]:
        """The service will not become ready, unless it was; those that have waited for it."""
        place = self._places[service.spec.service_id]
        if place.stage is Stage.READY:
            return []
        place.stage = Stage.LOST
        return [other.service for other in place.later if other.stage is Stage.WAITING]

    def revived(self, service: SupervisedService) -> bool:
        """The service begins anew; whether it has yet to become ready."""
        place = self._places[service.spec.service_id]
        if place.stage is not Stage.LOST:
            return False
        service.waiting = place.unready > 0
        place.stage = Stage.WAITING if service.waiting else Stage.STARTING
        return True

    def lost_after(self, service: SupervisedService) -> list[SupervisedService]:
        """Those that were lost with the service, or with another one before them."""
        later = self._places[service.spec.service_id].later
        return [place.service for place in later if place.stage is Stage.LOST]

    def remove(self, service: SupervisedService) -> None:
        """The service is gone, and was removed."""
        place = self._places.pop(service.spec.service_id)
        for other in place.earlier:
            other.later.remove(place)
            other.left -= place.stage is not Stage.GONE
        for other in place.later:
            other.earlier.remove(place)
            other.unready -= place.stage is not Stage.READY
            if not other.unready and other.stage is Stage.WAITING:
                self._start(other)
                self.look_at(other.service)

    # -- stop

    def last(self) -> list[SupervisedService]:
        """Those that nobody starts after: the first to be stopped."""
        self._stopping = True
        return [place.service for place in self._places.values() if not place.left]

    def gone(self, service: SupervisedService) -> list[SupervisedService]:
        """A process has ended: if nothing is left of the service, those to be stopped now."""
        place = self._places[service.spec.service_id]
        if service.alive or place.left or place.stage is Stage.GONE:
            return []
        place.stage = Stage.GONE
        for other in place.earlier:
            other.left -= 1
        return [other.service for other in place.earlier if not other.left]

"""Events as actions: made with the time of the message that is being handled."""

from __future__ import annotations

from typing import Any

from cotyledon_core.events import Event, ServiceEvent, WorkerEvent
from cotyledon_core.supervision.actions import Action, Publish
from cotyledon_core.supervision.messages import Instant
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.worker import Worker


class Agenda:
    """The actions that a message leads to, in their order."""

    def __init__(self) -> None:
        self.now = Instant(0.0, 0.0)
        self._actions: list[Action] = []

    def add(self, action: Action) -> None:
        self._actions.append(action)

    def take(self) -> list[Action]:
        """All that was added since the last call."""
        actions, self._actions = self._actions, []
        return actions

    def publish(self, event: type[Event], **fields: Any) -> None:
        at, wall_time = self.now
        self.add(Publish(event(at=at, wall_time=wall_time, **fields)))

    def publish_of(
        self, service: SupervisedService, event: type[ServiceEvent], **fields: Any
    ) -> None:
        spec = service.spec
        self.publish(event, service=spec.name, service_id=spec.service_id, **fields)

    def publish_of_worker(self, worker: Worker, event: type[WorkerEvent], **fields: Any) -> None:
        self.publish_of(
            worker.service,
            event,
            worker_id=worker.worker_id,
            incarnation=worker.number,
            pid=worker.pid,
            **fields,
        )

"""All services and their workers, and how messages find them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cotyledon_core.supervision.exceptions import ImpossibleMessage
from cotyledon_core.supervision.hold import Hold
from cotyledon_core.supervision.messages import Incarnation, ServiceSpec
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.worker import Worker
from cotyledon_core.types import ServiceId


class Roster:
    """Services in the order in which they were added."""

    def __init__(self) -> None:
        self._services: dict[ServiceId, SupervisedService] = {}
        self._holds: dict[ServiceId, Hold] = {}
        """Of services that were removed; a reload that is undone brings them back."""

    def __len__(self) -> int:
        return len(self._services)

    def check_new(self, specs: Iterable[ServiceSpec]) -> None:
        """
        :raises ImpossibleMessage: if one is there already, or starts after one that is not there
            before it.
        """
        known = set(self._services)
        for spec in specs:
            there = self.find(spec.service_id)
            if spec.service_id in known and not (there and there.leaving):
                raise ImpossibleMessage(f"service {spec.name} is there twice")
            if not known.issuperset(spec.start_after):
                raise ImpossibleMessage(f"service {spec.name} starts after an unknown one")
            known.add(spec.service_id)

    def add(self, spec: ServiceSpec) -> SupervisedService:
        hold = self._holds.pop(spec.service_id, None)
        service = self._services[spec.service_id] = SupervisedService(spec, hold)
        return service

    def find(self, service_id: ServiceId) -> SupervisedService | None:
        """The service, if it is there."""
        return self._services.get(service_id)

    def remove(self, service: SupervisedService) -> None:
        """The service is gone."""
        del self._services[service.spec.service_id]
        if service.hold:
            self._holds[service.spec.service_id] = service.hold

    def service(self, service_id: ServiceId) -> SupervisedService:
        """
        :raises ImpossibleMessage: if there is none.
        """
        try:
            return self._services[service_id]
        except KeyError:
            raise ImpossibleMessage(f"unknown service {service_id}") from None

    def worker(self, incarnation: Incarnation) -> Worker:
        """The worker that this process fills at present.

        :raises ImpossibleMessage: if there is none.
        """
        service = self.service(incarnation.service_id)
        for slots in (service.workers, service.doubles):
            worker = slots.get(incarnation.worker_id)
            if worker is not None and worker.number == incarnation.number and worker.alive:
                return worker
        raise ImpossibleMessage(f"no such process: {incarnation}")

    def asked_for(self, incarnation: Incarnation) -> Worker:
        """The same, while the answer to its start is outstanding.

        :raises ImpossibleMessage: if it is not.
        """
        worker = self.worker(incarnation)
        if worker.pid is not None:
            raise ImpossibleMessage(f"started already: {incarnation}")
        return worker

    def workers(self) -> Iterator[Worker]:
        """All workers; they may leave meanwhile."""
        for service in self._services.values():
            yield from service.all_workers()

    def services(self) -> Iterator[SupervisedService]:
        """All services."""
        yield from self._services.values()

    def lost(self) -> list[str]:
        """The names of the services that were given up, or a worker of which failed for good."""
        return [service.spec.name for service in self._services.values() if service.is_lost]

"""What was measured of each worker at the last looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cotyledon_core.control.results import ManagerStatus, Status, WorkerStatus
from cotyledon_core.control.shares import CpuShares
from cotyledon_core.record import Record

KEPT = 10
"""Looks."""

Place = tuple[str, int] | None
"""A worker's service and id; None is the manager's."""


class Samples(Record):
    """Of one place, whichever process is there; the last is the newest, None is not known."""

    cpu: tuple[float | None, ...] = ()
    """Percent of one processor."""
    memory: tuple[int | None, ...] = ()
    """Bytes."""

    def then(self, cpu: float | None, memory: int | None) -> Samples:
        """With one more, without what is too old."""
        return Samples((*self.cpu, cpu)[-KEPT:], (*self.memory, memory)[-KEPT:])


NO_SAMPLES = Samples((None,), (None,))


class History:
    """Takes in what each look finds."""

    def __init__(self) -> None:
        self._shares = CpuShares()
        self._samples: dict[Place, Samples] = {}

    def add(self, status: Status, at: float) -> Mapping[Place, Samples]:
        """
        :param status: asked for with ``resources``, each time for the same workers.
        :param at: when, in monotonic seconds.
        :returns: those of the places that there are.
        """
        shares = self._shares.update(status, at)
        self._samples = {
            place: self._samples.get(place, Samples()).then(
                shares.get(process.pid or 0), process.resident_bytes
            )
            for place, process in _processes(status)
        }
        return self._samples


def _processes(status: Status) -> Iterator[tuple[Place, ManagerStatus | WorkerStatus]]:
    yield None, status.manager
    for service in status.services:
        for worker in service.workers:
            yield (service.name, worker.worker), worker

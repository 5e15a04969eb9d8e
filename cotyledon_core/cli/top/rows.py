"""What ``top`` shows of services and workers: the columns, and a row for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from cotyledon_core.cli import overview
from cotyledon_core.cli.cells import percent, size
from cotyledon_core.cli.overview import Cells
from cotyledon_core.cli.top.samples import KEPT, NO_SAMPLES, Place, Samples
from cotyledon_core.cli.top.sparkline import sparkline
from cotyledon_core.control.results import ServiceStatus, Status, WorkerStatus
from cotyledon_core.record import Record

Number = TypeVar("Number", int, float)

LITTLE = 10.0
"""Percent of a processor. What never took more does not get the highest bar."""


class Column(Record):
    """One column of a table."""

    title: str
    width: int = 0
    """At least; whatever is in it fits."""
    right: bool = False
    """Whether it is aligned to the right."""
    order: str = ""
    """The order of rows that it stands for, if any."""
    head: str | None = None
    """What stands above it, if that is not the title."""


SERVICE_COLUMNS = (
    Column("SERVICE", 12),
    Column("STATE", 8),
    Column("READY", right=True),
    Column("WANTED", right=True),
    Column("RESTARTS", right=True),
    Column("RECYCLES", right=True),
    Column("CPU", 6, right=True),
    Column("MEMORY", right=True),
    Column("NOTE"),
)
WORKER_COLUMNS = (
    Column("WORKER", 12, order="name"),
    Column("STATE", 8, order="state"),
    Column("PID", 7, right=True),
    Column("CPU", 6, right=True, order="cpu"),
    Column("CPU BARS", KEPT, order="cpu", head=""),
    Column("MEMORY", 8, right=True, order="memory"),
    Column("MEMORY BARS", KEPT, order="memory", head=""),
    Column("UPTIME", 8, right=True, order="uptime"),
    Column("RESTARTS", 10, right=True, order="restarts"),
    Column("NEXT", 8, right=True),
    Column("LAST EXIT", 20),
    Column("STATUS"),
)


class Row(Record):
    """One worker."""

    service: str
    worker: WorkerStatus
    samples: Samples

    @property
    def cpu(self) -> float | None:
        return self.samples.cpu[-1]

    @property
    def memory(self) -> int | None:
        return self.samples.memory[-1]

    def cells(self) -> Cells:
        """What stands in its columns."""
        return {
            **overview.worker(self.service, self.worker, self.cpu, self.memory),
            "CPU BARS": cpu_bars(self.samples),
            "MEMORY BARS": memory_bars(self.samples),
        }


def rows(status: Status, samples: Mapping[Place, Samples]) -> list[Row]:
    """A row for each worker."""
    return [
        Row(service.name, worker, samples.get((service.name, worker.worker), NO_SAMPLES))
        for service in status.services
        for worker in service.workers
    ]


def services(status: Status, workers: Iterable[Row]) -> list[Callable[[], Cells]]:
    """What makes the cells of each service.

    :param workers: of all services.
    """
    of_each: dict[str, list[Row]] = {service.name: [] for service in status.services}
    for row in workers:
        of_each[row.service].append(row)
    return [partial(_service, service, of_each[service.name]) for service in status.services]


def _service(status: ServiceStatus, workers: Sequence[Row]) -> Cells:
    return {
        **overview.service(status),
        "CPU": percent(_sum(row.cpu for row in workers)),
        "MEMORY": size(_sum(row.memory for row in workers)),
    }


def _sum(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


def cpu_bars(samples: Samples) -> str:
    """The highest bar is the most that is shown, if that is not little."""
    return sparkline(samples.cpu, max(LITTLE, _most(samples.cpu)), KEPT)


def memory_bars(samples: Samples) -> str:
    """The highest bar is the most that is shown."""
    return sparkline(samples.memory, _most(samples.memory), KEPT)


def _most(values: Iterable[float | None]) -> float:
    return max((value for value in values if value is not None), default=0.0)

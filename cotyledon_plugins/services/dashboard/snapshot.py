"""What was seen of the manager, in the form that browsers get."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from cotyledon_core.control import Status


class Used(NamedTuple):
    """What a process uses, or several together; None where that is not known."""

    cpu: float | None = None
    """Percent of one processor."""
    memory: int | None = None
    """Bytes."""

    @classmethod
    def sum(cls, parts: Iterable[Used]) -> Used:
        parts = list(parts)
        cpu = [each.cpu for each in parts if each.cpu is not None]
        memory = [each.memory for each in parts if each.memory is not None]
        return cls(sum(cpu) if cpu else None, sum(memory) if memory else None)


class Usage:
    """What processes use, by their ids.

    :param used: as far as it is known.
    """

    def __init__(self, used: Mapping[int, Used] | None = None) -> None:
        self._used = used or {}

    @classmethod
    def of(cls, status: Status, shares: Mapping[int, float]) -> Self:
        """
        :param shares: percent of one processor, by process id.
        """
        memory: dict[int | None, int | None] = {status.manager.pid: status.manager.resident_bytes}
        for service in status.services:
            memory |= {worker.pid: worker.resident_bytes for worker in service.workers}
        return cls(
            {
                pid: Used(shares.get(pid), resident)
                for pid, resident in memory.items()
                if pid is not None
            }
        )

    def by(self, *pids: int | None) -> Used:
        """What these use together."""
        return Used.sum(self._used[pid] for pid in pids if pid is not None and pid in self._used)


def snapshot(status: Status, usage: Usage, at: float, *, may_act: bool) -> dict[str, Any]:
    """The whole status, with what the processes use.

    :param at: when it was seen, in seconds since the epoch.
    :param may_act: whether the browser's user may do something.
    """
    plain = status.as_dict()
    plain["manager"].update(usage.by(status.manager.pid)._asdict())
    for service, seen in zip(plain["services"], status.services, strict=True):
        for worker in service["workers"]:
            worker.update(usage.by(worker["pid"])._asdict())
        pids = (worker.pid for worker in seen.workers)
        service.update(as_wanted=seen.as_wanted, **usage.by(*pids)._asdict())
    return {"at": at, "as_wanted": status.as_wanted, "may_act": may_act, **plain}


class History:
    """The course of things.

    :param length: how many samples are kept.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._manager: deque[list[Any]] = deque(maxlen=length)
        self._services: dict[str, deque[list[Any]]] = {}

    def add(self, status: Status, usage: Usage, at: float) -> None:
        """Add a sample; services that are gone are forgotten.

        :param at: seconds since the epoch.
        """
        _append(self._manager, [at, *usage.by(status.manager.pid)])
        before, self._services = self._services, {}
        for service in status.services:
            samples = before.get(service.name) or deque(maxlen=self._length)
            used = usage.by(*(worker.pid for worker in service.workers))
            _append(samples, [at, *used, service.ready, service.wanted, service.restarts])
            self._services[service.name] = samples

    def as_dict(self) -> dict[str, Any]:
        services = {name: list(samples) for name, samples in self._services.items()}
        return {"manager": list(self._manager), "services": services}


def _append(samples: deque[list[Any]], sample: list[Any]) -> None:
    # the clock may have been put back
    while samples and samples[-1][0] > sample[0]:
        samples.pop()
    samples.append(sample)

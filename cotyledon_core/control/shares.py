"""How much of a processor each process takes, from one look at a manager to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cotyledon_core.control.results import ManagerStatus, Status, WorkerStatus


class CpuShares:
    """Keeps what was seen last, for ``status(resources=True)`` that is asked again and again."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._seconds: dict[int, float] = {}

    def update(self, status: Status, at: float) -> Mapping[int, float]:
        """Take in the next look.

        :param status: the whole of it, asked for with ``resources``.
        :param at: when it was asked for, in monotonic seconds.
        :returns: percent of one processor by process id, for each process that was seen the last
            time, too.
        """
        seconds = dict(_used(status))
        before, self._seconds = self._seconds, seconds
        passed, self._at = at - (at if self._at is None else self._at), at
        if passed <= 0:
            return {}
        return {
            # another process may have got the same id
            pid: max(used - before[pid], 0.0) / passed * 100
            for pid, used in seconds.items()
            if pid in before
        }


def _used(status: Status) -> Iterator[tuple[int, float]]:
    processes: list[ManagerStatus | WorkerStatus] = [status.manager]
    for service in status.services:
        processes += service.workers
    for process in processes:
        if process.pid is not None and process.cpu_seconds is not None:
            yield process.pid, process.cpu_seconds

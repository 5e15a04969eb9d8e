"""A service whose work is done at intervals."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cotyledon_core.exceptions import PluginError
from cotyledon_core.periodic.jobs import Job, Plan
from cotyledon_core.periodic.runner import Runner
from cotyledon_core.service import Service
from cotyledon_core.types import WorkerId

LOG = logging.getLogger(__name__)


class PeriodicService(Service):
    """Calls functions and methods at intervals, each on a thread of its own.

    Those of its own that futurist's ``periodics.periodic`` decorates, and those
    that are given. An exception is logged, and the next run comes all the same;
    ``futurist.periodics.NeverAgain`` has none come. SystemExit ends the worker,
    when the other runs have ended. A stop waits for the runs that have begun;
    :attr:`~.Service.stop_deadline` tells them how long.

    :param callables: functions, or classes and objects with decorated methods;
        each may be a reference, ``package.module:name``. A class is made an
        instance of in each worker, without arguments.
    :param spacing: seconds between the starts of two runs, for those that have none
        of their own.
    :param spacings: seconds by the name of a callable, such as ``function`` or
        ``Class.method``; stands above all others. 0 switches it off.
    :param run_immediately: whether the first run is at the start, and not a spacing
        later. None leaves it to the callables.
    :param jitter: the greatest part of each spacing that is added to it at random.
    :param run_timeout: seconds after which a run counts as hung, and the service
        gives no heartbeat until it has ended; 0 is without end.
    :param partition: ``callables`` has each run in one of the workers only,
        ``work`` in all of them, with the keywords ``worker_id`` and ``workers``.
    :param workers: how many workers the service has.
    :raises ValueError: with a line for each impossible option, its name first.
    :raises PluginError: if futurist is not installed.
    """

    wants_workers = True

    @classmethod
    def options(cls) -> Sequence[Any]:
        from cotyledon_core.periodic.options import options

        return options()

    @classmethod
    def check_options(cls, jitter: float = 0.0, run_timeout: float = 0.0, **options: Any) -> None:
        """
        :raises ValueError: with a line for each impossible option, its name first.
        """
        try:
            _plan(cls, jitter, run_timeout, options)
        except PluginError as error:
            raise ValueError(str(error)) from None

    def __init__(
        self,
        worker_id: WorkerId,
        callables: Iterable[Any] = (),
        spacing: float | None = None,
        spacings: Mapping[str, float] | None = None,
        run_immediately: bool | None = None,
        jitter: float = 0.0,
        run_timeout: float = 0.0,
        partition: str = "callables",
        workers: int = 1,
    ) -> None:
        super().__init__(worker_id)
        options = {
            "callables": callables,
            "spacing": spacing,
            "spacings": spacings,
            "run_immediately": run_immediately,
            "partition": partition,
        }
        self._jobs = _plan(self, jitter, run_timeout, options)
        arguments = {}
        if partition == "work":
            arguments = {"worker_id": worker_id, "workers": workers}
        else:
            self._jobs = _share(self._jobs, worker_id, workers)
        self._runner = Runner(
            self._jobs,
            arguments,
            jitter=jitter,
            run_timeout=run_timeout,
            heartbeat=self.heartbeat,
        )

    def run(self) -> None:
        for job in self._jobs:
            LOG.info("worker %d runs %s every %g s", self.worker_id, job.name, job.spacing)
        if not self._jobs:
            LOG.info("worker %d has nothing to run", self.worker_id)
        self._runner.run(self.heartbeat_interval)

    def terminate(self) -> None:
        self._runner.stop()


def _plan(own: Any, jitter: float, run_timeout: float, options: Mapping[str, Any]) -> list[Job]:
    plan = Plan(own, **options)
    faults = plan.faults
    if not 0 <= jitter <= 1:
        faults.append(f"jitter: {jitter!r} must be a number from 0 to 1")
    if not 0 <= run_timeout < math.inf:
        faults.append(f"run_timeout: {run_timeout!r} must be a number of 0 or more")
    if faults:
        raise ValueError("\n".join(faults))
    return plan.jobs


def _share(jobs: Sequence[Job], worker_id: int, workers: int) -> list[Job]:
    """What one of the workers runs; nothing if there are more than the service counts on."""
    return list(jobs[worker_id::workers]) if worker_id < workers else []

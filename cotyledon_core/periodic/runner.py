"""Runs jobs by futurist's periodic worker, each on a thread of its own.

So one that takes long holds up no other. Two runs of the same job never overlap:
the next one begins a spacing after the last began, or at once if that is past.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cotyledon_core.periodic.jobs import Job, bind, futurist_periodics

LOG = logging.getLogger(__name__)

STRATEGY = "cotyledon"


class Runner:
    """The jobs of one worker.

    :param arguments: what each call gets.
    :param jitter: the greatest part of a spacing that is added to it at random.
    :param run_timeout: seconds after which a run counts as hung; 0 is without end.
    :param heartbeat: to be called while nothing hangs.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        arguments: Mapping[str, int],
        *,
        jitter: float,
        run_timeout: float,
        heartbeat: Callable[[], None],
    ) -> None:
        self._periodics = futurist_periodics()
        self._arguments = arguments
        self._run_timeout = run_timeout
        self._heartbeat = heartbeat
        self._running: dict[int, tuple[Job, float]] = {}
        """By identity: what the jobs hold need not be hashable."""
        self._hung: set[int] = set()
        self._fatal: BaseException | None = None
        self._begun = False
        calls = [self._timed(job, self._guarded(job, call)) for job, call in bind(jobs)]
        self._worker: Any = _worker_class(jitter)(
            [(call, None, None) for call in calls],
            log=LOG,
            executor_factory=lambda: ThreadPoolExecutor(len(self._worker) or 1),
            schedule_strategy=STRATEGY,
            now_func=time.monotonic,
        )

    def run(self, heartbeat_interval: float | None) -> None:
        """Run until :meth:`stop` is called; raise what a job raised to end the process.

        :param heartbeat_interval: seconds; None if nobody awaits a heartbeat.
        """
        self._begun = True
        if heartbeat_interval is not None:
            pulse = Job("heartbeat", None, None, heartbeat_interval, run_immediately=True)
            self._worker.add(self._timed(pulse, lambda: self._beat()))
        self._worker.start(allow_empty=True)
        if self._fatal is not None:
            raise self._fatal

    def stop(self) -> None:
        """Begin no run any more, and wait for those that have begun."""
        self._worker.stop()
        if self._begun:
            for job, _ in list(self._running.values()):
                LOG.info("waits for %s to end", job.name)
            self._worker.wait()

    def _timed(self, job: Job, call: Callable[[], None]) -> Any:
        return self._periodics.periodic(job.spacing, run_immediately=job.run_immediately)(call)

    def _guarded(self, job: Job, call: Callable[..., Any]) -> Callable[[], None]:
        """Lets futurist see no more than it knows how to handle."""

        def guarded() -> None:
            began = time.monotonic()
            self._running[id(job)] = job, began
            try:
                call(**self._arguments)
            except Exception:
                raise  # futurist logs it, and goes on
            except BaseException as error:
                self._fatal = error
                self._worker.stop()
                raise self._periodics.NeverAgain from error
            finally:
                del self._running[id(job)]
                self._hung.discard(id(job))
                _warn_of_overrun(job, time.monotonic() - began)

        # futurist logs both
        guarded.__module__ = getattr(call, "__module__", None) or __name__
        guarded.__qualname__ = job.name
        return guarded

    def _beat(self) -> None:
        """Proves that the loop goes round, and that no job hangs."""
        for key, (job, began) in list(self._running.items()):
            took = time.monotonic() - began
            if 0 < self._run_timeout < took and key not in self._hung:
                self._hung.add(key)
                LOG.error("%s runs for %.1f s: no heartbeat until it ends", job.name, took)
        if not self._hung:
            self._heartbeat()


def _warn_of_overrun(job: Job, took: float) -> None:
    if job.spacing is not None and took > job.spacing:
        text = "%s took %.1f s, longer than its spacing of %g s: runs are left out"
        LOG.warning(text, job.name, took, job.spacing)


def _worker_class(jitter: float) -> Any:
    """futurist's worker, with a strategy of ours among its own."""

    def first(callback: Any, now: float) -> float:
        spacing: float = callback._periodic_spacing
        return now + spacing * (1 + jitter * random.random())

    def following(callback: Any, started_at: float, *_: Any) -> float:
        return first(callback, started_at)

    class Worker(futurist_periodics().PeriodicWorker):  # type: ignore[misc]
        BUILT_IN_STRATEGIES: Mapping[str, Any] = {STRATEGY: (following, first)}

    return Worker

"""Methods that are called periodically, by whoever calls ``run_periodic_tasks``."""

from __future__ import annotations

import contextlib
import copy
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.reduction import ForkingPickler
from time import monotonic as now
from typing import Any, ClassVar

from oslo_config import cfg

from cotyledon_core.compat.oslo_service import _multiprocessing, _options, backend
from cotyledon_core.compat.oslo_service.backend.exceptions import UnsupportedBackendError

LOG = logging.getLogger(__name__)

DEFAULT_INTERVAL = 60.0
"""Seconds."""
_POLL_INTERVAL = 0.1
"""Seconds between looks at the results of tasks that run in parallel."""


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """The options of periodic tasks, for oslo-config-generator."""
    return [(None, copy.deepcopy(_options.periodic_opts))]


class InvalidPeriodicTaskArg(Exception):
    """An argument of the decorator that there is not."""

    message = "Unexpected argument for periodic task creation: %(arg)s."

    def __init__(self, arg: str) -> None:
        super().__init__(self.message % {"arg": arg})


def periodic_task(*args: Any, **kwargs: Any) -> Any:
    """Decorate a method of :class:`PeriodicTasks`, with or without arguments.

    :param spacing: seconds from one call to the next; 0, the default, is 60 seconds,
        and with a negative number the task is not run.
    :param run_immediately: whether it is due at once, and not after ``spacing`` only.
    :param name: the task's name; the method's unless given.
    :param enabled: whether it is run at all.
    :param external_process_ok: whether another process may run it, see the option
        ``run_external_periodic_tasks``.
    """

    def decorate(method: Any) -> Any:
        if "ticks_between_runs" in kwargs:
            raise InvalidPeriodicTaskArg(arg="ticks_between_runs")
        method._periodic_task = True
        method._periodic_external_ok = kwargs.get("external_process_ok", False)
        method._periodic_enabled = kwargs.get("enabled", True)
        method._periodic_name = kwargs.get("name") or method.__name__
        method._periodic_spacing = kwargs.get("spacing", 0)
        method._periodic_immediate = kwargs.get("run_immediately", False)
        method._periodic_last_run = None if method._periodic_immediate else now()
        return method

    return decorate if kwargs or not args else decorate(args[0])


class _PeriodicTasksMeta(type):
    """Collects a class's tasks, those that it inherits included."""

    _periodic_tasks: list[tuple[str, Any]]
    _periodic_spacing: dict[str, float]

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        cls._periodic_tasks = list(getattr(cls, "_periodic_tasks", ()))
        cls._periodic_spacing = dict(getattr(cls, "_periodic_spacing", {}))
        for value in namespace.values():
            if getattr(value, "_periodic_task", False):
                cls._add_periodic_task(value)

    def _add_periodic_task(cls, task: Any) -> bool:
        """
        :returns: whether the task is to be run.
        """
        name = task._periodic_name
        if task._periodic_spacing < 0 or not task._periodic_enabled:
            why = "its interval is negative" if task._periodic_spacing < 0 else "it is disabled"
            LOG.info("Skipping periodic task %s because %s", name, why)
            return False
        if not task._periodic_spacing:
            task._periodic_spacing = DEFAULT_INTERVAL
        cls._periodic_tasks.append((name, task))
        cls._periodic_spacing[name] = task._periodic_spacing
        return True


class PeriodicTasks(metaclass=_PeriodicTasksMeta):
    """Base of classes with periodic tasks.

    :param conf: the application's ``oslo_config.cfg.ConfigOpts``.
    """

    _periodic_tasks: ClassVar[list[tuple[str, Any]]]
    _periodic_spacing: ClassVar[dict[str, float]]

    def __init__(self, conf: Any) -> None:
        super().__init__()
        self.conf = conf
        with contextlib.suppress(cfg.DuplicateOptError):
            conf.register_opts(_options.periodic_opts)
        self._periodic_last_run = {
            name: task._periodic_last_run for name, task in self._periodic_tasks
        }

    def add_periodic_task(self, task: Any) -> None:
        """Add a decorated function, for all instances of the class."""
        if type(self)._add_periodic_task(task):
            self._periodic_last_run[task._periodic_name] = task._periodic_last_run

    def run_periodic_tasks(self, context: Any, raise_on_error: bool = False) -> float:
        """Call the tasks that are due, with the context.

        :param raise_on_error: whether what a task raises is raised, and not logged.
        :returns: seconds until it should be called again.
        """
        for name, task in self._due():
            LOG.debug("Running periodic task %s", self._full_name(name))
            self._note_run(name)
            try:
                task(self, context)
            except BaseException:
                if raise_on_error:
                    raise
                LOG.exception("Error during %s", self._full_name(name))
        return self._idle()

    def run_periodic_tasks_in_parallel(
        self, context: Any, raise_on_error: bool = False, processes: int | None = None
    ) -> float:
        """The same, in processes that start from nothing; ``self`` and the context travel there.

        :param processes: how many; as many as there are processors unless given.
        :raises UnsupportedBackendError: without the threading backend.
        """
        if backend.get_backend_type() not in (None, backend.BackendType.THREADING):
            raise UnsupportedBackendError(
                "run_periodic_tasks_in_parallel is not supported with the eventlet backend. "
                "Use the threading backend."
            )
        due = list(self._due())
        if due:
            for thing in (self, context):
                ForkingPickler.dumps(thing)  # what cannot travel is told before anything changes
            for name, _ in due:
                self._note_run(name)
            pool = _multiprocessing.get_spawn_pool(processes=processes)
            try:
                results = [
                    (self._full_name(name), pool.apply_async(task, (self, context)))
                    for name, task in due
                ]
                _collect_async_task_results(results, raise_on_error)
            finally:
                pool.close()
                pool.join()
        return self._idle()

    def _due(self) -> Iterator[tuple[str, Any]]:
        """Names and tasks; each is looked at when its turn comes."""
        for name, task in list(self._periodic_tasks):
            if self._is_ours(task) and self._rest(name) <= 0:
                yield name, task

    def _idle(self) -> float:
        """Seconds until the next task is due, at most the default interval."""
        rests = (self._rest(name) for name, task in self._periodic_tasks if self._is_ours(task))
        return max(min([DEFAULT_INTERVAL, *rests]), 0)

    def _is_ours(self, task: Any) -> bool:
        return not task._periodic_external_ok or self.conf.run_external_periodic_tasks

    def _rest(self, name: str) -> float:
        last_run = self._periodic_last_run[name]
        if last_run is None:
            return 0.0
        return float(last_run + self._periodic_spacing[name] - now())

    def _note_run(self, name: str) -> None:
        self._periodic_last_run[name] = _nearest_boundary(
            self._periodic_last_run[name], self._periodic_spacing[name]
        )

    def _full_name(self, name: str) -> str:
        return f"{type(self).__name__}.{name}"


def _nearest_boundary(last_run: float | None, spacing: float) -> float:
    """The last multiple of the spacing since ``last_run``, and up to 5 % of it, in whole seconds.

    So tasks that were due together do not stay so for ever.
    """
    current = now()
    if last_run is None:
        return current
    jitter = int(spacing * random.random() / 20)
    return current - (current - last_run) % spacing + jitter


def _collect_async_task_results(
    async_results: Sequence[tuple[str, Any]], raise_on_error: bool
) -> None:
    """Look at each result as soon as it is there."""
    waiting = list(async_results)
    while waiting:
        ready = [item for item in waiting if item[1].ready()]
        waiting = [item for item in waiting if item not in ready]
        for name, result in ready:
            _collect(name, result.get, raise_on_error)
        if waiting:
            time.sleep(_POLL_INTERVAL)


def _collect(name: str, get: Callable[[], Any], raise_on_error: bool) -> None:
    try:
        get()
    except BaseException:
        if raise_on_error:
            raise
        LOG.exception("Error during %s", name)

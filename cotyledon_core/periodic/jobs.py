"""What runs periodically: from references to callables with a spacing.

All is looked at without making an instance of anything, so that a mistake is
found by the configuration's check. Every worker finds the same callables in the
same order: that is what they are divided by.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from cotyledon_core.exceptions import PluginError

PARTITIONS = ("callables", "work")
KEYWORDS = ("worker_id", "workers")
"""What each call gets where the work is divided, and not the callables."""
MISSING = (
    "periodic work needs futurist, which is not installed; "
    "pip install 'cotyledon-core[periodic]' brings it"
)


class Job(NamedTuple):
    """A callable, and when it runs."""

    name: str
    """As in logs and in the option ``spacings``: the qualified name."""
    owner: Any
    """A class of which an instance has to be made, or an instance; None for a function."""
    call: Any
    """A function, or the name of the owner's method."""
    spacing: float | None
    """Seconds from one start to the next; None if nobody says, 0 if it does not run."""
    run_immediately: bool = False


def futurist_periodics() -> Any:
    """
    :returns: the module ``futurist.periodics``.
    :raises PluginError: if futurist is not installed.
    """
    try:
        return import_module("futurist.periodics")
    except ImportError:
        raise PluginError(MISSING) from None


class Plan:
    """The jobs that the options ask for, and the faults in them.

    :param own: a service that may have periodics of its own, or its class.
    :param callables: callables, objects with periodics, or references to them.
    :param spacing: seconds, for callables that bring no spacing of their own.
    :param spacings: seconds by name; stand above all others.
    :param run_immediately: None leaves it to the callables.
    :param partition: one of :data:`PARTITIONS`.
    :raises PluginError: if futurist is not installed.
    """

    def __init__(
        self,
        own: Any,
        callables: Iterable[Any] = (),
        spacing: float | None = None,
        spacings: Mapping[str, Any] | None = None,
        run_immediately: bool | None = None,
        partition: str = "callables",
    ) -> None:
        self._is_periodic = futurist_periodics().is_periodic
        self.faults: list[str] = []
        self._check_plain(spacing, partition)
        declared = [*self._methods(own), *self._listed(callables)]
        for job in declared:
            self._check_call(job, KEYWORDS if partition == "work" else ())
        if not declared and not self.faults:
            self._fault("callables", "is empty; name some, such as package.module:function")
        chosen = self._chosen(spacings or {}, declared)
        timed = [_timed(job, spacing, chosen, run_immediately) for job in declared]
        if not self.faults:
            self._check_timed(timed)
        self.jobs = [job for job in timed if job.spacing]

    def _fault(self, option: str, text: str) -> None:
        self.faults.append(f"{option}: {text}")

    def _listed(self, callables: Iterable[Any]) -> Iterator[Job]:
        seen = []
        for each in filter(None, callables):
            if each in seen:
                self._fault("callables", f"{each!r} stands twice")
                continue
            seen.append(each)
            try:
                yield from self._jobs_of(resolve(each) if isinstance(each, str) else each, each)
            except ValueError as error:
                self._fault("callables", str(error))

    def _jobs_of(self, target: Any, reference: Any) -> Iterator[Job]:
        methods = list(self._methods(target))
        if isinstance(target, type) and not _accepts(target):
            raise ValueError(f"{reference!r} cannot be made without arguments; use a function")
        if methods or isinstance(target, type) or not callable(target):
            if not methods:
                raise ValueError(
                    f"{reference!r} is no function, and no method of it is decorated with "
                    "futurist's periodics.periodic; decorate one, or name a function"
                )
            yield from methods
        else:
            yield self._job(_name(target), None, target, target)

    def _methods(self, owner: Any) -> Iterator[Job]:
        """What is decorated in a class or in an object, in the order of the names."""
        cls = owner if isinstance(owner, type) else type(owner)
        for name in dir(cls):
            method = getattr(cls, name, None)
            if self._is_periodic(method):
                yield self._job(f"{cls.__qualname__}.{name}", owner, name, method)

    def _job(self, name: str, owner: Any, call: Any, function: Any) -> Job:
        if not self._is_periodic(function):
            return Job(name, owner, call, None)
        enabled = function._is_periodic
        spacing = function._periodic_spacing if enabled else 0.0
        return Job(name, owner, call, spacing, function._periodic_run_immediately)

    def _check_call(self, job: Job, keywords: Iterable[str]) -> None:
        function = job.call if job.owner is None else getattr(job.owner, job.call)
        plain = inspect.unwrap(function)
        if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
            self._fault("callables", f"{job.name} is a coroutine; it must be a plain function")
            return
        instance = (None,) if _needs_self(job) else ()
        if not _accepts(function, *instance, **dict.fromkeys(keywords)):
            wanted = " and ".join(keywords)
            given = f"with {wanted}, which partition = work gives it" if wanted else "without any"
            self._fault("callables", f"{job.name} cannot be called {given}; look at its arguments")

    def _check_plain(self, spacing: float | None, partition: str) -> None:
        if partition not in PARTITIONS:
            self._fault("partition", f"{partition!r} must be one of {', '.join(PARTITIONS)}")
        if spacing is not None and not 0 < spacing < math.inf:
            self._fault("spacing", f"{spacing!r} must be more than 0 seconds")

    def _chosen(self, spacings: Mapping[str, Any], found: list[Job]) -> dict[str, float]:
        names = list(dict.fromkeys(job.name for job in found))
        chosen = {}
        for name, value in spacings.items():
            try:
                chosen[name] = float(value)
            except (TypeError, ValueError):
                chosen[name] = math.nan
            if not 0 <= chosen[name] < math.inf:
                self._fault("spacings", f"{name}:{value} must be NAME:SECONDS; 0 switches it off")
            elif name not in names and not self.faults:
                self._fault("spacings", f"{name!r} is no callable; there are {', '.join(names)}")
        return chosen

    def _check_timed(self, timed: list[Job]) -> None:
        for job in timed:
            if job.spacing is None:
                text = f"is missing; {job.name} brings none of its own, seconds are needed"
                self._fault("spacing", text)
            elif job.spacing < 0:
                self._fault(
                    "callables", f"{job.name} has the spacing {job.spacing}; it must be > 0"
                )


def bind(jobs: Iterable[Job]) -> Iterator[tuple[Job, Callable[..., Any]]]:
    """What to call for each job; one instance is made of each class."""
    instances: dict[Any, Any] = {}
    for job in jobs:
        owner = job.owner
        if isinstance(owner, type):
            if owner not in instances:
                instances[owner] = owner()
            owner = instances[owner]
        yield job, job.call if owner is None else getattr(owner, job.call)


def resolve(reference: str) -> Any:
    """What ``package.module:name`` is.

    :raises ValueError: if it cannot be imported.
    """
    module, _, path = reference.partition(":")
    names = [*module.split("."), *path.split(".")]
    if not all(name.isidentifier() for name in names):
        raise ValueError(f"{reference!r} is no reference; it must be package.module:function")
    try:
        found: Any = import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may end in SystemExit, too
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{reference!r} cannot be imported: {why}") from None
    return found


def _timed(
    job: Job, spacing: float | None, chosen: Mapping[str, float], run_immediately: bool | None
) -> Job:
    """The job with what the options say about its time."""
    own = spacing if job.spacing is None else job.spacing
    immediately = job.run_immediately if run_immediately is None else run_immediately
    return job._replace(spacing=chosen.get(job.name, own), run_immediately=immediately)


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def _needs_self(job: Job) -> bool:
    if not isinstance(job.owner, type):
        return False
    return not isinstance(inspect.getattr_static(job.owner, job.call), staticmethod | classmethod)


def _accepts(function: Callable[..., Any], *positional: Any, **keywords: Any) -> bool:
    try:
        inspect.signature(function).bind(*positional, **keywords)
    except TypeError:
        return False
    except ValueError:
        return True  # written in C, and silent about it
    return True

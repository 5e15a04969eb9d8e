"""Finding plugins by their entry points, and checking them at the door.

The one place that uses stevedore. It imports what an entry point names and
reports every failure; it makes no instance. What comes out of :func:`load` is a
class that keeps the contract of its namespace, as far as a class can be
checked; everything else is a :class:`PluginError` that names the namespace,
the entry point and the distribution, and says what would be right.

The entry points are read from the installed distributions at every call. They
do not come from stevedore's cache: it forgets which distribution an entry point
belongs to, and it writes files.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.metadata import EntryPoint
from typing import Any, NamedTuple

from cotyledon_core.exceptions import PluginError
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import RestartPolicy
from cotyledon_core.service import Service
from cotyledon_core.service_checks import fault_of_coroutine, fault_of_service


class Namespace(StrEnum):
    """The entry point namespaces."""

    SERVICES = "cotyledon.services"
    RESTART_POLICIES = "cotyledon.restart_policies"
    NOTIFIERS = "cotyledon.notifiers"


class Contract(NamedTuple):
    """What a namespace asks of its plugins."""

    base: type
    arguments: dict[str, int]
    """Methods, with the number of arguments that they are called with."""


_COUNTS = ("no argument", "one argument")

CONTRACTS = {
    Namespace.SERVICES: Contract(Service, {"run": 0, "terminate": 0, "reload": 0, "program": 0}),
    Namespace.RESTART_POLICIES: Contract(RestartPolicy, {"decide": 1}),
    Namespace.NOTIFIERS: Contract(Notifier, {"prepare": 0, "notify": 1, "close": 0}),
}


@dataclass(frozen=True)
class PluginInfo:
    """An entry point of one of the namespaces, and what it led to."""

    namespace: str
    name: str
    module: str
    """The entry point's value, ``module:Class``."""
    distribution: str
    version: str
    plugin: type | None = None
    """The class; None if there is an error."""
    error: str | None = None
    """Why it cannot be used, complete with namespace, entry point and distribution."""

    def __str__(self) -> str:
        return (
            f"{self.namespace}: entry point '{self.name} = {self.module}' "
            f"of {self.distribution} {self.version}"
        )


def load(namespace: str, name: str) -> type:
    """Import the plugin that ``name`` is the entry point of.

    :param namespace: one of :class:`Namespace`.
    :returns: a class that keeps the namespace's contract.
    :raises PluginError: if there is none, or more than one, or it does not
        import or does not keep the contract.
    """
    entry_points = _entry_points(Namespace(namespace))
    named = [found for found in entry_points if found.name == name]
    if not named:
        raise PluginError(_unknown(namespace, name, {found.name for found in entry_points}))
    (info, *_) = _examine(named)
    if info.plugin is None:
        raise PluginError(info.error)
    return info.plugin


def discover(reserved: Mapping[str, Collection[str]] | None = None) -> list[PluginInfo]:
    """Everything that is installed in the three namespaces, broken plugins included.

    :param reserved: by namespace, names of options that are not a plugin's to
        declare.
    :raises PluginError: if a distribution's list of entry points is unreadable.
    """
    infos = []
    for namespace in Namespace:
        by_name = defaultdict(list)
        for entry_point in _entry_points(namespace):
            by_name[entry_point.name].append(entry_point)
        for name in sorted(by_name):
            infos += _examine(by_name[name])
    return [_with_options_checked(info, (reserved or {}).get(info.namespace, ())) for info in infos]


def plugin_options(cls: type, reserved: Collection[str] = ()) -> list[Any]:
    """The ``oslo.config`` options that a plugin declares, checked.

    :param cls: what :func:`load` returned.
    :param reserved: names of options that are not the plugin's to declare.
    :raises PluginError: if ``options()`` fails or returns something else than
        options, if two of them have one name or one has a reserved name, or if
        the constructor does not take them as keywords.
    """
    options, fault = _options(cls, reserved)
    if fault is not None:
        raise PluginError(f"{_origin(cls)}: {fault}")
    return options


def fault_of_class(namespace: str, plugin: object) -> str | None:
    """What keeps ``plugin`` from being one of ``namespace``; None if nothing does."""
    base, methods = CONTRACTS[Namespace(namespace)]
    right = f"it must be a subclass of cotyledon_core.{base.__name__}"
    if not isinstance(plugin, type):
        return f"is a {type(plugin).__name__}, not a class; {right}"
    if plugin is base or not issubclass(plugin, base):
        return f"is the class {plugin.__qualname__}; {right}"
    missing = sorted(getattr(plugin, "__abstractmethods__", ()))
    if missing:
        return f"lacks {', '.join(f'{name}()' for name in missing)}; {right} that defines it"
    faults = (_fault_of_method(plugin, name, count) for name, count in methods.items())
    return (
        next(filter(None, faults), None)
        or _fault_of_classmethod(plugin, "options")
        or (fault_of_service(plugin) if base is Service else None)
    )


def _fault_of_method(cls: type, name: str, arguments: int) -> str | None:
    method = getattr(cls, name)
    right = f"it must be callable with {_COUNTS[arguments]}"
    if not callable(method):
        return f"{name} is not a method; {right}"
    if (fault := fault_of_coroutine(cls, name)) is not None:
        return fault
    static = isinstance(inspect.getattr_static(cls, name), staticmethod | classmethod)
    positional = [None] * (arguments if static else arguments + 1)
    if not _accepts(method, *positional):
        return f"{name}() takes other arguments; {right}"
    return None


def _fault_of_classmethod(cls: type, name: str) -> str | None:
    if not _accepts(getattr(cls, name)):
        return f"{name}() is not a class method without arguments; it must be one"
    return None


def _accepts(function: Callable[..., Any], *positional: Any, **keywords: Any) -> bool:
    try:
        signature = inspect.signature(function)
    except ValueError:
        return True  # written in C, and silent about it
    except TypeError:
        return False
    try:
        signature.bind(*positional, **keywords)
    except TypeError:
        return False
    return True


def _with_options_checked(info: PluginInfo, reserved: Collection[str]) -> PluginInfo:
    if info.plugin is None:
        return info
    _, fault = _options(info.plugin, reserved)
    return info if fault is None else replace(info, plugin=None, error=f"{info}: {fault}")


def _options(cls: Any, reserved: Collection[str]) -> tuple[list[Any], str | None]:
    """A plugin's options, and what is wrong with them."""
    try:
        options = cls.options()
    except Exception as error:
        return [], (
            f"options() raised {_summary(error)}; it must return a list of oslo.config options"
        )
    fault = _fault_of_options(options, reserved) or _fault_of_constructor(cls, options)
    return (list(options), None) if fault is None else ([], fault)


def _fault_of_options(options: object, reserved: Collection[str]) -> str | None:
    right = "it must return a list of oslo.config options"
    if not isinstance(options, list | tuple):
        return f"options() returned {options!r}; {right}"
    if not options:
        return None
    from oslo_config import cfg

    taken = {_as_key(name): "one of cotyledon's own" for name in reserved}
    for option in options:
        if not isinstance(option, cfg.Opt):
            return f"options() returned {option!r} among others; {right}"
        for name in _names(option):
            if name in taken:
                return (
                    f"its option {name!r} has the name of {taken[name]}; "
                    "give it a name of its own, such as one with the plugin's name in front"
                )
        taken.update(dict.fromkeys(_names(option), "another of its options"))
    return None


def _names(option: Any) -> set[str]:
    """The keys that an option is read from in its own section."""
    old = {known.name for known in option.deprecated_opts if known.group is None and known.name}
    return {_as_key(name) for name in {option.name, option.dest, *old}}


def _as_key(name: str) -> str:
    return name.replace("-", "_")


def _fault_of_constructor(cls: type, options: Iterable[Any]) -> str | None:
    if _overrides_from_conf(cls):
        return None
    first = [None] if issubclass(cls, Service) else []
    keywords = {option.dest: None for option in options}
    if getattr(cls, "wants_workers", False):
        keywords["workers"] = None
    if _accepts(cls, *first, **keywords):
        return None
    wanted = ", ".join((["worker_id"] if first else []) + [f"{key}=" for key in keywords])
    return f"its constructor cannot be called as {cls.__name__}({wanted}); it must take its options"


def _overrides_from_conf(cls: type) -> bool:
    ours = Service.from_conf.__func__  # type: ignore[attr-defined]
    return issubclass(cls, Service) and getattr(cls.from_conf, "__func__", None) is not ours


def _entry_points(namespace: Namespace) -> list[EntryPoint]:
    from importlib import metadata

    try:
        return list(metadata.entry_points(group=namespace.value))
    except Exception as error:
        culprit = next(filter(None, map(_unreadable, metadata.distributions())), "a distribution")
        raise PluginError(
            f"{namespace}: the entry points of {culprit} cannot be read: {_summary(error)}; "
            "each line must be 'name = module:Class'"
        ) from error


def _unreadable(distribution: Any) -> str | None:
    try:
        list(distribution.entry_points)
    except Exception:
        return f"{distribution.metadata.get('Name')} {distribution.metadata.get('Version')}"
    return None


def _examine(entry_points: Sequence[EntryPoint]) -> list[PluginInfo]:
    """What the entry points of one namespace and name lead to."""
    # One distribution may say the same thing twice: by setuptools' key and by pbr's.
    infos = list(dict.fromkeys(map(_describe, entry_points)))
    if len(infos) > 1:
        error = _clash(infos)
        return [replace(info, error=error) for info in infos]
    try:
        plugin = _import(entry_points[0])
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may end in SystemExit, too
        base = CONTRACTS[Namespace(infos[0].namespace)].base.__name__
        fault = (
            f"does not load: {_summary(error)}; "
            f"it must name an importable subclass of cotyledon_core.{base} as module:Class"
        )
        return [replace(infos[0], error=f"{infos[0]}: {fault}")]
    found_fault = fault_of_class(infos[0].namespace, plugin)
    if found_fault is not None:
        return [replace(infos[0], error=f"{infos[0]}: {found_fault}")]
    return [replace(infos[0], plugin=plugin)]


def _describe(entry_point: EntryPoint) -> PluginInfo:
    metadata: Any = entry_point.dist.metadata if entry_point.dist is not None else {}
    return PluginInfo(
        namespace=entry_point.group,
        name=entry_point.name,
        module=entry_point.value,
        distribution=metadata.get("Name") or "an unnamed distribution",
        version=metadata.get("Version") or "of unknown version",
    )


def _import(entry_point: EntryPoint) -> Any:
    from stevedore import ExtensionManager

    class Only(ExtensionManager):  # type: ignore[type-arg]  # not generic in older versions
        def list_entry_points(self) -> list[EntryPoint]:
            return [entry_point]

    def do_not_swallow(manager: Any, entry_point: EntryPoint, error: BaseException) -> None:
        raise error

    if not entry_point.pattern.match(entry_point.value):
        raise ValueError(f"{entry_point.value!r} is not of the form module:Class")
    manager = Only(entry_point.group, invoke_on_load=False, on_load_failure_callback=do_not_swallow)
    return manager.extensions[0].plugin


def _unknown(namespace: str, name: str, available: set[str]) -> str:
    from difflib import get_close_matches

    if not available:
        return f"{namespace}: there is no plugin {name!r}; no distribution registers any"
    near = get_close_matches(name, available, n=1)
    hint = f"did you mean {near[0]!r}? Available" if near else "available"
    return f"{namespace}: there is no plugin {name!r}; {hint}: {', '.join(sorted(available))}"


def _clash(infos: Sequence[PluginInfo]) -> str:
    registered = " and ".join(
        f"{info.distribution} {info.version} ('{info.name} = {info.module}')" for info in infos
    )
    return (
        f"{infos[0].namespace}: entry point {infos[0].name!r} is registered by {registered}; "
        "uninstall all but one, or have one of them renamed"
    )


def _origin(cls: type) -> str:
    """The entry point that leads to ``cls``, for an error's text."""
    import sys

    for namespace in Namespace:
        for entry_point in _entry_points(namespace):
            if entry_point.module in sys.modules and _resolves_to(entry_point, cls):
                return str(_describe(entry_point))
    return f"{cls.__module__}:{cls.__qualname__}"


def _resolves_to(entry_point: EntryPoint, cls: type) -> bool:
    try:
        return entry_point.load() is cls
    except Exception:
        return False


def _summary(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

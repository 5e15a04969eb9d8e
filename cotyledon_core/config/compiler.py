"""Makes settings of a configuration, or tells every fault of it.

A fault does not end the work: what depends on it is left out and the rest is
looked at, so that one run shows all of them.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from oslo_config import cfg

from cotyledon_core import arguments
from cotyledon_core.config import control, options, socket_options, start_order
from cotyledon_core.config.keys import LISTS, KeyCheck
from cotyledon_core.config.options import MANAGER, NOTIFIER, SERVICE
from cotyledon_core.config.origin import SharedConf
from cotyledon_core.config.policy_options import in_files
from cotyledon_core.config.settings import (
    ConfiguredService,
    ManagerSettings,
    NotifierSettings,
    PolicySettings,
    ServiceSettings,
    wants_conf,
)
from cotyledon_core.config.sources import Sources
from cotyledon_core.config.values import Reading, Values
from cotyledon_core.exceptions import ConfigurationError, PluginError
from cotyledon_core.listening import Listening
from cotyledon_core.plugins.loading import Namespace, load, plugin_options
from cotyledon_core.service import may_execute
from cotyledon_core.service_options import ServiceOptions

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")


class Plugin(NamedTuple):
    """A plugin that a section names."""

    type: Any
    options: list[cfg.Opt]
    """As files call them."""
    keywords: Mapping[str, str]
    """By an option's name in files: what the plugin calls it."""

    def key(self, keyword: str) -> str:
        """What files call an option of the plugin; the same if it has no such option."""
        return next((key for key, own in self.keywords.items() if own == keyword), keyword)


class Compiler:
    """One compilation.

    :param conf: a ConfigOpts of our own, in which our options are registered.
    :param sources: where the same configuration's keys stand.
    :param shared: for services that want the whole configuration.
    """

    def __init__(self, conf: cfg.ConfigOpts, sources: Sources, shared: SharedConf) -> None:
        self._values = Values(conf, sources)
        self._shared = shared
        self._readable_by_all = shared.is_application_s
        self._unsure: set[str] = set()
        """Sections whose options are not known in full."""
        self._loaded: dict[tuple[Namespace, str], Plugin] = {}
        self._asked_sockets: dict[str, tuple[str, ...]] = {}
        """By section of a service."""
        self._start_after: dict[str, tuple[str, ...]] = {}
        """Of every service, those included that are at fault."""

    def compile(self) -> ManagerSettings:
        """
        :raises ConfigurationError: with every fault found.
        """
        values = self._values
        values.register("DEFAULT", options.DEFAULT_OPTIONS, shared=True)
        values.register(MANAGER, options.MANAGER_OPTIONS)
        values.register(control.CONTROL, control.OPTIONS)
        self._policy_plugin(MANAGER)  # also if no service needs it
        values.check_registered()
        services = self._services()
        notifiers = tuple(filter(None, map(self._notifier, self._names(NOTIFIER))))
        sockets = socket_options.read(values, itertools.chain(*self._asked_sockets.values()))
        settings = ManagerSettings(
            name=values.get(MANAGER, "name") or None,
            services=() if values.faults else start_order.in_order(services),
            notifiers=notifiers,
            start_method=self._start_method(),
            spawn_interval=self._spawn_interval(),
            graceful_shutdown_timeout=self._graceful_shutdown_timeout(),
            stop_delay=self._stop_delay(),
            log_options=values.get("DEFAULT", "log_options"),
            dump_signal=self._dump_signal(),
            scale_signals=values.get(MANAGER, "scale_signals"),
            sockets=sockets,
            notices=(
                *self._check_keys(),
                *self._notices_of_sockets(sockets),
                *self._notices_of_notifiers(),
            ),
            on_reload_failure=values.get(MANAGER, "on_reload_failure"),
            reload_method=values.get(MANAGER, "reload_method"),
            control=control.settings(values),
            sources=values.sources,
        )
        if values.faults:
            raise ConfigurationError(values.faults)
        return settings

    def _services(self) -> tuple[ServiceSettings, ...]:
        services = tuple(filter(None, map(self._service, self._names(SERVICE))))
        start_order.check(self._start_after, self._values)
        return services

    def _names(self, prefix: str) -> Iterator[str]:
        """The names in one of the manager's lists, without those that are at fault."""
        key = LISTS[prefix]
        seen = set()
        for name in self._listed(key):
            if not NAME.fullmatch(name):
                text = f"{name!r} is no name; use letters, digits and . _ - @, commas in between"
                self._values.fault(MANAGER, key, text)
            elif name.lower() in seen:
                text = f"{name!r} stands twice; a name may stand once, whatever its case"
                self._values.fault(MANAGER, key, text)
            else:
                yield name
            seen.add(name.lower())

    def _listed(self, key: str) -> list[str]:
        names: list[str] | None = self._values.get(MANAGER, key)
        if names is not None:
            return [name for name in names if name]  # oslo.config makes an item of a last comma
        if key == "notifiers":
            return ["log", "systemd"] if os.environ.get("NOTIFY_SOCKET") else ["log"]
        if not self._values.is_set(MANAGER, key):
            text = "is missing; name the services to run, such as: services = example"
            self._values.fault(MANAGER, key, text)
        return []

    def _service(self, name: str) -> ServiceSettings | None:
        section, values = f"{SERVICE}{name}", self._values
        values.register(section, options.SERVICE_OPTIONS)
        plugin = self._plugin(Namespace.SERVICES, section, "service_type", name)
        factory = self._factory(section, plugin) if plugin else None
        policy = self._policy(section)
        workers = values.get(section, "workers")
        timeout = values.get(section, "graceful_shutdown_timeout")
        supervision = self._supervision(section)
        self._start_after[name] = supervision.start_after
        self._asked_sockets[section] = supervision.sockets
        if plugin and may_execute(plugin.type):
            self._note_lines(section, supervision.unfit_for_programs())
        if factory is None or policy is None or workers is None:
            return None
        instance = self._instance(section, policy.policy_class, policy.make)
        return ServiceSettings(name, factory, workers, policy, instance, timeout, supervision)

    def _supervision(self, section: str) -> ServiceOptions:
        """The options of a service that are not its type's; the default of each at fault."""
        found = {name: self._values.get(section, name) for name in ServiceOptions.field_names}
        try:
            return ServiceOptions.checked(**self._faultless(section, found))
        except ValueError as error:
            self._note_lines(section, str(error).splitlines())
        return ServiceOptions.checked(**self._faultless(section, found))

    def _faultless(self, section: str, found: Mapping[str, Any]) -> dict[str, Any]:
        at_fault = self._values.is_at_fault
        return {name: value for name, value in found.items() if not at_fault(section, name)}

    def _note_lines(self, section: str, lines: Iterable[str]) -> None:
        """Note faults that each begin with an option's name."""
        for line in lines:
            name, _, text = line.partition(": ")
            self._values.fault(section, name, text)

    def _factory(self, section: str, plugin: Plugin) -> ConfiguredService | None:
        found = self._options(section, plugin)
        if found is None:
            return None
        if plugin.type.wants_workers:
            found["workers"] = self._values.get(section, "workers")
        given = wants_conf(plugin.type)
        mutable = (option.dest for option in plugin.options if given and option.mutable)
        return ConfiguredService(
            plugin.type,
            found,
            self._shared if given or self._readable_by_all else None,
            section,
            frozenset(mutable),
        )

    def _policy(self, section: str) -> PolicySettings | None:
        own = self._values.is_set(section, "restart_policy")
        plugin = self._policy_plugin(section if own else MANAGER)
        if plugin is None:
            self._unsure.add(section)
            return None
        found = self._options(section, plugin, inherited=True)
        return None if found is None else PolicySettings(plugin.type, found, plugin.keywords)

    def _policy_plugin(self, section: str) -> Plugin | None:
        """The restart policy that a section names; its options may stand in [cotyledon] too."""
        plugin = self._plugin(Namespace.RESTART_POLICIES, section, "restart_policy")
        if plugin is None:
            self._unsure.add(MANAGER)
        else:
            self._values.register(MANAGER, plugin.options, shared=True)
        return plugin

    def _notifier(self, name: str) -> NotifierSettings | None:
        section = f"{NOTIFIER}{name}"
        self._values.register(section, options.NOTIFIER_OPTIONS)
        plugin = self._plugin(Namespace.NOTIFIERS, section, "notifier_type", name)
        found = self._options(section, plugin) if plugin else None
        if plugin is None or found is None:
            return None
        instance = self._instance(section, plugin.type, partial(plugin.type, **found))
        return NotifierSettings(name, found, plugin.type, instance)

    def _plugin(
        self, namespace: Namespace, section: str, key: str, default: str | None = None
    ) -> Plugin | None:
        """What ``key`` names, else what ``default`` does."""
        name = self._values.get(section, key)
        if name is None and not self._values.is_at_fault(section, key):
            name = default
        try:
            if name is not None:
                return self._load(namespace, name)
        except PluginError as error:
            unset = default is not None and not self._values.is_set(section, key)
            hint = "; not set, so the section's own name stands for it" if unset else ""
            self._values.fault(section, key, f"{error}{hint}")
        self._unsure.add(section)
        return None

    def _load(self, namespace: Namespace, name: str) -> Plugin:
        """A plugin, looked up once: that reads what every installed distribution registers."""
        if (namespace, name) not in self._loaded:
            plugin = load(namespace, name)
            declared = plugin_options(plugin, options.RESERVED[namespace])
            shown = declared
            if namespace is Namespace.RESTART_POLICIES:
                shown = [in_files(name, option) for option in declared]
            keywords = {there.dest: own.dest for there, own in zip(shown, declared, strict=True)}
            self._loaded[namespace, name] = Plugin(plugin, shown, keywords)
        return self._loaded[namespace, name]

    def _options(
        self, section: str, plugin: Plugin, *, inherited: bool = False
    ) -> dict[str, Any] | None:
        """The values of a plugin's options; None if any is at fault.

        :param inherited: whether [cotyledon] may set them for all services.
        """
        values = self._values
        values.register(section, plugin.options)
        places = dict.fromkeys((option.dest for option in plugin.options), section)
        for key in places if inherited else ():
            if values.is_set(MANAGER, key) and not values.is_set(section, key):
                places[key] = MANAGER
        reading = values.read_all(plugin.options, places)
        refused = self._refused(section, plugin, reading, places)
        return None if reading.wrong or refused else reading.values

    def _refused(
        self, section: str, plugin: Plugin, reading: Reading, places: Mapping[str, str]
    ) -> bool:
        """Whether the plugin's own ``check_options``, if it has one, finds a fault."""
        check, name = getattr(plugin.type, "check_options", None), plugin.type.__name__
        if check is None:
            return False
        try:
            check(**{plugin.keywords[key]: value for key, value in reading.values.items()})
        except ValueError as error:
            for line in str(error).splitlines() or [f"{name} refuses its options"]:
                self._note(section, line, plugin, reading, places)
        except Exception as error:
            if reading.wrong:
                return True  # it was not given what it may expect
            text = f"{name}.check_options raised {type(error).__name__}: {error}"
            self._values.fault(section, None, f"{text}; it may only raise ValueError")
        else:
            return False
        return True

    def _note(
        self,
        section: str,
        line: str,
        plugin: Plugin,
        reading: Reading,
        places: Mapping[str, str],
    ) -> None:
        """Note a plugin's line; it begins with the option's name if it is about one."""
        keyword, colon, text = line.partition(":")
        key = plugin.key(keyword)
        if colon and key in places:
            if key not in reading.wrong:
                self._values.fault(places[key], key, text.strip())
        elif not reading.wrong:
            self._values.fault(section, None, line)

    def _instance(self, section: str, plugin: Any, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except Exception as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            text = f"{plugin.__name__} refuses its options: {why}"
            self._values.fault(section, None, text)
            return None

    def _start_method(self) -> str | None:
        from multiprocessing import get_all_start_methods

        method: str | None = self._values.get(MANAGER, "start_method")
        available = get_all_start_methods()
        if method is not None and method not in available:
            text = f"this platform has no {method}; use one of {', '.join(available)}"
            self._values.fault(MANAGER, "start_method", text)
        return method

    def _spawn_interval(self) -> float:
        interval: float | None = self._values.get(MANAGER, "spawn_interval")
        if interval is not None and not math.isfinite(interval):
            text = f"{interval} is wrong: a finite number of seconds is needed"
            self._values.fault(MANAGER, "spawn_interval", text)
        return interval or 0.0

    def _dump_signal(self) -> str | None:
        name: str | None = self._values.get(MANAGER, "dump_signal")
        try:
            arguments.dump_signal(name or "0")
        except ValueError as error:
            self._note_lines(MANAGER, [str(error)])
        return name if self._values.is_set(MANAGER, "dump_signal") else None

    def _graceful_shutdown_timeout(self) -> int:
        key = "graceful_shutdown_timeout"
        timeout: int | None = self._values.get("DEFAULT", key)
        if timeout is not None and timeout < 0:
            text = f"{timeout} is wrong: a whole number of at least 0 is needed"
            self._values.fault("DEFAULT", key, text)
        return options.GRACEFUL_SHUTDOWN_TIMEOUT if timeout is None else timeout

    def _stop_delay(self) -> float:
        key = "stop_delay"
        delay: float | None = self._values.get(MANAGER, key)
        grace = self._values.get("DEFAULT", "graceful_shutdown_timeout")
        if delay is not None and not math.isfinite(delay):
            text = f"{delay} is wrong: a finite number of seconds is needed"
            self._values.fault(MANAGER, key, text)
        elif delay and grace and delay >= grace:
            text = (
                f"{delay:g} is wrong: it must be below graceful_shutdown_timeout ({grace}), "
                "which counts from the same moment"
            )
            self._values.fault(MANAGER, key, text)
        return delay or 0.0

    def _notices_of_sockets(self, sockets: Mapping[str, Listening]) -> Sequence[str]:
        return socket_options.notices(self._values, sockets, self._asked_sockets)

    def _notices_of_notifiers(self) -> Sequence[str]:
        told = (Namespace.NOTIFIERS, "systemd") in self._loaded
        if told or not os.environ.get("NOTIFY_SOCKET"):
            return ()
        place = self._values.sources.place(MANAGER, "notifiers")
        text = "does not have systemd, so the service manager, which waits for it, is told nothing"
        return (f"{place}: [{MANAGER}] notifiers: {text}",)

    def _check_keys(self) -> tuple[str, ...]:
        check = KeyCheck(self._values, self._unsure)
        check.run()
        return tuple(dict.fromkeys(check.notices))

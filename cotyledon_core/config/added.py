"""What a configuration says of services that a program adds itself.

``[cotyledon]`` and ``[service:NAME]`` mean what they always mean, but the
program decides which services there are. A name that has no section gets what
``[cotyledon]`` says for all; the second service of a name, ``NAME-2``, gets
the section of ``NAME`` unless it has its own.

A program may have sections of such names itself, as designate has. What it has
registered there is its own, and so is whatever we do not know.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from oslo_config import cfg

from cotyledon_core.config import options
from cotyledon_core.config.compiler import NAME, Compiler
from cotyledon_core.config.difference import changed_sockets, refusals_of
from cotyledon_core.config.loader import fresh_reading
from cotyledon_core.config.options import MANAGER, NOTIFIER, SERVICE, is_ours
from cotyledon_core.config.origin import SharedConf
from cotyledon_core.config.settings import ManagerSettings, PolicySettings, ServiceSettings
from cotyledon_core.config.socket_options import SOCKET
from cotyledon_core.config.sources import normal, variable
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.listening import Listening
from cotyledon_core.service_options import ServiceOptions

LOG = logging.getLogger(__name__)

_EVERY_OTHER = "*"
"""Stands for services without a section; it is no name."""


class AddedService(NamedTuple):
    """What is configured for one service."""

    workers: int | None
    """None leaves it to the program."""
    policy: PolicySettings
    policy_is_named: bool
    """Whether the configuration names the policy, which may be the default one otherwise."""
    graceful_shutdown_timeout: int | None
    options: dict[str, Any]
    """Those that are set."""


class AddedServices(Compiler):
    """Compiles such a configuration, and is asked for each service that is added."""

    settings: ManagerSettings

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> AddedServices | None:
        """
        :param conf: the program's own; it is left as it is.
        :returns: None if nothing in it concerns us.
        :raises ConfigurationError: with every fault found.
        """
        shared = SharedConf(conf)
        if not _concerns_us(shared):
            return None
        added = cls(*fresh_reading(shared), shared)
        added.settings = added.compile()
        for notice in added.settings.notices:
            LOG.warning("%s", notice)
        return added

    def apply(self, name: str, wanted: str, given: dict[str, Any]) -> dict[str, Any]:
        """Put what is configured above what the program gives.

        :param name: the service's, unique in the manager.
        :param wanted: the same before it was made unique.
        :param given: ``workers``, ``restart_policy`` and the options of the service.
        """
        found = self._find(name, wanted)
        if found is None:
            return given
        applied = {**given, **found.options}
        if found.workers is not None:
            applied["workers"] = found.workers
        if found.policy_is_named or given.get("restart_policy") is None:
            applied["restart_policy"] = found.policy.make()
        applied["graceful_shutdown_timeout"] = found.graceful_shutdown_timeout
        return applied

    def _notices_of_sockets(self, sockets: Mapping[str, Listening]) -> Sequence[str]:
        return ()  # the program may ask for any

    def check_sockets(self, running: AddedServices) -> None:
        """
        :raises ConfigurationError: for what a running manager cannot take over.
        """
        changed = changed_sockets(running.settings.sockets, self.settings.sockets)
        if lines := refusals_of(changed, self.settings):
            raise ConfigurationError(lines)

    def unused(self) -> Iterator[str]:
        """A line for each section whose service was not added."""
        for name in self._sections:
            if name.lower() not in self._used:
                section = f"{SERVICE}{name}"
                place = self._values.sources.place(section)
                yield f"{place}: [{section}] is not used: the program has no service of that name"

    def _services(self) -> tuple[ServiceSettings, ...]:
        self._used: set[str] = set()
        self._sections = list(self._named())
        self._added = {name.lower(): self._one(name) for name in (*self._sections, _EVERY_OTHER)}
        if self._values.is_set(MANAGER, "services"):
            text = "the program adds its services itself; remove it"
            self._values.fault(MANAGER, "services", text)
        return ()

    def _named(self) -> Iterator[str]:
        """The names that sections have."""
        seen = set()
        for _, section in self._values.sources.sections():
            name = section[len(SERVICE) :]
            if not section.lower().startswith(SERVICE) or name.lower() in seen:
                continue
            seen.add(name.lower())
            if NAME.fullmatch(name):
                yield name
            else:
                self._values.register(section, options.SERVICE_OPTIONS)
                text = f"{name!r} is no name; use letters, digits and . _ - @"
                self._values.fault(section, None, text)

    def _one(self, name: str) -> AddedService | None:
        section, values = f"{SERVICE}{name}", self._values
        own = self._registered_by_program(section)
        if own:
            values.register(section, own, shared=True)
            self._unsure.add(section)
        values.register(section, options.SERVICE_OPTIONS, shared=bool(own))
        if values.is_set(section, "service_type") and not own:
            text = "the program makes this service itself; remove it"
            values.fault(section, "service_type", text)
        policy = self._policy(section)
        self._asked_sockets[section] = self._supervision(section).sockets
        workers = values.get(section, "workers")
        counted = values.is_set(section, "workers") and not any(o.dest == "workers" for o in own)
        timeout = values.get(section, "graceful_shutdown_timeout")
        if policy is None:
            return None
        self._instance(section, policy.policy_class, policy.make)
        return AddedService(
            workers if counted else None,
            policy,
            any(values.is_set(place, "restart_policy") for place in (section, MANAGER)),
            timeout,
            {
                key: values.get(section, key)
                for key in ServiceOptions.field_names
                if values.is_set(section, key)
            },
        )

    def _registered_by_program(self, section: str) -> list[cfg.Opt]:
        """The options that the program itself has in the section."""
        return [
            found.option
            for found in self._shared.origin.registered
            if found.group and normal(found.group) == normal(section)
        ]

    def _find(self, name: str, wanted: str) -> AddedService | None:
        for candidate in (name.lower(), wanted.lower()):
            if candidate in self._added:
                self._used.add(candidate)
                return self._added[candidate]
        return self._added[_EVERY_OTHER]


def _concerns_us(shared: SharedConf) -> bool:
    if any(is_ours(normal(section)) for section in shared.sections()):
        return True
    ours = (f"OS_{prefix.upper()}" for prefix in (SERVICE, NOTIFIER, SOCKET))
    prefixes = (variable(MANAGER, ""), *ours)
    return shared.reads_environment and any(name.startswith(prefixes) for name in os.environ)

"""What a configuration means: frozen values, all of them checked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cotyledon_core.config.origin import SharedConf
from cotyledon_core.config.sources import Sources
from cotyledon_core.control_settings import NO_CONTROL, ControlSettings
from cotyledon_core.listening import Listening
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import RestartPolicy
from cotyledon_core.service import Service, has_own_reload
from cotyledon_core.service_options import ServiceOptions
from cotyledon_core.types import WorkerId


@dataclass(frozen=True)
class ConfiguredService:
    """Makes instances of a service with its configured options; can be pickled."""

    service_class: type[Service]
    options: Mapping[str, Any] = field(repr=False)  # secrets may be among them
    """By name: what reaches the constructor as keywords."""
    conf: SharedConf | None = field(compare=False, repr=False)
    """For a class that overrides :meth:`Service.from_conf`, and where the application
    has the ConfigOpts itself; None if the service cannot read it."""
    section: str = field(default="", compare=False)
    """Where the options stand."""
    mutable: frozenset[str] = field(default=frozenset(), compare=False)
    """The options that oslo.config may change while the service runs."""

    def __call__(self, worker_id: WorkerId) -> Service:
        if self.conf is None:
            return self.service_class(worker_id, **self.options)
        conf = self.conf.get()
        if wants_conf(self.service_class):
            # where it finds what a reload changes
            self._register(conf)
        return self.service_class.from_conf(worker_id, conf, **self.options)

    def reread(self) -> bool:
        """In a worker, at a reload: bring the ConfigOpts that the service has up to date.

        :returns: False if the worker has to be replaced.
        """
        if self.conf is None:
            return has_own_reload(self.service_class)
        from cotyledon_core.config.reread import reread

        return reread(self.conf, self.service_class)

    def _register(self, conf: Any) -> None:
        from oslo_config import cfg

        for option in self.service_class.options():
            with contextlib.suppress(cfg.DuplicateOptError):
                conf.register_opt(option, self.section)

    def __getstate__(self) -> dict[str, Any]:
        # others need not carry all of an application's options to a spawned worker
        return {**vars(self), "conf": self.conf if wants_conf(self.service_class) else None}


def wants_conf(service_class: type[Service]) -> bool:
    """Whether the class overrides :meth:`Service.from_conf`."""
    own = getattr(service_class.from_conf, "__func__", service_class.from_conf)
    return own is not Service.from_conf.__func__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class PolicySettings:
    """What makes a restart policy; equal for two that decide alike."""

    policy_class: type[RestartPolicy]
    options: Mapping[str, Any] = field(repr=False)
    """By their names in files."""
    keywords: Mapping[str, str] = field(compare=False, repr=False)
    """By an option's name in files: what the constructor calls it."""

    def make(self) -> RestartPolicy:
        """A new instance."""
        return self.policy_class(
            **{self.keywords[name]: value for name, value in self.options.items()}
        )


@dataclass(frozen=True)
class ServiceSettings:
    """One service of ``[cotyledon] services``."""

    name: str
    factory: ConfiguredService
    workers: int
    """0 or more."""
    policy: PolicySettings
    restart_policy: RestartPolicy = field(compare=False)
    """An instance made from ``policy``, the service's own."""
    graceful_shutdown_timeout: int | None
    """Seconds; None leaves it to the service's class, then to the manager."""
    options: ServiceOptions


@dataclass(frozen=True)
class NotifierSettings:
    """One notifier of ``[cotyledon] notifiers``."""

    name: str
    options: Mapping[str, Any] = field(repr=False)
    notifier_class: type[Notifier]
    notifier: Notifier = field(compare=False)
    """An instance made from ``options``."""

    def make(self) -> Notifier:
        """Another instance."""
        return self.notifier_class(**self.options)


@dataclass(frozen=True, kw_only=True)
class ManagerSettings:
    """All of a configuration that concerns us."""

    name: str | None
    """None is the program's name."""
    services: tuple[ServiceSettings, ...]
    """In the order of their start."""
    notifiers: tuple[NotifierSettings, ...]
    """All that shall be told events; none are added to them."""
    start_method: str | None
    """``fork``, ``forkserver`` or ``spawn``; None is multiprocessing's own choice, else fork."""
    spawn_interval: float
    """Seconds between two spawns, 0 for no pacing."""
    graceful_shutdown_timeout: int
    """Seconds, 0 for no limit."""
    stop_delay: float = 0.0
    """Seconds from an accepted stop until the workers are asked to end."""
    dump_signal: str | None = None
    """Name or number; None is the default one, 0 none."""
    scale_signals: bool = False
    """Whether SIGTTIN and SIGTTOU scale the only service."""
    log_options: bool
    sockets: Mapping[str, Listening] = field(default_factory=dict, compare=False)
    """What the manager listens on by itself, by name."""
    notices: tuple[str, ...] = field(default=(), compare=False)
    """What is no fault but may not be meant, one line each."""
    on_reload_failure: str = "rollback"
    """``rollback`` or ``halt``."""
    reload_method: str = "reload"
    """``reload`` or ``mutate``: how workers re-read the whole configuration."""
    control: ControlSettings = NO_CONTROL
    sources: Sources = field(default=Sources({}, {}), compare=False, repr=False)
    """Where it was read from."""

    def with_policies_of(self, running: ManagerSettings) -> ManagerSettings:
        """The same, but that a restart policy that stays as it is goes on, with what it knows."""
        before = {service.name: service for service in running.services}
        services = tuple(
            replace(service, restart_policy=before[service.name].restart_policy)
            if service.name in before and before[service.name].policy == service.policy
            else service
            for service in self.services
        )
        return replace(self, services=services)

"""The configuration's part in a reload: read and check all of it, then take it over.

Nothing that runs is touched before the new configuration has been compiled
whole. What is taken over then is the number of workers of each service, which
starts it again if it had been given up or had finished, the options of
[DEFAULT], and what services that want the whole configuration get; all else that
differs is named in the log and waits for a restart of the manager.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from oslo_config import cfg

from cotyledon_core.config.difference import Difference, difference
from cotyledon_core.config.loader import read
from cotyledon_core.config.origin import SharedConf
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.types import ServiceId

LOG = logging.getLogger(__name__)


class Manager(Protocol):
    """What is needed of a manager."""

    _graceful_shutdown_timeout: int

    @property
    def _service_ids(self) -> Mapping[str, ServiceId]:
        """By the service's name."""

    def reconfigure(self, service_id: ServiceId, workers: int) -> None: ...

    def _revive(self, service_id: ServiceId) -> None: ...

    def _tell_all(self) -> None: ...


class Reloader:
    """Knows what runs, and brings in what the files say now.

    :param shared: the configuration's ConfigOpts.
    :param running: what the manager was made with.
    """

    undoes = True

    def __init__(self, shared: SharedConf, running: ManagerSettings) -> None:
        self._shared = shared
        self._running = running

    def read(self) -> ManagerSettings:
        """The meaning of the files now; changes nothing.

        :raises ConfigurationError: with every fault found.
        """
        return read(self._shared)[0]

    def prepare(self) -> Callable[[Manager], None]:
        """Read and check all files; changes nothing yet.

        :returns: what takes the new configuration over when it is called.
        :raises ConfigurationError: with every fault found; what runs stays.
        """
        settings, conf = read(self._shared)
        return partial(self._take_over, settings, conf)

    def _take_over(self, new: ManagerSettings, conf: cfg.ConfigOpts, manager: Manager) -> None:
        found = difference(self._running, new)
        for change in found.changed:
            if change.is_scaled:
                name, count = change.name, change.new.workers
                LOG.info("service %s: %d workers instead of %d", name, count, change.old.workers)
                manager.reconfigure(manager._service_ids[name], count)
                manager._revive(manager._service_ids[name])
        manager._tell_all()
        manager._graceful_shutdown_timeout = new.graceful_shutdown_timeout
        _log_the_rest(found)
        self._running = _taken_over(self._running, new)
        self._shared.take_over(conf)
        log_settings(new, conf)


def log_settings(settings: ManagerSettings, conf: cfg.ConfigOpts) -> None:
    """Log the notices, and at DEBUG the values of all options if that is configured."""
    for notice in settings.notices:
        LOG.warning("%s", notice)
    if settings.log_options and LOG.isEnabledFor(logging.DEBUG):
        try:
            conf.log_opt_values(LOG, logging.DEBUG)
        except (cfg.Error, ValueError) as error:  # an option of the application's
            LOG.warning("cannot log all options: %s", error)


def _log_the_rest(found: Difference) -> None:
    for service in found.added:
        LOG.warning("added service %s needs a restart of the manager", service.name)
    for service in found.removed:
        LOG.warning("removed service %s needs a restart of the manager", service.name)
    keys = {key for change in found.changed for key in (*change.live, *change.replacing)}
    for key in sorted(keys.union(found.restart)):
        LOG.warning("changed %s needs a restart of the manager", key)


def _taken_over(running: ManagerSettings, new: ManagerSettings) -> ManagerSettings:
    """What runs after a reload; the rest of ``new`` differs from it at the next one too."""
    counts = {service.name: service.workers for service in new.services}
    return replace(
        running,
        services=tuple(
            replace(service, workers=counts.get(service.name, service.workers))
            for service in running.services
        ),
        graceful_shutdown_timeout=new.graceful_shutdown_timeout,
        log_options=new.log_options,
    )

"""The configuration's part in a reload: read and check all of it, then take it over.

Nothing that runs is touched before the new configuration has been compiled
whole, and found to need no restart of the manager. Only what differs is taken
over. A service's workers are left alone if nothing that the service could read
has changed, unless they can reload in place: then they are told to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import Any, Protocol

from oslo_config import cfg

from cotyledon_core.config.difference import Difference, ServiceChange, difference, refusals
from cotyledon_core.config.loader import read
from cotyledon_core.config.origin import SharedConf
from cotyledon_core.config.preview import preview
from cotyledon_core.config.settings import ManagerSettings, ServiceSettings
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.exceptions import ConfigurationError, shown
from cotyledon_core.listening import Listening
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.service import has_own_reload, may_execute
from cotyledon_core.supervision.messages import Manner

LOG = logging.getLogger(__name__)


class Target(Protocol):
    """What is changed; a method notes what undoes it unless it says otherwise."""

    def add(self, settings: ServiceSettings) -> None: ...

    def remove(self, name: str) -> None: ...

    def scale(self, name: str, workers: int) -> None: ...

    def change(self, settings: ServiceSettings, manner: Manner | None, *, afresh: bool) -> None:
        """Define a service anew.

        :param manner: how its workers are brought to it; None leaves them alone.
        :param afresh: whether workers that were left ended are started again.
        """

    def set_grace(self, seconds: float) -> None: ...

    def set_pace(self, spawn_interval: float, stop_delay: float) -> None: ...

    def set_sockets(self, sockets: Mapping[str, Listening]) -> None: ...
    def set_control(self, settings: ControlSettings) -> None: ...

    def change_notifiers(
        self, notifiers: Mapping[str, Notifier], unchanged: Container[str]
    ) -> None:
        """Tell events to others; what undoes it is not noted."""

    def on_undo(self, step: Callable[[], None]) -> None:
        """Have something else done if the reload is undone."""


class Reloader:
    """Knows what runs, and brings in what the files say now.

    :param shared: the configuration's ConfigOpts.
    :param running: what the manager was made with.
    """

    def __init__(self, shared: SharedConf, running: ManagerSettings) -> None:
        self._shared = shared
        self._running = running

    @property
    def undoes(self) -> bool:
        """Whether a reload that fails is undone, as the configuration that it brought says."""
        return self._running.on_reload_failure == "rollback"

    def read(self) -> ManagerSettings:
        """The meaning of the files now; changes nothing.

        :raises ConfigurationError: with every fault found.
        """
        return read(self._shared)[0]

    def prepare(self) -> Callable[[Target], None]:
        """Read and check all files; changes nothing yet.

        :returns: what takes the new configuration over when it is called.
        :raises ConfigurationError: with every fault found, or every option that
            differs and cannot be changed in a running manager; what runs stays.
        """
        read_now, conf = read(self._shared)
        settings = read_now.with_policies_of(self._running)
        found = difference(self._running, settings)
        if found.restart:
            raise ConfigurationError(refusals(found, settings))
        before = _notifiers_before(found, self._running)
        return partial(self._take_over, found, settings, conf, before)

    def preview(self) -> dict[str, Any]:
        """What a reload would change, as plain values; changes nothing.

        :raises ConfigurationError: with every fault found.
        """
        return preview(self._running, self.read(), self._shared.origin.arguments())

    def _take_over(
        self,
        found: Difference,
        new: ManagerSettings,
        conf: cfg.ConfigOpts,
        before: Mapping[str, Notifier],
        target: Target,
    ) -> None:
        target.on_undo(partial(setattr, self, "_running", self._running))
        target.on_undo(self._shared.take_over(conf))
        _change_manager(found, new, target)
        if found.notifiers:
            _change_notifiers(found, before, new, target)
        self._running = new
        _change_services(found, new, target)
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


def _change_manager(found: Difference, new: ManagerSettings, target: Target) -> None:
    for key in found.live:
        LOG.info("%s: taken over", key)
    target.set_grace(new.graceful_shutdown_timeout)
    target.set_sockets(new.sockets)
    target.set_pace(new.spawn_interval, new.stop_delay)
    target.set_control(new.control)


def _notifiers_before(found: Difference, running: ManagerSettings) -> dict[str, Notifier]:
    """For an undone reload; what goes is made again now, while a fault can still be told.

    :raises ConfigurationError: with every one that cannot be made any more.
    """
    going = {*found.notifiers.changed, *found.notifiers.removed}
    notifiers, faults = {}, []
    for item in running.notifiers:
        try:
            notifiers[item.name] = item.make() if item.name in going else item.notifier
        except Exception as error:
            faults.append(f"[notifier:{item.name}]: cannot be made again: {shown(error)}")
    if faults:
        raise ConfigurationError(faults)
    return notifiers


def _change_notifiers(
    found: Difference, before: Mapping[str, Notifier], new: ManagerSettings, target: Target
) -> None:
    notifiers = {item.name: item.notifier for item in new.notifiers}
    LOG.info("notifiers: %s", ", ".join(notifiers) or "none")
    changed = {*found.notifiers.added, *found.notifiers.changed, *found.notifiers.removed}
    target.change_notifiers(notifiers, notifiers.keys() - changed)
    target.on_undo(lambda: target.change_notifiers(before, before.keys() - changed))


def _change_services(found: Difference, new: ManagerSettings, target: Target) -> None:
    for settings in reversed(found.removed):  # each is there again, if undone, before a later one
        LOG.info("service %s: removed", settings.name)
        target.remove(settings.name)
    changes = {change.name: change for change in found.changed}
    added = {settings.name for settings in found.added}
    for settings in new.services:
        if settings.name in added:
            LOG.info("service %s: added", settings.name)
            target.add(settings)
        elif settings.name in changes:
            _change_service(changes[settings.name], target)
        elif _reloads_in_place(settings):
            LOG.info("service %s: unchanged, its workers are told to reload", settings.name)
            target.change(settings, Manner.TELL_OR_LEAVE, afresh=False)
        else:
            LOG.info("service %s: unchanged, its workers are left alone", settings.name)


def _change_service(change: ServiceChange, target: Target) -> None:
    settings, manner = change.new, _manner(change)
    if change.is_scaled:
        target.scale(change.name, settings.workers)
        LOG.info(
            "service %s: %d workers instead of %d",
            change.name,
            settings.workers,
            change.old.workers,
        )
    keys = ", ".join(key.name for key in (*change.replacing, *change.in_place, *change.conf))
    if manner is Manner.REPLACE:
        LOG.info("service %s: its workers are replaced (%s)", change.name, keys)
    elif manner is Manner.TELL:
        LOG.info("service %s: its workers are told to reload (%s)", change.name, keys)
    elif manner is Manner.TELL_OR_LEAVE:
        LOG.info("service %s: its workers are told to reload", change.name)
    for key in change.live:
        LOG.info("%s: taken over", key)
    target.change(settings, manner, afresh=True)


def _manner(change: ServiceChange) -> Manner | None:
    """How the workers come to it; None if they need not."""
    if change.replacing:
        return Manner.REPLACE
    if change.in_place or change.conf:
        return Manner.REPLACE if change.new.options.always_replaces else Manner.TELL
    return Manner.TELL_OR_LEAVE if _reloads_in_place(change.new) else None


def _reloads_in_place(settings: ServiceSettings) -> bool:
    """Whether its workers can do something about a reload that changes nothing for them."""
    service_class = settings.factory.service_class
    able = has_own_reload(service_class) or may_execute(service_class)
    return able and not settings.options.always_replaces

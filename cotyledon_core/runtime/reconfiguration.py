"""What a reload of the configuration may change in a running manager."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Protocol

from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.listening import Listening
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.runtime.listeners import Listeners
from cotyledon_core.runtime.reload import Reload
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision import messages as msg
from cotyledon_core.types import ServiceId

if TYPE_CHECKING:
    from cotyledon_core.config.settings import ServiceSettings

Define = Callable[["ServiceSettings", ServiceId | None], ServiceDefinition]


class Shell(Protocol):
    """What the manager holds beside its services."""

    grace: float
    spawn_interval: float
    stop_delay: float
    control: ControlSettings
    definitions: dict[ServiceId, ServiceDefinition]
    listeners: Listeners

    def set_grace(self, grace: float) -> None: ...

    def grace_of(self, service_id: ServiceId) -> float | None:
        """What is configured for a service, in seconds."""

    def set_grace_of(self, service_id: ServiceId, grace: float | None) -> None:
        """Tell the service's workers."""

    def set_control(self, settings: ControlSettings) -> None: ...

    def change_notifiers(
        self, notifiers: Mapping[str, Notifier], unchanged: Container[str]
    ) -> None: ...


class Reconfiguration:
    """Translates the configuration's names and settings; see :class:`.config.reloader.Target`.

    :param ids: by the service's name.
    :param define: makes a definition of settings; a new service gets an id, and
        stands in ``ids`` then.
    """

    def __init__(
        self, reload: Reload, shell: Shell, ids: dict[str, ServiceId], define: Define
    ) -> None:
        self._reload = reload
        self._shell = shell
        self._ids = ids
        self._define = define

    def add(self, settings: ServiceSettings) -> None:
        """A service comes.

        :raises ConfigurationError: if the application has added one of this name itself.
        """
        if settings.name in self._ids:
            text = "the application has added a service of this name itself; use another name"
            raise ConfigurationError([f"[service:{settings.name}]: {text}"])
        definition = self._define(settings, None)
        self._reload.add(definition)
        self.on_undo(lambda: self._ids.pop(definition.name))

    def remove(self, name: str) -> None:
        """A service goes."""
        service_id = self._ids.pop(name)
        self._reload.remove(service_id)
        self.on_undo(lambda: self._ids.update({name: service_id}))

    def scale(self, name: str, workers: int) -> None:
        """A service gets another size."""
        self._reload.scale(self._ids[name], workers)

    def change(self, settings: ServiceSettings, manner: msg.Manner | None, *, afresh: bool) -> None:
        """A service is defined anew; see :meth:`.Reload.change`."""
        definition = self._define(settings, self._ids[settings.name])
        self._change(definition, manner, afresh=afresh)

    def redefine(self, define: Callable[[ServiceDefinition], ServiceDefinition]) -> None:
        """All services are defined anew, and their workers are told or replaced."""
        for old, new in [(old, define(old)) for old in list(self._shell.definitions.values())]:
            if new.workers != old.workers:
                self._reload.scale(new.service_id, new.workers)
            self._change(new, new.manner, afresh=False)

    def _change(
        self, definition: ServiceDefinition, manner: msg.Manner | None, *, afresh: bool
    ) -> None:
        service_id, grace = definition.service_id, definition.graceful_shutdown_timeout
        old = self._shell.grace_of(service_id)
        if grace != old:
            self._shell.set_grace_of(service_id, grace)
            self.on_undo(lambda: self._shell.set_grace_of(service_id, old))
        self._reload.change(definition, manner, afresh=afresh)

    def set_grace(self, seconds: float) -> None:
        """The manager's grace period; 0 waits without end."""
        old = self._shell.grace
        if seconds != old:
            self._shell.set_grace(seconds)
            self.on_undo(lambda: self._shell.set_grace(old))

    def set_sockets(self, sockets: Mapping[str, Listening]) -> None:
        """What the manager listens on by itself, by name."""
        listeners = self._shell.listeners
        old, listeners.configured = listeners.configured, sockets
        self.on_undo(lambda: setattr(listeners, "configured", old))

    def set_pace(self, spawn_interval: float, stop_delay: float) -> None:
        """The least time between two starts, and the delay of a stop, in seconds."""
        shell = self._shell
        old = shell.spawn_interval, shell.stop_delay
        if (spawn_interval, stop_delay) != old:
            self._put_pace(spawn_interval, stop_delay)
            self._reload.post(msg.SetPace(spawn_interval, stop_delay), msg.SetPace(*old))
            self.on_undo(lambda: self._put_pace(*old))

    def _put_pace(self, spawn_interval: float, stop_delay: float) -> None:
        self._shell.spawn_interval, self._shell.stop_delay = spawn_interval, stop_delay

    def set_control(self, settings: ControlSettings) -> None:
        """Who may connect to the control socket, and its bounds."""
        old = self._shell.control
        if settings != old:
            self._shell.set_control(settings)
            self.on_undo(lambda: self._shell.set_control(old))

    def change_notifiers(
        self, notifiers: Mapping[str, Notifier], unchanged: Container[str]
    ) -> None:
        """Tell events to these.

        :param unchanged: names of those that are told already and stay as they are.
        """
        self._shell.change_notifiers(notifiers, unchanged)

    def on_undo(self, step: Callable[[], object]) -> None:
        """Have something else done if the reload is undone."""
        self._reload.on_undo(step)

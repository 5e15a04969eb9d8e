"""The services that a manager has, by name, and the making of their definitions."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cotyledon_core.log import Log
from cotyledon_core.record import replace
from cotyledon_core.runtime.services import ServiceDefinition, default_name, unique_name
from cotyledon_core.service import may_execute
from cotyledon_core.service_options import ServiceOptions
from cotyledon_core.types import ServiceId

if TYPE_CHECKING:
    from cotyledon_core.config.added import AddedServices
    from cotyledon_core.config.settings import ServiceSettings

LOG = Log("cotyledon_core")

Given = dict[str, Any]
"""``workers``, ``restart_policy`` and the options of a service, as a program gives them."""


class Registry:
    """See the module's description; from any thread."""

    def __init__(self) -> None:
        self.ids: dict[str, ServiceId] = {}
        """By name; unique in the manager."""
        self.added: AddedServices | None = None
        """What a configuration says of services that a program adds; None for nothing."""
        self._given: dict[ServiceId, tuple[str, Given]] = {}

    def define_added(
        self, factory: Callable[..., Any], name: str | None, given: Given, args: Any, kwargs: Any
    ) -> ServiceDefinition:
        """Define a service that the program adds.

        :raises ValueError: for an impossible value.
        """
        wanted = name or default_name(factory)
        changed = self._checked(factory, unique_name(wanted, self.ids), wanted, given)
        definition = self._define(factory, name=wanted, args=args, kwargs=kwargs, **changed)
        self._given[definition.service_id] = wanted, given
        return definition

    @contextlib.contextmanager
    def keeping(self, definition: ServiceDefinition) -> Iterator[None]:
        """Keep an added service, unless what follows raises."""
        try:
            yield
        except BaseException:
            self.ids.pop(definition.name, None)
            self._given.pop(definition.service_id, None)
            raise

    def redefine(self, old: ServiceDefinition) -> ServiceDefinition:
        """The definition of an added service, as the configuration has it now.

        :raises ValueError: for an impossible value.
        """
        wanted, given = self._given[old.service_id]
        changed = self._checked(old.factory, old.name, wanted, given)
        changed["start_after"] = self._earlier(changed["options"].start_after)
        return replace(old, **{"graceful_shutdown_timeout": None, **changed})

    def tell_unused(self) -> None:
        """Log what is configured for services that were not added."""
        for line in self.added.unused() if self.added is not None else ():
            LOG.warning("%s", line)

    def define_configured(
        self, settings: ServiceSettings, service_id: ServiceId | None
    ) -> ServiceDefinition:
        """Define a service that a configuration names."""
        return self._define(
            settings.factory,
            settings.workers,
            name=settings.name,
            restart_policy=settings.restart_policy,
            graceful_shutdown_timeout=settings.graceful_shutdown_timeout,
            options=settings.options,
            service_id=service_id,
        )

    def _checked(
        self, factory: Callable[..., Any], name: str, wanted: str, given: Given
    ) -> dict[str, Any]:
        """Fields of a definition."""
        fields = dict(given)
        if self.added is not None:
            fields = self.added.apply(name, wanted, fields)
        own = {key: fields.pop(key) for key in ServiceOptions.field_names if key in fields}
        options = ServiceOptions.checked(**own)
        if may_execute(factory) and (faults := options.unfit_for_programs()):
            raise ValueError("\n".join(faults))
        return {**fields, "options": options}

    def _define(
        self,
        factory: Callable[..., Any],
        workers: int,
        *,
        name: str,
        options: ServiceOptions,
        service_id: ServiceId | None = None,
        **more: Any,
    ) -> ServiceDefinition:
        """
        :param service_id: of the service that is there; a new one gets an id and a unique name.
        """
        earlier = self._earlier(options.start_after)
        if service_id is None:
            service_id = ServiceId(uuid.uuid4())
            name, wanted = unique_name(name, self.ids), name
            while self.ids.setdefault(name, service_id) != service_id:
                # another thread was faster
                name = unique_name(wanted, self.ids)
        more.update(options=options, start_after=earlier)
        return ServiceDefinition(service_id, name, factory, workers, **more)

    def _earlier(self, names: Iterable[str]) -> tuple[ServiceId, ...]:
        """
        :raises ValueError: for the name of a service that was not added.
        """
        for name in names:
            if name not in self.ids:
                raise ValueError(f"start_after: no service {name!r} was added before this one")
        return tuple(self.ids[name] for name in names)

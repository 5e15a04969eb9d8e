"""A reload where a program adds its services itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.runtime.reconfiguration import Reconfiguration
from cotyledon_core.runtime.registry import Registry

if TYPE_CHECKING:
    from cotyledon_core.config.added import AddedServices


class AddedReloader:
    """Has the services follow what the configuration says of them now.

    What it says of the manager and its notifiers stays as it was at the start; sockets come and
    go.

    :param read: reads it, as :meth:`.AddedServices.read`.
    :param registry: of the services.
    """

    undoes = False

    def __init__(self, read: Callable[[], AddedServices | None], registry: Registry) -> None:
        self._read = read
        self._registry = registry

    def prepare(self) -> Callable[[Reconfiguration], None]:
        """
        :raises ConfigurationError: with every fault found; what runs stays.
        """
        added = self._read()
        if added is not None and self._registry.added is not None:
            added.check_sockets(self._registry.added)
        return partial(self._take_over, added)

    def preview(self) -> dict[str, Any]:
        """Only whether it can be read: what changes is up to the program.

        :raises ConfigurationError: with every fault found.
        """
        self._read()
        return {}

    def _take_over(self, added: AddedServices | None, target: Reconfiguration) -> None:
        before, self._registry.added = self._registry.added, added
        target.set_sockets({} if added is None else added.settings.sockets)
        try:
            target.redefine(self._registry.redefine)
        except ValueError as error:
            self._registry.added = before
            raise ConfigurationError(str(error).splitlines()) from error

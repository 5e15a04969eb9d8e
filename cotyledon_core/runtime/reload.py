"""A reload's changes to a running manager, collected before the supervisor hears of any.

What is noted for each change undoes it, should the reload fail. What concerns
the supervisor leaves here as messages, all of them together; what the shell
itself holds is changed at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Protocol

from cotyledon_core.record import replace
from cotyledon_core.runtime.dispatcher import ForeignCode
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision import messages as msg
from cotyledon_core.types import ServiceId

Definitions = MutableMapping[ServiceId, ServiceDefinition]

revisions = itertools.count(1)


class Reloader(Protocol):
    """Brings in a changed configuration; see :mod:`cotyledon_core.config.reloader`."""

    @property
    def undoes(self) -> bool:
        """Whether a reload that fails is undone."""

    def prepare(self) -> Callable[[Any], None]: ...

    def preview(self) -> dict[str, Any]:
        """What a reload would change, as plain values."""


class Reload:
    """See the module's description.

    :param definitions: the services that the manager has; changed here.
    :param sizes: how many workers they have to have; changed here, and by others.
    """

    def __init__(
        self,
        definitions: Definitions,
        sizes: MutableMapping[ServiceId, int],
        foreign_code: ForeignCode,
    ) -> None:
        self._definitions = definitions
        self._sizes = sizes
        self._foreign_code = foreign_code
        self._messages: list[msg.Message] = []
        self._changes: list[msg.Change] = []
        self._undo: list[Callable[[], None]] = []

    # -- what changes

    def add(self, definition: ServiceDefinition) -> None:
        """A service comes."""
        service_id = definition.service_id
        self._sizes[service_id] = definition.workers
        self._put(definition)
        self._messages.append(msg.AddService(self._spec(definition)))
        self.on_undo(lambda: self.remove(service_id))

    def remove(self, service_id: ServiceId) -> None:
        """A service goes."""
        definition = self._definitions.pop(service_id)
        definition = replace(definition, workers=self._sizes.pop(service_id))
        self._messages.append(msg.RemoveService(service_id))
        self.on_undo(lambda: self.add(definition))

    def scale(self, service_id: ServiceId, workers: int) -> None:
        """A service gets another size."""
        old, self._sizes[service_id] = self._sizes[service_id], workers
        self._messages.append(msg.Scale(service_id, workers))
        self.on_undo(lambda: self._scale_back(service_id, workers, old))

    def _scale_back(self, service_id: ServiceId, workers: int, old: int) -> None:
        if self._sizes[service_id] == workers:  # else somebody has given it another meanwhile
            self.scale(service_id, old)

    def change(
        self, definition: ServiceDefinition, manner: msg.Manner | None, *, afresh: bool = False
    ) -> None:
        """A service is defined anew.

        :param manner: how its workers are brought there; None leaves them untouched.
        :param afresh: whether those that were left ended are started again.
        """
        old = self._definitions[definition.service_id]
        if manner is not None:
            definition = replace(definition, revision=next(revisions))
        self._put(definition)
        change = msg.Change(self._spec(definition), manner or msg.Manner.TELL, afresh)
        self._changes.append(change)
        if manner is msg.Manner.TELL_OR_LEAVE:
            # they were told by the way: nothing that they were made with has changed
            old = replace(old, revision=definition.revision)
        self.on_undo(lambda: self._change_back(old, afresh))

    def _change_back(self, old: ServiceDefinition, afresh: bool) -> None:
        self._put(old)
        self._changes.append(msg.Change(self._spec(old), msg.Manner.REPLACE, afresh))

    def post(self, message: msg.Message, undo: msg.Message) -> None:
        """Anything else that the supervisor is told."""
        self._messages.append(message)
        self.on_undo(lambda: self._messages.append(undo))

    def on_undo(self, step: Callable[[], Any]) -> None:
        """Do this, too, if the reload is undone; the last is done first."""
        self._undo.append(step)

    def _put(self, definition: ServiceDefinition) -> None:
        self._definitions[definition.service_id] = definition

    def _spec(self, definition: ServiceDefinition) -> msg.ServiceSpec:
        return definition.spec(self._foreign_code)

    # -- what the supervisor is told

    def messages(self) -> Iterator[msg.Message]:
        """All that was collected, once; the reload itself comes last."""
        return self._take(undo=False)

    def undone(self) -> Iterator[msg.Message]:
        """What undoes all of it."""
        steps, self._undo = self._undo, []
        for step in reversed(steps):
            step()
        self._undo.clear()
        return self._take(undo=True)

    def _take(self, *, undo: bool) -> Iterator[msg.Message]:
        messages, self._messages = self._messages, []
        changes, self._changes = self._changes, []
        yield from messages
        yield msg.Reload(tuple(changes), undo)

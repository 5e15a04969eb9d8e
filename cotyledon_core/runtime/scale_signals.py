"""SIGTTIN and SIGTTOU: one worker more, or one less, of the only service.

They are obeyed only if that is configured. A terminal sends them, too, to what
uses it from the background: there they are not meant for us.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Protocol

from cotyledon_core.log import Log
from cotyledon_core.process import session
from cotyledon_core.process.signals import SIGTTIN, SIGTTOU
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.types import ServiceId

LEAST = 1
"""How many workers SIGTTOU leaves."""

LOG = Log("cotyledon_core")


class Shell(Protocol):
    """What has the services, and obeys."""

    definitions: dict[ServiceId, ServiceDefinition]
    sizes: dict[ServiceId, int]

    def command(
        self, command: msg.OperatorCommand, done: Callable[[CommandDone], None] | None = None
    ) -> int:
        """Have it obeyed."""


class ScaleSignals:
    """Makes commands of these signals.

    :param stopping: whether the manager is stopping.
    """

    def __init__(self, shell: Shell, stopping: Callable[[], bool]) -> None:
        self._shell = shell
        self._stopping = stopping

    def obey(self, pending: Container[int | None]) -> None:
        """Do what those that have arrived say; both together change nothing."""
        more, fewer = SIGTTIN in pending, SIGTTOU in pending
        if more != fewer:
            self._scale("SIGTTIN" if more else "SIGTTOU", 1 if more else -1)

    def _scale(self, name: str, change: int) -> None:
        definitions = list(self._shell.definitions.values())
        if session.in_background():
            refusal = "a terminal sends it to what runs in its background"
        elif self._stopping():
            refusal = "the manager is stopping"
        elif len(definitions) != 1:
            refusal = f"there are {len(definitions)} services, not one"
        else:
            self._scale_one(name, definitions[0], change)
            return
        LOG.warning("%s: not obeyed: %s", name, refusal)

    def _scale_one(self, name: str, service: ServiceDefinition, change: int) -> None:
        old = self._shell.sizes[service.service_id]
        workers = max(old + change, min(old, LEAST))
        if workers == old:
            LOG.info("%s: service %s keeps its %d workers", name, service.name, old)
            return
        LOG.info("%s: scale %s %d", name, service.name, workers)

        def done(result: CommandDone) -> None:
            if not result.ok:
                LOG.warning("%s: not obeyed: %s", name, result.text)

        self._shell.command(msg.Scale(service.service_id, workers), done)

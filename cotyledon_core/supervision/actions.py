"""What comes out of the supervisor: what the shell has to do, in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cotyledon_core.events import Event
from cotyledon_core.supervision.messages import Incarnation


class Request(Enum):
    """What a signal asks of a worker."""

    STOP = "stop"
    RELOAD = "reload"
    INTERRUPT = "interrupt"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start this process; answered by ``Spawned`` or ``SpawnFailed``."""

    incarnation: Incarnation


@dataclass(frozen=True, slots=True)
class Signal:
    incarnation: Incarnation
    request: Request


@dataclass(frozen=True, slots=True)
class Publish:
    event: Event


@dataclass(frozen=True, slots=True)
class Exit:
    """The manager is done."""

    status: int


Action = Spawn | Signal | Publish | Exit

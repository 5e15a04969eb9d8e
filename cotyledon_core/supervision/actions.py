"""What comes out of the supervisor: what the shell has to do, in order."""

from __future__ import annotations

from enum import Enum

from cotyledon_core.events import Event
from cotyledon_core.record import Record
from cotyledon_core.supervision.messages import Incarnation


class Request(Enum):
    """What a signal asks of a worker."""

    STOP = "stop"
    RELOAD = "reload"
    INTERRUPT = "interrupt"
    DUMP = "dump"
    """Write the stacks of all threads."""
    ABORT = "abort"
    KILL = "kill"


class Spawn(Record):
    """Start this process; answered by ``Spawned`` or ``SpawnFailed``."""

    incarnation: Incarnation


class Signal(Record):
    incarnation: Incarnation
    request: Request


class ReadBeat(Record):
    """Look when the process gave a sign of life; answered by ``BeatRead``."""

    incarnation: Incarnation


class ReadDump(Record):
    """Read the stacks that the process has written; answered by ``DumpRead``."""

    incarnation: Incarnation


class Publish(Record):
    event: Event


class AskShutdown(Record):
    """The manager has a reason of its own to stop; answered by ``ShutDown``, as by SIGTERM."""


class CallReloadHooks(Record):
    """A reload was asked for."""


class PrepareReload(Record):
    """Find what a reload changes; answered by ``Reload`` or ``RefuseReload``."""


class UndoReload(Record):
    """Go back to what was before a reload that failed; answered by ``Reload`` with ``undo``."""


class CommandDone(Record):
    """A command that has a number was fulfilled, or has failed; told once for each."""

    number: int
    ok: bool
    text: str = ""
    """Why it has failed, for people."""


class Exit(Record):
    """The manager is done."""

    status: int


Action = (
    Spawn
    | Signal
    | ReadBeat
    | ReadDump
    | Publish
    | AskShutdown
    | CallReloadHooks
    | PrepareReload
    | UndoReload
    | CommandDone
    | Exit
)

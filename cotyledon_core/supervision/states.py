"""The states of a worker and all transitions between them.

A worker's goal (up or down) and its state are two variables: the goal is what
is wanted, the state is what is. A start leads from STOPPED or BACKOFF to
STARTING as soon as the process is asked for; READY makes it RUNNING. A stop
that the manager asks for leads through STOPPING, whatever its reason, and the
process's end is then expected. One that hangs, before it is ready or after, is
STOPPING too, until force has ended it; that end is the restart policy's to
answer. Every end leads to the state that
:meth:`.Ends._settle` finds: STOPPED if the worker is not wanted, else
STARTING again by way of STOPPED (a replacement), or what the restart policy
says: BACKOFF, EXITED or FATAL. The table says None there.

READY and LEAVE may arrive late, when the worker is already STOPPING, and a
program may say READY more than once: that changes nothing.
"""

from __future__ import annotations

from enum import Enum

from cotyledon_core.supervision.exceptions import ImpossibleMessage


class Goal(Enum):
    """What is wanted of a worker."""

    UP = "up"
    DOWN = "down"


class State(Enum):
    """What a worker is."""

    __hash__ = object.__hash__  # Enum's own is Python code

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    EXITED = "exited"
    FATAL = "fatal"


class Occurrence(Enum):
    """What can happen to a worker."""

    __hash__ = object.__hash__

    START = "start"
    SPAWNED = "spawned"
    SPAWN_FAILED = "spawn failed"
    READY = "ready"
    LEAVE = "leave"
    STOP = "stop"
    HANG = "hang"
    OVERRUN = "overrun"
    EXITED = "exited"
    GIVE_UP = "give up"
    REVIVE = "revive"


ALIVE = frozenset({State.STARTING, State.RUNNING, State.STOPPING})
"""The states in which the worker has a process."""
SETTLED = frozenset({State.EXITED, State.FATAL})
"""The states that a worker leaves only because somebody wants something else of it."""

TRANSITIONS: dict[tuple[State, Occurrence], State | None] = {
    (State.STOPPED, Occurrence.START): State.STARTING,
    (State.STOPPED, Occurrence.STOP): State.STOPPED,
    (State.STOPPED, Occurrence.GIVE_UP): State.FATAL,
    (State.STARTING, Occurrence.SPAWNED): State.STARTING,
    (State.STARTING, Occurrence.SPAWN_FAILED): None,
    (State.STARTING, Occurrence.READY): State.RUNNING,
    (State.STARTING, Occurrence.LEAVE): State.STOPPING,
    (State.STARTING, Occurrence.STOP): State.STOPPING,
    (State.STARTING, Occurrence.HANG): State.STOPPING,
    (State.STARTING, Occurrence.EXITED): None,
    (State.STARTING, Occurrence.GIVE_UP): State.STARTING,
    (State.RUNNING, Occurrence.READY): State.RUNNING,
    (State.RUNNING, Occurrence.LEAVE): State.STOPPING,
    (State.RUNNING, Occurrence.STOP): State.STOPPING,
    (State.RUNNING, Occurrence.HANG): State.STOPPING,
    (State.RUNNING, Occurrence.EXITED): None,
    (State.RUNNING, Occurrence.GIVE_UP): State.RUNNING,
    (State.STOPPING, Occurrence.READY): State.STOPPING,
    (State.STOPPING, Occurrence.LEAVE): State.STOPPING,
    (State.STOPPING, Occurrence.STOP): State.STOPPING,
    (State.STOPPING, Occurrence.OVERRUN): State.STOPPING,
    (State.STOPPING, Occurrence.EXITED): None,
    (State.STOPPING, Occurrence.GIVE_UP): State.STOPPING,
    (State.BACKOFF, Occurrence.START): State.STARTING,
    (State.BACKOFF, Occurrence.STOP): State.STOPPED,
    (State.BACKOFF, Occurrence.GIVE_UP): State.FATAL,
    (State.EXITED, Occurrence.STOP): State.STOPPED,
    (State.EXITED, Occurrence.GIVE_UP): State.FATAL,
    (State.FATAL, Occurrence.STOP): State.STOPPED,
    (State.FATAL, Occurrence.GIVE_UP): State.FATAL,
    (State.EXITED, Occurrence.REVIVE): State.STOPPED,
    (State.FATAL, Occurrence.REVIVE): State.STOPPED,
}


def next_state(state: State, occurrence: Occurrence) -> State | None:
    """The state that follows; None if an end leaves it to the deciders.

    :raises ImpossibleMessage: if this cannot happen in this state.
    """
    try:
        return TRANSITIONS[state, occurrence]
    except KeyError:
        raise ImpossibleMessage(f"{occurrence.value} in state {state.value}") from None

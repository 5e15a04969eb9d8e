"""Where a new process becomes a worker."""

from __future__ import annotations

import atexit
import os
from typing import Any, NoReturn

from cotyledon_core.exceptions import shown
from cotyledon_core.process.board import NOWHERE, Board, Place
from cotyledon_core.process.channel import PipeWriter, SocketWriter, tell
from cotyledon_core.process.multiprocessing_child import ChildIdentity
from cotyledon_core.worker import ending
from cotyledon_core.worker.assignment import SealedAssignment
from cotyledon_core.worker.lifecycle import Worker
from cotyledon_core.worker.manager_link import ManagerLink


def forked(
    worker: Worker,
    identity: ChildIdentity,
    null_device: int,
    report: int | None,
    stderr: int | None,
) -> NoReturn:
    """A forked child begins, with signals held back.

    :param identity: what it is in multiprocessing's eyes.
    :param null_device: what standard input becomes.
    :param report: a pipe that reports a failed execution of a program.
    :param stderr: a pipe that standard error becomes, if that is captured.
    """
    try:
        # the manager's exit callbacks are not this process's
        atexit._clear()
        os.dup2(null_device, 0)
        os.close(null_device)
        if stderr is not None:
            os.dup2(stderr, 2)
            os.close(stderr)
        identity.assume()
        worker.signals.inherit()
        worker.live(report)
    finally:
        os._exit(1)


def spawned(
    sealed: SealedAssignment,
    channel: Any,
    signals_held: bool,
    place: tuple[Any, int, int] | None,
    stderr: Any,
) -> None:
    """A process that multiprocessing made begins.

    :param channel: a socket or connection that the manager listens to.
    :param signals_held: whether the process began with signals held back.
    :param place: the board's file, the number of the place on it, and the
        signal that asks for the stacks.
    :param stderr: the connection that standard error becomes, if that is captured.
    """
    if stderr is not None:
        os.dup2(stderr.fileno(), 2)
        stderr.close()
    is_socket = hasattr(channel, "sendall")
    writer = SocketWriter(channel) if is_socket else PipeWriter(channel.fileno())
    try:
        assignment = sealed.open()
    except BaseException as error:
        tell(writer, os.getpid(), f"X_ERROR={shown(error)}")
        ending.log_exception(f"start of {sealed.worker_name}", error)
        ending.end(1)
    worker = Worker(assignment, ManagerLink(writer, _place(place)))
    worker.signals.install()
    worker.live(signals_held=signals_held)


def _place(place: tuple[Any, int, int] | None) -> Place:
    if place is None:
        return NOWHERE
    file, number, dump_signal = place
    # the connection is the caller's, and would close the descriptor with itself
    board = Board(dump_signal, os.dup(file.fileno()))
    board.open()
    return Place(board, number)

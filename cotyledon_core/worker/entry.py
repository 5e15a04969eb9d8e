"""Where a new process becomes a worker."""

from __future__ import annotations

import os
from atexit import _clear as clear_exit_callbacks
from collections.abc import Callable, Sequence
from gc import freeze
from os import _exit, close, dup2, getpid
from typing import Any, NoReturn

from cotyledon_core.exceptions import shown
from cotyledon_core.process.board import NOWHERE, Board, Place
from cotyledon_core.process.channel import PipeWriter, SocketWriter, tell
from cotyledon_core.process.standard_streams import forget_unwritten
from cotyledon_core.worker import ending
from cotyledon_core.worker.assignment import SealedAssignment
from cotyledon_core.worker.lifecycle import Worker
from cotyledon_core.worker.manager_link import ManagerLink


def forked(
    enter_roll: Callable[[int], None],
    written: bool,
    assume_identity: Callable[[], None],
    inherit_signals: Callable[[], None],
    live: Callable[[int, int | None], None],
    null_device: int,
    report: int | None = None,
    stderr: int | None = None,
) -> NoReturn:
    """A forked child begins, with signals held back.

    It gets the very methods that it calls: to find them is more to touch.

    :param enter_roll: puts a pid on the roll.
    :param written: whether all that the manager has printed is.
    :param assume_identity: makes it what it is in multiprocessing's eyes.
    :param inherit_signals: begins to note signals.
    :param live: is the worker, from then on.
    :param null_device: what standard input becomes.
    :param report: a pipe that reports a failed execution of a program.
    :param stderr: a pipe that standard error becomes, if that is captured.
    """
    try:
        pid = getpid()
        # first: the manager may be killed before it could
        enter_roll(pid)
        # what the manager has made stays: collections would copy the memory of all of it
        freeze()
        # the manager's exit callbacks are not this process's
        clear_exit_callbacks()
        if not written:
            forget_unwritten()
        dup2(null_device, 0)
        close(null_device)
        if stderr is not None:
            dup2(stderr, 2)
            close(stderr)
        assume_identity()
        inherit_signals()
        live(pid, report)
    finally:
        _exit(1)


def spawned(
    sealed: SealedAssignment,
    channel: Any,
    signals_held: bool,
    place: tuple[Any, int, int] | None,
    stderr: Any,
    sockets: Sequence[tuple[str, Any]] = (),
) -> None:
    """A process that multiprocessing made begins.

    :param channel: a socket or connection that the manager listens to.
    :param signals_held: whether the process began with signals held back.
    :param place: the board's file, the number of the place on it, and the
        signal that asks for the stacks.
    :param stderr: the connection that standard error becomes, if that is captured.
    :param sockets: the listening sockets that the worker is given, and their names.
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
    given = [(name, _kept(each)) for name, each in sockets]
    worker = Worker(assignment, ManagerLink(writer, _place(place), given))
    worker.signals.install()
    worker.live(os.getpid(), signals_held=signals_held)


def _kept(socket: Any) -> int:
    """The descriptor of a socket that has travelled; programs do not inherit it."""
    socket.set_inheritable(False)
    descriptor: int = socket.detach()
    return descriptor


def _place(place: tuple[Any, int, int] | None) -> Place:
    if place is None:
        return NOWHERE
    file, number, dump_signal = place
    # the connection is the caller's, and would close the descriptor with itself
    board = Board(dump_signal, os.dup(file.fileno()))
    board.open()
    seat = Place(board, number)
    seat.settle()
    return seat

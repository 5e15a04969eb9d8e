"""Starting worker processes: by a plain fork, or through a multiprocessing context.

The fork is direct: ``multiprocessing.Process.start`` looks at every child each
time. Signals are held back over every start, so that none is lost in the child
and none that is meant for it reaches the manager; the child lets them through
when its own handlers stand.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn, Protocol

from cotyledon_core.exceptions import WorkerStartError
from cotyledon_core.log import Log
from cotyledon_core.process import contexts, signals
from cotyledon_core.process.board import NOWHERE, Board, Place
from cotyledon_core.process.captured_stderr import CapturedStderr
from cotyledon_core.process.channel import Channel
from cotyledon_core.process.child import Child, WatchedChild
from cotyledon_core.process.descriptors import close_private, lent, private_pipe
from cotyledon_core.process.multiprocessing_child import ChildIdentity
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.standard_streams import flush_before_fork
from cotyledon_core.worker import entry
from cotyledon_core.worker.assignment import Assignment, SealedAssignment
from cotyledon_core.worker.lifecycle import Worker
from cotyledon_core.worker.manager_link import ManagerLink

LOG = Log("cotyledon_core")

FORKS_AT_ONCE = 64
"""After the last of them, what the manager writes to is copied once."""
STARTS_AT_ONCE = 4
"""By a context; each takes milliseconds."""

WAITED_FOR = hasattr(os, "waitid") and hasattr(os, "fork")
"""Whether children of ours are reaped by :mod:`cotyledon_core.process.reaper`."""


class Start(NamedTuple):
    """A worker that is to be started."""

    assignment: Assignment
    executes: bool
    """Whether an external program may take over the process."""
    captures: bool = False
    """Whether the manager reads the worker's standard error."""
    sockets: Sequence[tuple[str, int]] = ()
    """Names and descriptors of the listening sockets that the worker is given."""


class Spawner(Protocol):
    """What the runtime needs of a start method."""

    most_starts: int
    """How many starts take so little time together that a stop can wait for them."""

    def spawn(self, starts: Sequence[Start]) -> list[Child | WorkerStartError]:
        """Start workers; an error stands for one that cannot be started.

        That is, the system refuses, or something cannot travel to the process.
        """
        ...

    def close(self) -> None:
        """Let go of everything."""


@contextlib.contextmanager
def _told_of_threads() -> Iterator[None]:
    """Python's own warning of a fork with threads is given once, with the remedy."""
    global _told
    if _thread._count() > 0 and not _told:
        _told = True
        LOG.warning(
            "the application runs threads while workers are forked, which may leave locks "
            "held in them: start the threads in the workers, or use the start method "
            "forkserver or spawn"
        )
    if sys.version_info < (3, 12):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


_told = False


class Birth:
    """A worker that is ready to be forked, and then its process.

    :param begin: what the child calls, with the writing ends of ``report`` and ``stderr``.
    """

    def __init__(
        self,
        start: Start,
        place: Place,
        roll_slot: int | None,
        begin: Callable[..., NoReturn],
    ) -> None:
        self.start = start
        self.place = place
        self.roll_slot = roll_slot
        self.begin = begin
        self.piped = start.executes or start.captures
        self.lent = [descriptor for _, descriptor in start.sockets]
        self.pid = 0
        self.report: int | None = None
        self.stderr: int | None = None
        self.error: OSError | None = None


class ForkSpawner:
    """Starts workers by a fork."""

    most_starts = FORKS_AT_ONCE

    def __init__(
        self, channel: Channel, board: Board, roll: Roll, before: Callable[[], None]
    ) -> None:
        self._channel = channel
        self._before = before
        self._board = board
        self._roll = roll
        self._null_device = os.open(os.devnull, os.O_RDONLY)

    def spawn(self, starts: Sequence[Start]) -> list[Child | WorkerStartError]:
        # after each fork, every page that the manager writes to is copied once:
        # so as little as possible is done between one and the next
        written = flush_before_fork()
        births = [self._prepare(start, written) for start in starts]
        self._before()
        with signals.blocked(), _told_of_threads(), self._board.lending():
            for birth in births:
                self._board.lend(birth.place)
                begin = birth.begin
                try:
                    if birth.piped or birth.lent:
                        _fork_with_more(birth)
                    else:
                        birth.pid = os.fork() or begin()
                except OSError as error:
                    birth.error = error
        return [self._child(birth) for birth in births]

    def _prepare(self, start: Start, written: bool) -> Birth:
        assignment, writer = start.assignment, self._channel.writer
        place = NOWHERE if start.executes else self._board.take()
        slot = self._roll.reserve()
        worker = Worker(assignment, ManagerLink(writer, place, start.sockets), self._roll)
        worker.signals.prepare()
        begin = partial(
            entry.forked,
            self._roll.entrance(slot),
            written,
            ChildIdentity(assignment.worker_name, writer.fileno()).assume,
            worker.signals.inherit,
            worker.live,
            self._null_device,
        )
        return Birth(start, place, slot, begin)

    def _child(self, birth: Birth) -> Child | WorkerStartError:
        if birth.error is not None:
            birth.place.give_back()
            self._roll.release(birth.roll_slot)
            return WorkerStartError(f"cannot fork: {birth.error}")
        return Child(
            birth.pid,
            report=birth.report,
            place=birth.place,
            stderr=_captured(birth.start.assignment, birth.stderr),
            roll_slot=birth.roll_slot,
        )

    def close(self) -> None:
        os.close(self._null_device)


def _fork_with_more(birth: Birth) -> None:
    """Fork one that gets pipes to the manager, or sockets."""
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs, lent(*birth.lent):
        report, their_report = _pipe(ours, theirs) if birth.start.executes else (None, None)
        stderr, their_stderr = _pipe(ours, theirs) if birth.start.captures else (None, None)
        birth.pid = os.fork() or birth.begin(their_report, their_stderr)
        birth.report, birth.stderr = report, stderr
        ours.pop_all()


class ContextSpawner:
    """Starts workers through a multiprocessing context (spawn, forkserver)."""

    most_starts = STARTS_AT_ONCE

    def __init__(
        self, context: Any, channel: Channel, board: Board, before: Callable[[], None]
    ) -> None:
        self._context = context
        self._before = before
        self._board = board
        self._served = context.get_start_method() == "forkserver"
        self._waited_for = WAITED_FOR and not self._served
        self._copies: list[Any] = []
        self._channel: Any = channel.socket
        if self._channel is None:
            self._channel = _connection(channel.writer.fileno(), readable=False)
            self._copies.append(self._channel)
        self._file: Any = None
        if board.descriptor >= 0:
            self._file = _connection(board.descriptor, readable=True)
            self._copies.append(self._file)

    def spawn(self, starts: Sequence[Start]) -> list[Child | WorkerStartError]:
        self._before()
        return [self._try(start) for start in starts]

    def _try(self, start: Start) -> Child | WorkerStartError:
        assignment = start.assignment
        place = NOWHERE if start.executes else self._board.take()
        try:
            with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
                stderr, writer = _pipe(ours, theirs) if start.captures else (None, None)
                end = writer and theirs.enter_context(_connection(writer, readable=False))
                sockets = [(name, theirs.enter_context(_copy(fd))) for name, fd in start.sockets]
                child = self._start(assignment, place, end, sockets)
                ours.pop_all()
            child.stderr = _captured(assignment, stderr)
            return child
        except Exception as error:
            place.give_back()
            own = isinstance(error, WorkerStartError)
            return WorkerStartError(
                f"cannot start a worker of service {assignment.service_name} by "
                f"{self._context.get_start_method()}: "
                f"{error if own else f'{type(error).__name__}: {error}'}"
            )

    def _start(self, assignment: Assignment, place: Place, stderr: Any, sockets: Any) -> Child:
        process = self._context.Process(
            target=entry.spawned,
            args=(
                SealedAssignment(assignment),
                self._channel,
                False,
                self._seat(place),
                stderr,
                sockets,
            ),
            name=assignment.worker_name,
        )
        self._start_helpers()
        with signals.blocked(), _importable_main():
            process.start()
        _forget(process)
        child: Child
        if self._waited_for:
            child = Child(process.pid, process=process, place=place)
        else:
            child = WatchedChild(process, place, served=self._served)
        # it has no handlers before its interpreter has started
        child.listening = False
        return child

    def _seat(self, place: Place) -> tuple[Any, int, int] | None:
        """The place as it travels; None where nothing can be left."""
        if place is NOWHERE or self._file is None:
            return None
        return self._file, place.number, place.dump_signal

    def _start_helpers(self) -> None:
        """Before signals are held back: a fork server that never sees SIGCHLD reaps nobody."""
        if os.name != "posix":
            return
        from multiprocessing import forkserver, resource_tracker

        if self._served:
            forkserver.ensure_running()
        else:
            resource_tracker.ensure_running()

    def close(self) -> None:
        """Sockets are their owner's; connections are copies of ours."""
        for end in self._copies:
            end.close()


@contextlib.contextmanager
def _importable_main() -> Iterator[None]:
    """Keep children from importing a ``__main__`` that is in no file, as from standard input."""
    main = sys.modules["__main__"]
    if not _is_in_no_file(main):
        yield
        return
    path = main.__file__
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = path


def _is_in_no_file(main: Any) -> bool:
    from multiprocessing import process

    if main.__spec__ is not None or not getattr(main, "__file__", None):
        return False
    # where multiprocessing looks, too
    return not os.path.exists(os.path.join(process.ORIGINAL_DIR, main.__file__))  # type: ignore[attr-defined]


def _forget(process: Any) -> None:
    """Keep multiprocessing from polling the process at every start of another."""
    from multiprocessing import process as module

    children: set[Any] = module._children  # type: ignore[attr-defined]
    children.discard(process)


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe from a child; the stacks close our end and the child's."""
    reader, writer = private_pipe()
    ours.callback(close_private, reader)
    theirs.callback(os.close, writer)
    return reader, writer


def _captured(assignment: Assignment, stderr: int | None) -> CapturedStderr | None:
    return None if stderr is None else CapturedStderr(assignment.worker_name, stderr)


def _connection(descriptor: int, *, readable: bool) -> Any:
    """What multiprocessing can hand to a new process."""
    from multiprocessing.connection import Connection

    return Connection(os.dup(descriptor), readable=readable, writable=not readable)


def _copy(descriptor: int) -> Any:
    """A socket that multiprocessing can hand to a new process."""
    import socket

    return socket.socket(fileno=os.dup(descriptor))


def make(
    context: Any, channel: Channel, board: Board, roll: Roll, before: Callable[[], None]
) -> Spawner:
    """The spawner for a multiprocessing context.

    :param before: called each time, right before the first worker of the call is started.
    """
    if contexts.is_fork(context):
        return ForkSpawner(channel, board, roll, before)
    return ContextSpawner(context, channel, board, before)

"""Signals, as a set of what is pending and a descriptor that becomes readable.

A handler only notes the signal's number: the set cannot lose one, whatever the
state of the wake-up descriptor is, which only wakes the loop. A signal that
arrives twice before it is taken is taken once, as the kernel does.

A service may close all descriptors that it finds, and open others under their
numbers. Then the handler itself ends a worker's wait, which needs none. Its
event loop may put its own wake-up descriptor in place of ours, too; that one
then gets what it is to get from ours.

Every worker passes here right after its fork, when each page of memory that it
touches has to be copied. So the handler is one function for all, which a
forked worker finds installed, and signals are handled by the interpreter's
plain functions, without the conversions of :mod:`signal`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import atexit
import contextlib
import os
import signal
from _thread import get_ident as _this_thread
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from cotyledon_core.process.descriptors import forget_private, keep_private
from cotyledon_core.process.wakeup import (
    Descriptors,
    Forwarding,
    Wakeup,
    identity,
    make_pipe,
    peekable,
    pipe,
)

_set_handler, _set_wakeup_fd = _signal.signal, _signal.set_wakeup_fd
_change_mask: Any = getattr(_signal, "pthread_sigmask", None)
_send_to_thread: Any = getattr(_signal, "pthread_kill", None)
_SIG_UNBLOCK = getattr(_signal, "SIG_UNBLOCK", None)
"""At hand: a way through modules' attributes is more to touch."""

SIGTERM: int = int(signal.SIGTERM)
SIGINT: int = int(signal.SIGINT)


def _number(name: str) -> int | None:
    number = getattr(signal, name, None)
    return None if number is None else int(number)


SIGHUP = _number("SIGHUP")
SIGALRM = _number("SIGALRM")
SIGCHLD = _number("SIGCHLD")
SIGTTIN = _number("SIGTTIN")
SIGTTOU = _number("SIGTTOU")
SIGURG = _number("SIGURG")
"""Tells a worker that there is a note on the board. Whoever has no handler for it is not harmed."""


def _or_default(handler: Any) -> Any:
    """None is a handler that was not installed from Python."""
    return _signal.SIG_DFL if handler is None else handler


def existing(*numbers: int | None) -> list[int]:
    """Those of the signals that this platform has."""
    return [int(number) for number in numbers if number is not None]


STOPPING = existing(SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGCHLD)
"""What must not arrive between a fork and the child's own handlers."""
_HELD_BACK = [*STOPPING, *existing(SIGURG)]


def for_notes() -> int | None:
    """SIGURG, unless the application has a use of its own for it."""
    free = SIGURG is not None and _signal.getsignal(SIGURG) in (_signal.SIG_DFL, _note)
    return SIGURG if free else None


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """Hold back the signals; the children made meanwhile start with them held back."""
    if _change_mask is None:
        yield
        return
    before = _change_mask(_signal.SIG_BLOCK, _HELD_BACK)
    try:
        yield
    finally:
        _change_mask(_signal.SIG_SETMASK, before)


def _nothing_is_held() -> None:
    """Where there is no mask."""


unblock: Callable[[], object] = _nothing_is_held
"""Let the signals through that :func:`blocked` holds back."""
if _change_mask is not None:
    unblock = partial(_change_mask, _SIG_UNBLOCK, _HELD_BACK)


_noting: Signals | None = None


def _note(number: int, frame: Any) -> None:
    noting = _noting
    if noting is None:
        return
    if number in noting.own:
        # A terminal sends it for an attempt to write, which is made again as long as it is caught.
        _set_handler(number, _signal.SIG_IGN)
    noting.note(number)
    # Anything else must go on: the handler of another signal may just be about to note it.
    waiting = noting.waiting
    if waiting is not None and noting.lost() and frame is not None and frame.f_code is waiting:
        noting.waiting = None
        raise Interrupted


def _changes(watched: Iterable[int]) -> list[tuple[int, Any]]:
    """The handlers that a child of this process lacks."""
    lacking = [(number, _note) for number in watched if _signal.getsignal(number) is not _note]
    if SIGCHLD is not None and SIGCHLD not in watched:
        lacking.append((SIGCHLD, _signal.SIG_DFL))
    if _noting is not None:
        lacking += _noting.own.items()
    return lacking


def go_on() -> None:
    """After an :exc:`Interrupted`: have the handlers called of signals that came with that one."""
    if _send_to_thread is not None:
        # otherwise they are with the next
        _send_to_thread(_this_thread(), 0)


def disown() -> None:
    """In a forked child that notes no signals: handle what its parent has for itself as before."""
    if _noting is not None:
        for number, handler in _noting.own.items():
            _set_handler(number, handler)


def keep_exit_status() -> None:
    """Have a stop that comes while the interpreter ends change nothing."""
    atexit.unregister(_ignore_stops)
    atexit.register(_ignore_stops)


def _ignore_stops() -> None:
    # a handler would not do: the interpreter takes those away at its end
    for number in existing(SIGTERM, SIGHUP):
        if _signal.getsignal(number) == _signal.SIG_DFL:
            _set_handler(number, _signal.SIG_IGN)


class Interrupted(BaseException):
    """Raised by the handler to end a wait that has no descriptor."""


class Signals:
    """Notes signals; one at a time in a process.

    :param watched: the signals to note.
    :param urgent: called from the handler for each signal, for what cannot wait;
        None if nothing is.
    :param private: children that this process forks do not keep the
        descriptor, and another process may look into it.
    """

    def __init__(
        self,
        watched: Iterable[int],
        urgent: Callable[[int], None] | None = None,
        *,
        private: bool = False,
    ) -> None:
        self._watched = tuple(watched)
        self.urgent = urgent
        self._private = private
        self._pending: set[int] = set()
        self.waiting: Any = None
        """The code of the function that waits just now, in the main thread, if one does.

        A signal raises :exc:`Interrupted` there if the descriptor is lost.
        """
        self.reader = -1
        """What becomes readable; -1 while there is nothing."""
        self._reader_identity: tuple[int, ...] | None = None
        """What is open there, where that can be told."""
        self._before: Signals | None = None
        self._previous: dict[int, Any] = {}
        self.own: dict[int, Any] = {}
        """What children that this process forks do not note: the handlers they have instead."""
        self._previous_wakeup = -1
        self._wakeup: Wakeup | None = None
        self._changes: list[tuple[int, Any]] = []

    def install(self) -> None:
        """Begin to note the signals. Main thread only."""
        global _noting
        self._before, _noting = _noting, self
        for number in self._watched:
            self._previous[number] = _signal.signal(number, _note)

    def add_own(self, *numbers: int) -> None:
        """Note these, too; children handle them as before. Main thread only.

        One that has arrived is ignored until it is taken.
        """
        for number in numbers:
            before = _signal.signal(number, _note)
            self._previous[number] = self.own[number] = _or_default(before)

    def prepare(self) -> None:
        """Get ready for :meth:`inherit`, in the process that is going to be forked."""
        self._changes = _changes(self._watched)
        self._wakeup = Descriptors(-1, -1)

    def inherit(self) -> None:
        """Begin to note the signals, and make the descriptor, in a forked child.

        Its parent notes its own and has prepared this.
        """
        global _noting
        _noting = self
        for number, handler in self._changes:
            _set_handler(number, handler)
        wakeup = self._wakeup
        assert wakeup is not None
        wakeup.reader, wakeup.writer = self.reader, writer = make_pipe()
        self._reader_identity = identity(self.reader)
        _set_wakeup_fd(writer, warn_on_full_buffer=False)

    def open(self) -> None:
        """Make the descriptor that becomes readable with a signal or a :meth:`wake`."""
        wakeup = peekable() if self._private else pipe()
        self._previous_wakeup = self._take_up(wakeup)
        if self._private:
            keep_private(wakeup.reader, wakeup.writer)

    def _take_up(self, wakeup: Wakeup) -> int:
        self._wakeup = wakeup
        self.reader = wakeup.reader
        if os.name == "posix":
            self._reader_identity = identity(self.reader)
        previous: int = _set_wakeup_fd(wakeup.writer, warn_on_full_buffer=False)
        return previous

    def lost(self) -> bool:
        """Whether it was closed behind our back; its number may be another's."""
        if self._reader_identity is None:
            return False
        try:
            return identity(self.reader) != self._reader_identity
        except OSError:
            return True

    def take_back(self) -> None:
        """Become readable again, if foreign code in the main thread has had another do so.

        Such as an event loop that handles signals, which goes on to be woken by them.
        """
        wakeup = self._wakeup
        if not isinstance(wakeup, Descriptors) or self.lost():
            return
        found = _set_wakeup_fd(wakeup.writer, warn_on_full_buffer=False)
        if found == wakeup.writer:
            return
        if found >= 0:
            self._wakeup = Forwarding(wakeup, found)
        # for what has arrived meanwhile
        self.wake()

    def reopen(self) -> None:
        """Make it anew, where it is in nobody's way."""
        self._take_up(pipe(above_standard=True))

    def note(self, number: int) -> None:
        """The signal has arrived, or it is as if it had."""
        self._pending.add(number)
        if self.urgent is not None:
            self.urgent(number)

    def post(self, number: int) -> None:
        """As if the signal had arrived; from any thread."""
        self.note(number)
        self.wake()

    def wake(self) -> None:
        """Make the descriptor readable; from any thread."""
        if self._wakeup is not None:
            self._wakeup.wake()

    def take(self) -> set[int]:
        """What has arrived since the last call."""
        if self._wakeup is not None:
            self._wakeup.drain()
        taken: set[int] = set()
        while self._pending:
            taken.add(self._pending.pop())
        if self.own:
            for number in taken & self.own.keys():
                _set_handler(number, _note)
        return taken

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until a signal is pending; without the descriptor."""
        if hasattr(signal, "sigtimedwait"):
            with blocked():
                stop = self.is_pending(*existing(SIGTERM, SIGINT, SIGALRM))
                arrived = None if stop else signal.sigtimedwait(self._watched, seconds)
            if arrived is not None:
                self.note(arrived.si_signo)

    def is_pending(self, *numbers: int) -> bool:
        """Whether one of them has arrived and has not been taken."""
        return not self._pending.isdisjoint(numbers)

    def restore(self) -> None:
        """Put back the handlers and the wake-up descriptor that were there before."""
        global _noting
        for number, handler in self._previous.items():
            _signal.signal(number, _or_default(handler))
        self._previous.clear()
        self.own.clear()
        _noting, self._before = self._before, None
        self.close()

    def close(self) -> None:
        """Close the descriptor; signals are noted all the same."""
        if self._wakeup is None:
            return
        _set_wakeup_fd(self._previous_wakeup)
        forget_private(self._wakeup.reader, self._wakeup.writer)
        self._wakeup.close()
        self._wakeup = None
        self.reader = -1

"""What workers leave for the manager to look at: heartbeats, and their stacks.

And a note of the manager's that all workers can read, which it signals when it has changed.

Each worker has a place, with a stamp for its heartbeat and room for its stacks.
The stamps are in memory that forked workers share: a heartbeat costs its worker
a write, and the manager nothing. The stacks of a worker's threads are written
by :mod:`faulthandler`, in a signal handler that needs neither the interpreter
nor its lock. It is installed in the manager, so that a forked worker has it
from its first moment on.

faulthandler writes to a descriptor. It is that of a file in memory, and has the
same number in all workers; under it the file is opened anew for each, which
gives it a position of its own. For a worker that is forked the manager does it
before the fork, where it costs less; any other does it itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import struct
from collections.abc import Iterator

from cotyledon_core.process.descriptors import close_private, keep_private
from cotyledon_core.process.stamps import CAPACITY, Stamps

DUMP_ROOM = 4 * 1024 * 1024
"""Bytes for the stacks of each worker; memory is taken only when they are written."""
DUMP_SHOWN = 48 * 1024
"""Characters of stacks that are told; so many reach any log and notifier."""
_NOTE_AT = CAPACITY * DUMP_ROOM
NOTE_ROOM = 64 * 1024
"""Bytes of the note."""
_NOTE_HEAD = struct.Struct("<II")
_STRAY = _NOTE_AT + DUMP_ROOM
"""Where those write who have no place."""
_ENDLESS = -1.0
_NONE = -2.0


class Board:
    """See the module's description.

    :param dump_signal: asks a worker for its stacks; 0 asks nobody.
    :param descriptor: of the file, in a process that was not forked from the
        manager; the stamps cannot be had there.
    """

    def __init__(self, dump_signal: int, descriptor: int | None = None) -> None:
        self.stamps = Stamps() if descriptor is None else None
        self.descriptor = _memory_file() if descriptor is None else descriptor
        self.dump_signal = dump_signal if self.descriptor >= 0 and _is_free(dump_signal) else 0
        self._path = b"/proc/self/fd/%d" % self.descriptor
        self._base = -1
        """The file as the manager has it, while workers have it under the descriptor."""
        self._catches_errors = False
        self.noted = descriptor is not None
        """Whether a process that begins now has to read the note."""
        self._free: list[int] = []
        self._used = 0

    def open(self) -> None:
        """Take up the signal; workers that are forked from now on have it, too.

        As they have faulthandler's handlers for fatal errors, which write here
        unless the application has them already.
        """
        if self.stamps is not None and self.descriptor >= 0:
            # what other processes than workers write is nobody's
            os.lseek(self.descriptor, _STRAY, os.SEEK_SET)
            self._base = os.dup(self.descriptor)
            keep_private(self._base)
        self._catch_errors()
        if self.dump_signal:
            import faulthandler

            faulthandler.register(self.dump_signal, file=self.descriptor, all_threads=True)

    def _catch_errors(self) -> None:
        import faulthandler

        if self.descriptor >= 0 and not faulthandler.is_enabled():
            faulthandler.enable(file=self.descriptor)
            self._catches_errors = True

    def let_errors_be(self) -> None:
        """What is written at fatal errors does not go here any more."""
        if self._catches_errors:
            import faulthandler

            faulthandler.disable()
            self._catches_errors = False

    def take(self) -> Place:
        """A place for a new worker."""
        if self._free:
            return Place(self, self._free.pop())
        if self._used == CAPACITY:
            return NOWHERE
        self._used += 1
        if self.stamps is not None:
            self.stamps.set_used(self._used)
        return Place(self, self._used - 1)

    def give_back(self, number: int) -> None:
        """The worker has ended."""
        self._free.append(number)

    @contextlib.contextmanager
    def lending(self) -> Iterator[None]:
        """Workers are forked, each after :meth:`lend`."""
        try:
            yield
        finally:
            self._take_back()

    def lend(self, place: Place) -> None:
        """What this process, or a child that is forked now, writes goes to this place."""
        try:
            own = os.open(self._path, os.O_RDWR) if place.board is not None else -1
        except OSError:
            own = -1
        if own < 0:
            # it is written where others write theirs, too
            self._take_back()
            return
        os.lseek(own, place.position, os.SEEK_SET)
        os.dup2(own, self.descriptor, False)
        os.close(own)

    def _take_back(self) -> None:
        if self._base >= 0:
            os.dup2(self._base, self.descriptor, inheritable=False)

    def write_note(self, note: bytes) -> None:
        """Replace the note, of at most ``NOTE_ROOM`` bytes.

        :raises OSError: if there is no memory for it.
        """
        from binascii import crc32

        head = _NOTE_HEAD.pack(len(note), crc32(note))
        os.pwrite(self.descriptor, head + note, _NOTE_AT)

    def read_note(self) -> bytes:
        """The note; empty if there never was one.

        :raises OSError: if it cannot be read.
        :raises ValueError: if it is just being written.
        """
        from binascii import crc32

        head = os.pread(self.descriptor, _NOTE_HEAD.size, _NOTE_AT)
        if len(head) < _NOTE_HEAD.size:
            return b""
        size, checksum = _NOTE_HEAD.unpack(head)
        note = os.pread(self.descriptor, min(size, NOTE_ROOM), _NOTE_AT + _NOTE_HEAD.size)
        if crc32(note) != checksum:
            raise ValueError("a torn note")
        return note

    def close(self) -> None:
        self.let_errors_be()
        if self._base >= 0:
            close_private(self._base)
        if self.dump_signal:
            import faulthandler

            faulthandler.unregister(self.dump_signal)
        if self.stamps is not None:
            self.stamps.close()
        if self.descriptor >= 0:
            os.close(self.descriptor)


class Place:
    """One worker's part of the board; one without a board holds nothing."""

    def __init__(self, board: Board | None, number: int) -> None:
        self.board = board
        self.number = number
        self.position = number * DUMP_ROOM

    @property
    def dump_signal(self) -> int:
        """What asks for the stacks; 0 if they cannot be had."""
        return 0 if self.board is None else self.board.dump_signal

    @property
    def noted(self) -> bool:
        """Whether a process that begins here has to read the note."""
        return self.board is not None and self.board.noted

    @property
    def stamps(self) -> Stamps | None:
        """Where this place has stamps; None if it has not."""
        return None if self.board is None else self.board.stamps

    # -- in the manager

    def last_beat(self) -> float:
        """Monotonic seconds; 0 if there was no heartbeat."""
        if self.board is None or self.board.stamps is None:
            return 0.0
        return self.board.stamps.last_beat(self.number)

    def work(self, now: float) -> tuple[float, int]:
        """How many seconds the worker has been busy, and with how many units."""
        return (0.0, 0) if self.stamps is None else self.stamps.work(self.number, now)

    def occupy(self, pid: int) -> None:
        """The place belongs to this process."""
        if self.board is not None and self.board.stamps is not None:
            self.board.stamps.occupy(self.number, pid)

    def set_grace(self, seconds: float | None) -> None:
        """The worker's configured grace period has changed; 0 waits without end.

        :param seconds: None if none is configured any more.
        """
        if self.board is not None and self.board.stamps is not None:
            mark = _NONE if seconds is None else seconds or _ENDLESS
            self.board.stamps.set_grace(self.number, mark)

    def take_dump(self) -> str:
        """The stacks that the worker has written, once; of very many the middle is left out."""
        if self.board is None or self.board.descriptor < 0:
            return ""
        try:
            written = self._take(self.board.descriptor)
        except OSError:
            return ""
        return _shortened(written.decode(errors="replace"))

    def _take(self, descriptor: int) -> bytes:
        """What is written here; the worker goes on behind it.

        :raises OSError: if nothing is written here or behind.
        """
        end = self.position + DUMP_ROOM
        try:
            first = os.lseek(descriptor, self.position, os.SEEK_DATA)
            hole = os.lseek(descriptor, first, os.SEEK_HOLE)
        finally:
            os.lseek(descriptor, _STRAY, os.SEEK_SET)
        if first >= end:
            return b""
        written = os.pread(descriptor, min(hole, end) - first, first)
        os.pwrite(descriptor, bytes(len(written)), first)
        return written.strip(b"\0")

    def give_back(self) -> None:
        """The worker has ended; what it left and was not read is lost."""
        if self.board is not None:
            if self.board.stamps is not None:
                self.board.stamps.clear(self.number)
            # a child of the worker may have left some, too
            self.take_dump()
            self.board.give_back(self.number)

    # -- in the worker

    def settle(self) -> None:
        """Have the stacks written here."""
        if self.board is not None:
            self.board.lend(self)

    def beat(self, now: float) -> bool:
        """Give a sign of life, at this monotonic time; False if it cannot be given here."""
        if self.board is None or self.board.stamps is None:
            return False
        self.board.stamps.beat(self.number, now)
        return True

    def grace(self, configured: float | None) -> float | None:
        """The worker's configured grace period in seconds; None if there is none.

        :param configured: at its start.
        """
        if self.board is None or self.board.stamps is None:
            return configured
        mark = self.board.stamps.grace(self.number)
        if mark == 0.0:
            return configured
        return {_ENDLESS: 0.0, _NONE: None}.get(mark, mark)

    def abandon(self) -> None:
        """The file is not ours any more; in the main thread.

        The signal would end the process, or write to whatever has the number.
        """
        if self.dump_signal:
            import faulthandler

            faulthandler.unregister(self.dump_signal)
            signal.signal(self.dump_signal, signal.SIG_IGN)
        if self.board is not None:
            self.board.let_errors_be()
        self.board = None

    def dump(self) -> None:
        """Write the stacks of all threads of this process."""
        if self.dump_signal:
            import faulthandler

            assert self.board is not None
            with contextlib.suppress(Exception):
                faulthandler.dump_traceback(self.board.descriptor, all_threads=True)


NOWHERE = Place(None, 0)


def default_signal() -> int:
    """SIGRTMIN+1, where there is one: USR1 and USR2 belong to applications."""
    return int(signal.SIGRTMIN) + 1 if hasattr(signal, "SIGRTMIN") else 0


def _is_free(number: int) -> bool:
    """Whether the signal is there and the application has no handler of its own for it."""
    import faulthandler

    if not number or not hasattr(faulthandler, "register"):
        return False
    return number < signal.NSIG and signal.getsignal(number) == signal.SIG_DFL


def _memory_file() -> int:
    """A descriptor of a file in memory; -1 where there is none."""
    if not hasattr(os, "memfd_create"):
        return -1
    try:
        return os.memfd_create("cotyledon board", os.MFD_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM, errno.EACCES):
            return -1
        raise


def _shortened(stacks: str) -> str:
    """Its beginning and its end, where the main thread is."""
    left_out = len(stacks) - DUMP_SHOWN
    if left_out <= 0:
        return stacks
    half = DUMP_SHOWN // 2
    return f"{stacks[:half]}\n... {left_out} characters are left out ...\n{stacks[-half:]}"

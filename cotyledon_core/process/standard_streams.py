"""What the manager has printed and not written yet is not its children's to write."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Iterator
from typing import Any

PENDING = 16 * 1024
"""Bytes that a text stream and the buffer below it keep back, at most."""
PAGE = 4096
PIPE_SIZE = 64 * 1024
"""Bytes that a pipe has room for, where the system does not tell."""


def flush_before_fork() -> bool:
    """Write it, where that cannot have the manager wait for a reader.

    :returns: whether all of it is written; if not, a child has to :func:`forget_unwritten`.
    """
    written = True
    for stream, descriptor in _streams():
        try:
            if _has_room(descriptor):
                stream.flush()
            else:
                written = False
        except (OSError, ValueError):
            written = False
    return written


def forget_unwritten() -> None:
    """In a child: what is in its copies of the buffers goes nowhere."""
    for stream, descriptor in _streams():
        kept, nowhere = os.dup(descriptor), os.open(os.devnull, os.O_WRONLY)
        inheritable = os.get_inheritable(descriptor)
        os.dup2(nowhere, descriptor)
        try:
            stream.flush()
        finally:
            os.dup2(kept, descriptor, inheritable)
            os.close(kept)
            os.close(nowhere)


def _streams() -> Iterator[tuple[Any, int]]:
    for stream in (sys.stdout, sys.stderr):
        try:
            yield stream, stream.fileno()
        except (AttributeError, OSError, ValueError):  # none, closed, or not a file's
            pass


def _has_room(descriptor: int) -> bool:
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not any(state == select.POLLOUT for _, state in poll.poll(0)):
        return False
    # a pipe is said to be writable with a single page free; a terminal's stream keeps back less
    # than a line, and a socket takes three quarters of its buffer
    return not stat.S_ISFIFO(os.fstat(descriptor).st_mode) or _free(descriptor) >= PENDING


def _free(pipe: int) -> int:
    """Bytes that can be written to it for certain.

    Two pages that follow each other hold more than one page's bytes: what would have had room in
    the first does not begin the second (pipe(7), pipe_write in the kernel).
    """
    import fcntl
    import struct
    import termios

    unread = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    size = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) if hasattr(fcntl, "F_GETPIPE_SZ") else PIPE_SIZE
    used = 2 * -(-unread // PAGE) + 1 if unread else 0
    return (size // PAGE - used) * PAGE

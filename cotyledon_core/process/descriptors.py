"""The manager's own descriptors: no process that it forks keeps them.

Whatever forks (a start of a worker, a hook of the application), the child
closes them before anything else runs. Descriptors that a worker is meant to
have are not kept here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from os import close
from signal import set_wakeup_fd

_own: set[int] = set()


def keep_private(*descriptors: int) -> None:
    """The descriptors are the manager's own from now on."""
    _own.update(descriptors)


def forget_private(*descriptors: int) -> None:
    """The descriptors are about to be closed by their owner."""
    _own.difference_update(descriptors)


def close_private(*descriptors: int) -> None:
    """Close descriptors that were the manager's own."""
    for descriptor in descriptors:
        _own.discard(descriptor)
        with contextlib.suppress(OSError):
            os.close(descriptor)


@contextlib.contextmanager
def lent(*descriptors: int) -> Iterator[None]:
    """What is forked meanwhile keeps these, though they are the manager's own."""
    forget_private(*descriptors)
    try:
        yield
    finally:
        keep_private(*descriptors)


def private_pipe() -> tuple[int, int]:
    """A pipe whose reading end is the manager's own, and does not block.

    The writing end is for a child, and is to be closed by the caller.
    """
    reader, writer = os.pipe()
    keep_private(reader)
    os.set_blocking(reader, False)
    return reader, writer


def _close_in_child() -> None:
    """Every worker passes here: what is called is at hand, and little is touched."""
    if not _own:
        return
    try:
        # the wake-up socket is among them; another may get its number
        set_wakeup_fd(-1)
    except ValueError:
        pass
    while _own:
        try:
            close(_own.pop())
        except OSError:
            pass


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


def fill_standard_descriptors() -> None:
    """Open the null device on 0, 1 and 2 where they are closed.

    Otherwise the next descriptor to be opened would take their place, and
    whatever is printed would go there.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)

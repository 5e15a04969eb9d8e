"""Ending what is left of the manager's processes.

Whom it concerns: the workers on the roll, wherever they moved themselves; what
descends from them; and, where the manager leads its session, everything in its
process group. A process in a session of its own is a daemon and is left alone,
unless it is a worker.

A pid is held by a pidfd (pidfd_open(2)) while it is waited for, so that no
signal reaches another process that got the same pid. Without pidfds (platforms
other than Linux) the workers are signalled by pid and nothing else is found.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable

from cotyledon_core.process import proctable

FOREVER = float("inf")
LONGEST_WAIT = 86400.0
"""Seconds; the system does not take any number."""


class Held:
    """Processes held by descriptors, so that their ends can be waited for."""

    def __init__(self) -> None:
        self._held: dict[int, int] = {}
        self._poll = select.poll()

    def hold(self, pids: Iterable[int]) -> None:
        """Hold those that exist and are not held yet."""
        known = set(self._held.values())
        for pid in pids:
            if pid in known or pid == os.getpid():
                continue
            with contextlib.suppress(OSError, AttributeError):
                descriptor = os.pidfd_open(pid)
                self._held[descriptor] = pid
                self._poll.register(descriptor, select.POLLIN)

    @property
    def pids(self) -> list[int]:
        return list(self._held.values())

    def wait(self, until: float) -> bool:
        """Wait until all have ended; False if monotonic time ``until`` comes first."""
        while self._held:
            timeout = until - time.monotonic()
            if timeout <= 0:
                return False
            milliseconds = int(min(timeout, LONGEST_WAIT) * 1000) + 1
            for descriptor, _ in self._poll.poll(milliseconds):
                self._drop(descriptor)
        return True

    def send(self, number: int) -> None:
        """Send a signal to all of them."""
        for descriptor in self._held:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(descriptor, number)

    def close(self) -> None:
        for descriptor in list(self._held):
            self._drop(descriptor)

    def _drop(self, descriptor: int) -> None:
        del self._held[descriptor]
        self._poll.unregister(descriptor)
        os.close(descriptor)


def below(roots: Iterable[int], session: int) -> list[int]:
    """What descends from ``roots`` and did not leave their sessions or ours."""
    table = proctable.entries()
    roots = set(roots)
    sessions = {session} | {entry.session for entry in table if entry.pid in roots}
    found = proctable.descendants(table, roots)
    return [entry.pid for entry in found if entry.session in sessions]


def group_members(group: int, since: int = 0) -> list[int]:
    """The members of a process group that were started at clock tick ``since`` or later."""
    return [entry.pid for entry in proctable.group_members(group) if entry.started >= since]


def see_off(held: Held, patience: float, margin: float = 1.0) -> None:
    """Wait ``patience`` seconds for the processes to end, then end them."""
    if not held.wait(time.monotonic() + patience):
        held.send(signal.SIGKILL)
        held.wait(time.monotonic() + margin)
    held.close()

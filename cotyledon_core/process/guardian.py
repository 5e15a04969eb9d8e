"""The guardian: a process that ends what the manager can no longer end.

It waits for the manager's death, which it sees as the end of its command pipe.
Workers then go by themselves, they see it at their channel; those that cannot, and what
is left in the manager's process group, are killed after the grace period. It
stays in the manager's session, so that the session's and the group's number
cannot be given to anybody else, but in a process group of its own.

From an accepted stop on, the manager itself is bound, too: if it lives when
the grace period and a margin are over, it is killed. Where the manager runs
foreign code (hooks, plugins), which may hold the interpreter's lock for ever,
it cannot even notice the stop; so the guardian then also looks at the
manager's wake-up socket, where the signal handler has left the signal's number.

It holds no descriptor but its own two: a kept listening port or standard
output would outlive the manager.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import NoReturn

from cotyledon_core.process import remnants, signals
from cotyledon_core.process.descriptors import close_private, keep_private
from cotyledon_core.process.roll import Roll

WATCH = b"w"
STOPPING = b"s"
DISMISS = b"q"
MANAGER_MARGIN = 1.5
"""Seconds beyond the grace period that a stopping manager has: its own timers come first."""
WORKER_MARGIN = 0.3
"""Seconds beyond the grace period that orphaned workers have, likewise."""
REAP_MARGIN = 1.0
"""Seconds that the kernel has for processes that were sent SIGKILL."""
DRAIN_PATIENCE = 1.0
"""Seconds that the log relay and the like have to finish, once the workers are gone."""


class Guardian:
    """The manager's side.

    :param pid: the guardian's process.
    """

    def __init__(self, pid: int, commands: int) -> None:
        self.pid = pid
        self._commands = commands

    def _say(self, command: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._commands, command)

    def watch_signals(self) -> None:
        """The manager runs foreign code from now on."""
        self._say(WATCH)

    def stop_accepted(self) -> None:
        """The roll says since when."""
        self._say(STOPPING)

    def let_go(self) -> None:
        """Close the manager's end, after the guardian's death."""
        close_private(self._commands)

    def dismiss(self) -> None:
        """End it; nothing is left to guard."""
        self._say(DISMISS)
        self.let_go()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def start(roll: Roll, wakeup: int, leads_session: bool) -> Guardian:
    """Fork the guardian.

    :param wakeup: the reading end of the manager's wake-up socket.
    :param leads_session: whether the manager's process group is its own.
    :raises OSError: if there is no room for another process.
    """
    manager = os.getpid()
    with contextlib.ExitStack() as opened:
        reader, commands = os.pipe()
        opened.callback(os.close, reader)
        opened.callback(os.close, commands)
        look = os.dup(wakeup)
        opened.callback(os.close, look)
        pid = os.fork()
        opened.pop_all()
    if pid == 0:
        _guard(manager, roll, reader, look, leads_session)
    os.close(reader)
    os.close(look)
    keep_private(commands)
    os.set_blocking(commands, False)
    return Guardian(pid, commands)


def _guard(manager: int, roll: Roll, reader: int, look: int, leads_session: bool) -> NoReturn:
    try:
        group, session = os.getpgrp(), os.getsid(0)
        os.setpgid(0, 0)
        _drop_everything_but(reader, look)
        until = _watch(roll, reader, look)
        if until is not None:
            _finish_off(manager, roll, group if leads_session else None, session, until)
    finally:
        os._exit(0)


def _drop_everything_but(*kept: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signals.disown()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    edge = -1
    for descriptor in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(edge + 1, descriptor)
        edge = descriptor
    _set_title()


def _set_title() -> None:
    from cotyledon_core.process import title

    title.set_title(f"{title.program_name()}: guardian")


def _watch(roll: Roll, reader: int, look: int) -> float | None:
    """Wait for the manager's death or a dismissal.

    Returns the moment by which the workers have to be gone, in monotonic
    seconds; None after a dismissal.
    """
    poll = select.epoll()
    poll.register(reader, select.EPOLLIN)
    while True:
        bound = _stop_bound(roll, look)
        remaining = bound - time.monotonic()
        if remaining <= 0:
            return bound
        ready = poll.poll(
            None if bound == remnants.FOREVER else min(remaining, remnants.LONGEST_WAIT)
        )
        if reader not in dict(ready):
            continue
        commands = os.read(reader, 4096)
        if not commands:
            return _grace_end(roll) + WORKER_MARGIN
        if DISMISS in commands:
            return None
        if WATCH in commands:
            poll.register(look, select.EPOLLIN | select.EPOLLET)


def _grace_end(roll: Roll) -> float:
    return roll.bound or (time.monotonic() + roll.grace if roll.grace else remnants.FOREVER)


def _stop_bound(roll: Roll, look: int) -> float:
    """When the manager has to be gone, if it was asked to go."""
    if not roll.bound:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(look)) as peeked:
            waiting = peeked.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            if signal.SIGINT in waiting:
                roll.end_by(time.monotonic())
            elif signal.SIGTERM in waiting:
                roll.accept_stop(time.monotonic())
    return roll.bound + MANAGER_MARGIN if roll.bound else remnants.FOREVER


def _finish_off(manager: int, roll: Roll, group: int | None, session: int, until: float) -> None:
    """The manager is dead, or has to be."""
    if os.getppid() == manager:
        os.kill(manager, signal.SIGKILL)
    held = remnants.Held()
    entered = roll.pids()
    held.hold(entered)
    held.hold(remnants.below(held.pids, session))
    if not held.wait(until):
        held.hold(remnants.below(held.pids, session))
        held.send(signal.SIGKILL)
        held.wait(time.monotonic() + REAP_MARGIN)
    if group is not None:
        held.hold(remnants.group_members(group))
    # one that was forked in the manager's last moment has entered itself meanwhile
    held.hold(set(roll.pids()).difference(entered))
    remnants.see_off(held, DRAIN_PATIENCE)

"""An external program takes over the worker's process.

The manager learns of it as :mod:`cotyledon_core.process.report` describes; a
worker that has no such pipe says that it is ready just before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from cotyledon_core import activation
from cotyledon_core.process.channel import PipeWriter, Writer, tell
from cotyledon_core.process.report import EXECUTING
from cotyledon_core.process.signals import STOPPING, Signals, blocked, existing, unblock
from cotyledon_core.program import Program
from cotyledon_core.worker import ending
from cotyledon_core.worker.assignment import Assignment
from cotyledon_core.worker.manager_link import ManagerLink

EXIT_STATUS = 127
"""Of a worker whose program cannot be executed, as in a shell."""
_PR_SET_PDEATHSIG = 1
_IGNORED_BY_PYTHON = existing(getattr(signal, "SIGPIPE", None), getattr(signal, "SIGXFSZ", None))


def become(
    program: Program,
    assignment: Assignment,
    link: ManagerLink,
    signals: Signals,
    report: int | None,
    notified: bool,
) -> NoReturn:
    """Execute the program in this process.

    :param notified: whether the program says itself when it is ready.
    """
    pid, channel = os.getpid(), link.channel
    tell(channel, pid, f"X_STOP_SIGNAL={int(program.stop_signal)}")
    tell(channel, pid, f"X_RELOAD_SIGNAL={int(program.reload_signal or 0)}")
    try:
        names = [name for name, _ in link.descriptors]
        environment = _environment(program, assignment, names)
        _apply(program)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        _release_signals(signals)
        if report is None:
            _keep_descriptors()
        if names:
            first = activation.FIRST + len(names)
            channel = PipeWriter(_moved(channel.fileno(), first))
            report = None if report is None else _moved(report, first)
            _put_in_place([_moved(descriptor, first) for _, descriptor in link.descriptors])
        if report is None:
            if not notified:
                _check_executable(program.argv[0], environment)
                tell(channel, pid, "READY=1")
        else:
            os.write(report, EXECUTING.encode())
        os.execvpe(program.argv[0], list(program.argv), environment)
    except (OSError, ValueError, LookupError) as error:
        _report(error, program, channel, report)
    os._exit(EXIT_STATUS)


def _check_executable(file: str, environment: dict[str, str]) -> None:
    """Readiness is not told for what cannot be executed, as far as that can be known before.

    :raises OSError: if there is no such file, or it may not be executed.
    """
    import shutil

    if shutil.which(file, path=environment.get("PATH")) is None:
        number = errno.EACCES if os.path.exists(file) else errno.ENOENT
        raise OSError(number, os.strerror(number))


def _keep_descriptors() -> None:
    """multiprocessing lets its own descriptors, and ours that it carried, survive an execution."""
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.set_inheritable(int(name), False)


def _moved(descriptor: int, first: int) -> int:
    """A copy with a number from ``first`` on, out of the way of what the program gets."""
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, first)


def _put_in_place(descriptors: Sequence[int]) -> None:
    """Give them the numbers by which a program finds what was passed to it."""
    for number, descriptor in enumerate(descriptors, activation.FIRST):
        os.dup2(descriptor, number, inheritable=True)


def _report(error: Exception, program: Program, channel: Writer, report: int | None) -> None:
    text = f"cannot execute {program.argv[0]!r}: {error}"
    if report is None:
        tell(channel, os.getpid(), f"X_START_ERROR={text}")
    else:
        os.write(report, text.encode(errors="replace")[:4000])


def _environment(
    program: Program, assignment: Assignment, sockets: Sequence[str]
) -> dict[str, str]:
    environment = dict(os.environ)
    if sockets:
        environment.update(activation.environment_for(sockets, os.getpid()))
    if assignment.notify_address is not None:
        environment["NOTIFY_SOCKET"] = assignment.notify_address
    if assignment.watchdog_timeout:
        # sd_watchdog_enabled(3)
        environment["WATCHDOG_USEC"] = str(int(assignment.watchdog_timeout * 1e6))
        environment["WATCHDOG_PID"] = str(os.getpid())
    environment.update(program.environment)
    return environment


def _apply(program: Program) -> None:
    """Limits first, while there is the right to set them; the directory as the user."""
    import resource

    die_with_manager = _tied_to_manager(program.stop_signal)
    for name, (soft, hard) in program.rlimits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (soft, hard))
    if program.umask is not None:
        os.umask(program.umask)
    _become_user(program)
    if program.directory is not None:
        os.chdir(program.directory)
    die_with_manager()


def _become_user(program: Program) -> None:
    import grp
    import pwd

    user, group = program.user, program.group
    account = None
    if user is not None:
        account = pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    if group is not None:
        gid = grp.getgrnam(group).gr_gid if isinstance(group, str) else group
    elif account is not None:
        gid = account.pw_gid
    else:
        return
    if account is not None:
        os.initgroups(account.pw_name, gid)
    os.setgid(gid)
    if account is not None:
        os.setuid(account.pw_uid)


def _tied_to_manager(number: int) -> Callable[[], None]:
    """What has the kernel send the stop signal when the manager dies (prctl(2)); Linux only.

    Called after the change of user, which undoes it; but what it needs is
    loaded before, while this user's files can be read.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    manager = os.getppid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != manager:
            os.kill(os.getpid(), number)

    return tie


def _release_signals(signals: Signals) -> None:
    """The program starts with default dispositions and nothing held back."""
    with blocked():
        if signal.SIGTERM in signals.take():
            ending.end(0)
        for number in (*STOPPING, *_IGNORED_BY_PYTHON):
            signal.signal(number, signal.SIG_DFL)
        signals.close()
    unblock()

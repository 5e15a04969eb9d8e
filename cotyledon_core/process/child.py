"""A worker process as the manager holds it: how it is signalled, and how its end is seen."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import Any

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process.board import NOWHERE, Place
from cotyledon_core.process.captured_stderr import CapturedStderr
from cotyledon_core.process.descriptors import close_private, forget_private, keep_private
from cotyledon_core.process.reaper import take


class Child:
    """A worker process as it was started; a child that is waited for.

    :param report: where an external program's failed execution is reported.
    :param process: multiprocessing's object for it.
    :param place: where it leaves what the manager looks at.
    :param stderr: its standard error, if that is captured.
    :param roll_slot: the one that it has taken on the roll.
    """

    def __init__(
        self,
        pid: int,
        report: int | None = None,
        process: Any = None,
        place: Place = NOWHERE,
        stderr: CapturedStderr | None = None,
        roll_slot: int | None = None,
    ) -> None:
        self.pid = pid
        self.stderr = stderr
        self.roll_slot = roll_slot
        self.place = place
        self.report = report
        self.awaited: int | None = None
        """What becomes readable with the process's end, if it is not waited for."""
        self.listening = True
        """Whether a signal finds its handler, or is held back until it does."""
        self._reported = b""
        self._process = process
        self._pidfd: int | None = None

    def send(self, number: int) -> None:
        """Send a signal; nothing happens if the process has ended."""
        try:
            if self._pidfd is not None:
                import signal

                signal.pidfd_send_signal(self._pidfd, number)
            elif sys.platform == "win32":
                self._process.terminate()
            else:
                os.kill(self.pid, number)
        except OSError:
            # gone, or a program that has become somebody we may not signal,
            # or wants no signal there is
            pass

    def read_report(self) -> bool:
        """Take in what was reported of an execution; whether that is all.

        See :mod:`cotyledon_core.process.report`.
        """
        try:
            data = os.read(self.report, 4096) if self.report is not None else b""
        except BlockingIOError:
            return False
        self._reported += data
        return not data

    @property
    def reported(self) -> str:
        """What was reported so far."""
        return self._reported.decode(errors="replace")

    def close_report(self) -> None:
        if self.report is not None:
            close_private(self.report)
            self.report = None

    def close(self) -> None:
        """Let go of everything, after the process's end."""
        self.place.give_back()
        self.close_report()
        if self.stderr is not None:
            self.stderr.close()
        if self._pidfd is not None:
            close_private(self._pidfd)
            self._pidfd = None


class WatchedChild(Child):
    """One that is not waited for: its end shows at a descriptor.

    The sentinel is readable when a fork server tells the status, but also when
    the fork server dies, which its workers survive. So the end itself is seen
    at a pidfd (pidfd_open(2)), where there is one.
    """

    def __init__(self, process: Any, place: Place, *, served: bool) -> None:
        """
        :param served: whether a fork server made it.
        """
        super().__init__(process.pid, process=process, place=place)
        self._served = served
        self.sentinel: int = process.sentinel
        self.awaited: int = self.sentinel
        with contextlib.suppress(OSError, AttributeError):
            self.awaited = self._pidfd = os.pidfd_open(self.pid)
        # of no use to siblings
        keep_private(self.sentinel, self.awaited)

    def status(self) -> ExitStatus | None:
        """How it ended, once ``awaited`` is readable; None if its fork server has yet to tell."""
        if self._served:
            # looked at once: the fork server may tell at any moment
            state = _state(self.sentinel)
            if state is None:
                return None
            if not state & select.POLLIN:
                # the fork server is gone; its children may have become ours
                ended = take(self.pid)
                return ExitStatus() if ended is None else ended.status
        exitcode = self._process.exitcode
        return None if exitcode is None else ExitStatus.from_exitcode(exitcode)

    def close(self) -> None:
        super().close()
        forget_private(self.sentinel)
        with contextlib.suppress(ValueError):
            self._process.close()


def _state(descriptor: int) -> int | None:
    """What poll(2) says of it: the end without ``POLLIN`` is one with nothing to read."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return dict(poll.poll(0)).get(descriptor)

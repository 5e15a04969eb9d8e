"""Keeps the helper processes alive: started when needed, restarted with back-off."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator

from cotyledon_core.log import Log
from cotyledon_core.process import remnants
from cotyledon_core.process.roll import Roll
from cotyledon_core.runtime.helper import Helper
from cotyledon_core.supervision.deadlines import Deadlines

FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
HEALTHY_AFTER = 10.0
RETIREMENT = 5.0
"""Seconds that a helper has to finish that is not needed any more."""
END_PATIENCE = 1.0
"""Seconds that the helpers have to finish when the manager ends."""

LOG = Log("cotyledon_core")


class Helpers:
    """The helpers that run, by pid, and those that wait for their restart."""

    def __init__(self, roll: Roll, selector: selectors.BaseSelector) -> None:
        self._roll = roll
        self._selector = selector
        self._running: dict[int, Helper] = {}
        self._started_at: dict[Helper, float] = {}
        self._delays: dict[Helper, float] = {}
        self._restarts: Deadlines[Helper] = Deadlines()
        self._overdue: Deadlines[int] = Deadlines()
        self._congested: set[Helper] = set()
        self._retired: set[Helper] = set()

    def __contains__(self, pid: object) -> bool:
        return pid in self._running

    def pids(self) -> Iterator[int]:
        return iter(list(self._running))

    def deadline(self) -> float | None:
        """When :meth:`start_due` should be called, in monotonic seconds."""
        times = (self._restarts.next(), self._overdue.next())
        return min((when for when in times if when is not None), default=None)

    def start(self, helper: Helper) -> None:
        """Start the helper, now or, if the system refuses, later."""
        now = time.monotonic()
        try:
            pid = helper.start()
        except OSError as error:
            LOG.error("cannot start %s: %s", helper.name, error)
            self._schedule(helper, now)
            return
        self._started_at[helper] = now
        self._running[pid] = helper
        self._roll.enter(pid)
        self.flush(helper)

    def start_due(self, now: float) -> None:
        """Start those whose time has come; end those that should have ended."""
        while (helper := self._restarts.pop_due(now)) is not None:
            self.start(helper)
        while (pid := self._overdue.pop_due(now)) is not None:
            os.kill(pid, signal.SIGKILL)

    def ended(self, pid: int, *, restart: bool) -> None:
        """A helper's process has ended."""
        helper = self._running.pop(pid)
        self._roll.leave(pid)
        self._overdue.cancel(pid)
        if restart:
            helper.take_back()
        self._let_go(helper)
        if helper.pid == pid:
            helper.pid = None
        if restart:
            self._schedule(helper, time.monotonic())
        else:
            self._forget(helper)

    def helper(self, pid: int) -> Helper:
        return self._running[pid]

    def lived(self, helper: Helper) -> float:
        """For how many seconds its last process has, or had if it ends now."""
        now = time.monotonic()
        return now - self._started_at.get(helper, now)

    def _schedule(self, helper: Helper, now: float) -> None:
        last = 0.0 if self.lived(helper) >= HEALTHY_AFTER else self._delays.get(helper, 0.0)
        delay = min(max(last * 2, FIRST_DELAY), LONGEST_DELAY)
        self._delays[helper] = delay
        self._restarts.set(helper, now + delay)

    def _forget(self, helper: Helper) -> None:
        self._delays.pop(helper, None)
        self._started_at.pop(helper, None)
        self._restarts.cancel(helper)

    def is_starting(self, helper: Helper) -> bool:
        """Whether it runs, or will without further ado."""
        return helper.pid is not None or helper in self._delays

    def flush(self, helper: Helper) -> None:
        """Send what waits for the helper; what has no room goes later."""
        if not helper.fed:
            return
        if helper.flush():
            self._unwatch(helper)
            if helper in self._retired:
                self._let_go(helper)
        elif helper not in self._congested:
            self._congested.add(helper)
            flush: Callable[[], None] = lambda: self.flush(helper)  # noqa: E731
            self._selector.register(helper, selectors.EVENT_WRITE, flush)

    def _unwatch(self, helper: Helper) -> None:
        if helper in self._congested:
            self._congested.discard(helper)
            self._selector.unregister(helper)

    def retire(self, helper: Helper) -> None:
        """Let the helper be told what waits for it, finish what it has, and end."""
        self._forget(helper)
        if helper.pid is not None:
            self._overdue.set(helper.pid, time.monotonic() + RETIREMENT)
            self._retired.add(helper)
            self.flush(helper)

    def _let_go(self, helper: Helper) -> None:
        self._unwatch(helper)
        helper.let_go()
        self._retired.discard(helper)

    def finish(self) -> None:
        """Let all of them finish, and end those that do not; waits for a bounded time."""
        held = remnants.Held()
        held.hold(self._running)
        for helper in list(self._running.values()):
            self.flush(helper)
            self._let_go(helper)
            self._forget(helper)
        remnants.see_off(held, END_PATIENCE)
        for pid in self._running:
            self._roll.leave(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._running.clear()

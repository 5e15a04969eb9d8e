"""The manager's loop: one thread, one wait, everything in a fixed order.

One turn: wait; drain the wake-up socket and note a stop; reap; listen to the
workers; tell the supervisor of the deaths; obey signals, a stop before a
reload; take commands; serve the control socket; deadlines; flush. What a
worker said before it died is heard before its death is told. A stop that is
seen in a turn is known before the deaths of that turn are decided, so that
nothing is restarted into a stop.
Every step is bounded; what is left over makes the next wait return at once.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable

from cotyledon_core.log import Log
from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process import clock
from cotyledon_core.process import report as reports
from cotyledon_core.process.channel import Channel, NotifySocket, Told
from cotyledon_core.process.child import WatchedChild
from cotyledon_core.process.descriptors import forget_private, keep_private
from cotyledon_core.process.reaper import OrphanReaper, Reaper
from cotyledon_core.process.signals import SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGTERM, Signals
from cotyledon_core.process.spawner import WAITED_FOR
from cotyledon_core.runtime import oom_judge
from cotyledon_core.runtime.children import Children, WorkerProcess
from cotyledon_core.runtime.executor import Executor
from cotyledon_core.runtime.hearing import HEARD
from cotyledon_core.runtime.household import Household
from cotyledon_core.runtime.visitors import Visitors
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.exceptions import ImpossibleMessage
from cotyledon_core.supervision.supervisor import Supervisor

REAP_LIMIT = 64
"""Deaths in one turn."""
LONGEST_WAIT = 86400.0
"""Seconds; the system does not take any number."""
FATAL_ERRORS = frozenset(
    getattr(signal, name, None) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
) - {None}
"""Signals that faulthandler writes the stacks for."""
DUMP_LIMIT = 32 * 1024
"""Characters of the stacks that are told with an end."""
_TOLD_TO_HOOKS = frozenset({SIGTERM, SIGINT, SIGHUP, SIGALRM}) - {None}
COMMAND_LIMIT = 64
"""Commands in one turn."""

Ready = list[tuple[selectors.SelectorKey, int]]
LOG = Log("cotyledon_core")


class Loop:
    """Joins the supervisor to the world.

    :param commands: messages from any thread; :meth:`Signals.wake` announces them.
    :param flush: tells the turn's events to the notifiers.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        executor: Executor,
        children: Children,
        household: Household,
        signals: Signals,
        selector: selectors.BaseSelector,
        wait: Callable[[float | None], Ready],
        channel: Channel,
        commands: deque[msg.Message],
        flush: Callable[[], None],
        hook_failed: Callable[[str, str], None],
    ) -> None:
        self._supervisor = supervisor
        self._executor = executor
        self._children = children
        self._household = household
        self._signals = signals
        self._selector = selector
        self._wait = wait
        self._channel = channel
        self._commands = commands
        self._flush = flush
        self._hook_failed = hook_failed
        self._reaper = Reaper(household.own)
        self._orphans: OrphanReaper | None = None
        self._ended: list[tuple[WorkerProcess, ExitStatus]] = []
        self._oom = oom_judge.make(children)
        self._unreaped = True
        self._notify_socket: NotifySocket | None = None
        self.visitors = Visitors()
        """Who may ask for something meanwhile."""
        self.scale: Callable[[set[int]], None] | None = None
        """Obeys signals that scale, if they are noted."""

    # -- turns

    def run(self, start: msg.Start) -> int:
        """Supervise until the supervisor says that it is done; return the exit status."""
        self.deliver(start)
        while self._executor.exit_status is None:
            self.turn()
        return self._executor.exit_status

    @property
    def exit_status(self) -> int | None:
        """What the supervisor has decided; None before the end."""
        return self._executor.exit_status

    @property
    def done(self) -> bool:
        """Whether the supervisor has decided the end."""
        return self._executor.exit_status is not None

    def turn(self) -> None:
        """See the module's description."""
        for key, _ in self._wait(self._timeout()):
            if key.data is not None:
                key.data()
        pending = self._signals.take()
        self._note_stop(pending)
        self._reap(pending)
        self._listen()
        self._tell_deaths()
        self._obey(pending | self._take_late())
        self._take_commands()
        self.visitors.obey()
        self._meet_deadlines()
        # without any worker, too: who is told of events may start processes
        self._household.guard()
        self._flush()
        self._household.keep(idle=self._timeout() != 0)
        self.visitors.tell()

    def _timeout(self) -> float | None:
        if self._unreaped or self._commands:
            return 0
        due = [
            self._supervisor.deadline(),
            self._household.deadline(),
            self.visitors.deadline(),
        ]
        if self._orphans is not None:
            due.append(self._orphans.deadline())
        times = [when for when in due if when is not None]
        return min(max(min(times) - time.monotonic(), 0), LONGEST_WAIT) if times else None

    def deliver(self, message: msg.Message) -> None:
        """Hand a message to the supervisor and do what it says."""
        waiting = deque([message])
        while waiting:
            message = waiting.popleft()
            try:
                actions = self._supervisor.handle(message, clock.now())
            except ImpossibleMessage:
                LOG.exception(
                    "internal error: impossible message %s; %s",
                    message,
                    self._supervisor.snapshot(),
                )
                continue
            waiting.extend(self._executor.perform(actions))

    # -- deaths

    def _note_stop(self, pending: set[int]) -> None:
        if SIGTERM in pending or SIGINT in pending:
            self.deliver(msg.StopNoticed())

    def _reap(self, pending: set[int]) -> None:
        if not WAITED_FOR or not (self._unreaped or SIGCHLD in pending):
            return
        reaped = 0
        for pid, status, usage in self._reaper.ended(REAP_LIMIT, self._household.own.pids):
            reaped += 1
            if pid in self._children:
                process = self._bury(pid)
                process.usage = usage
                self._ended.append((process, status))
            else:
                self._household.ended(pid, status)
        self._unreaped = reaped == REAP_LIMIT
        if self._reaper.met_stranger and self._orphans is None and OrphanReaper.needed():
            self._orphans = OrphanReaper(self._household.own)
        if self._orphans is not None:
            self._orphans.reap(time.monotonic())

    def _bury(self, pid: int) -> WorkerProcess:
        process = self._children.remove(pid)
        child = process.child
        for descriptor in (child.awaited, child.report):
            if descriptor is not None:
                self._selector.unregister(descriptor)
        child.read_report()
        self._household.stderr.ended(child.stderr)
        return process

    def _tell_deaths(self) -> None:
        ended, self._ended = self._ended, []
        self._oom.judge(ended)
        for process, status in ended:
            error = process.start_error or reports.error(process.child.reported)
            dump = ""
            if process.wrote_dump:
                dump = process.child.place.take_dump()
            elif status.signal in FATAL_ERRORS:
                process.dump = process.child.place.take_dump()[:DUMP_LIMIT]
            findings = process.findings()
            process.child.close()
            self.deliver(
                msg.Exited(
                    process.incarnation,
                    status,
                    error,
                    process.error,
                    dump,
                    findings,
                )
            )

    # -- what is watched

    def watch(self, process: WorkerProcess) -> None:
        """A process was started: wait for what it has descriptors for."""
        child = process.child
        self._oom.started(child.pid)
        self._household.stderr.watch(child.stderr)
        if isinstance(child, WatchedChild):
            self._await_end(process, child)
        if child.report is not None:
            self._selector.register(
                child.report, selectors.EVENT_READ, lambda: self._report_ready(process)
            )

    def _await_end(self, process: WorkerProcess, child: WatchedChild) -> None:
        self._selector.register(
            child.awaited, selectors.EVENT_READ, lambda: self._end_seen(process, child)
        )

    def _end_seen(self, process: WorkerProcess, child: WatchedChild) -> None:
        status = child.status()
        if status is None:
            self._selector.unregister(child.awaited)
            child.awaited = child.sentinel
            self._await_end(process, child)
        else:
            self._ended.append((self._bury(child.pid), status))

    def _report_ready(self, process: WorkerProcess) -> None:
        child = process.child
        if child.report is None or not child.read_report():
            return
        self._selector.unregister(child.report)
        child.close_report()
        if reports.succeeded(child.reported) and not process.notifies:
            self.deliver(msg.Ready(process.incarnation))

    def notify_address(self) -> str | None:
        """Where external programs send their messages; None where that cannot be had."""
        if self._notify_socket is None and hasattr(os, "fork"):
            try:
                self._notify_socket = NotifySocket()
            except (OSError, AttributeError):
                return None
            keep_private(self._notify_socket.fileno())
            self._selector.register(self._notify_socket, selectors.EVENT_READ, self._hear_programs)
        return None if self._notify_socket is None else self._notify_socket.address

    def close(self) -> None:
        self._oom.close()
        if self._notify_socket is not None:
            forget_private(self._notify_socket.fileno())
            self._notify_socket.close()

    # -- what workers say

    def _listen(self) -> None:
        for told in self._channel.receive():
            self._hear(told, self._speaker(told.pid))

    def _speaker(self, pid: int) -> WorkerProcess | None:
        process = self._children.of_pid(pid)
        if process is None:
            for ended, _ in self._ended:
                if ended.child.pid == pid:
                    return ended
        return process

    def _hear_programs(self) -> None:
        assert self._notify_socket is not None
        for told in self._notify_socket.receive():
            public = {key: value for key, value in told.values.items() if key[:2] != "X_"}
            self._hear(Told(told.pid, public), self._children.sender(told.pid))

    def _hear(self, told: Told, process: WorkerProcess | None) -> None:
        if process is None:
            return
        for key, value in told.values.items():
            if key == "X_HOOK_FAILED":
                self._hook_failed("new_worker", value)
            elif key in HEARD:
                self._understand(key, value, process)

    def _understand(self, key: str, value: str, process: WorkerProcess) -> None:
        try:
            message = HEARD[key](process, value)
        except (ValueError, OverflowError):
            LOG.warning("process %d said %s=%s, which means nothing", process.child.pid, key, value)
            return
        if message is not None:
            self.deliver(message)

    # -- commands and deadlines

    def _take_late(self) -> set[int]:
        """What has arrived since the turn began; a hook may have asked for a stop."""
        late = self._signals.take()
        if SIGCHLD in late:
            self._unreaped = True
        return late

    def _obey(self, pending: set[int]) -> None:
        if not pending.isdisjoint(_TOLD_TO_HOOKS):
            # they may start processes
            self._household.guard()
        if not pending.isdisjoint((SIGTERM, SIGINT)):
            self._household.before_stop()
        if SIGTERM in pending:
            self._household.accept_stop()
            self.deliver(msg.ShutDown(self._household.stop_accepted_at or time.monotonic()))
        if SIGINT in pending or (SIGALRM in pending and not self._household.bound_reached()):
            self._household.accept_abort()
            self.deliver(msg.Abort())
        elif SIGHUP in pending and SIGTERM not in pending:
            self.deliver(msg.AskReload())
        if self.scale is not None:
            self.scale(pending)

    def _take_commands(self) -> None:
        for _ in range(min(len(self._commands), COMMAND_LIMIT)):
            self.deliver(self._commands.popleft())

    def _meet_deadlines(self) -> None:
        now = time.monotonic()
        due = self._supervisor.deadline()
        stopping = self._signals.is_pending(SIGTERM, SIGINT)
        if due is not None and due <= now and not stopping:
            self.deliver(msg.DeadlineReached(self._executor.most_starts()))
        if self._orphans is not None:
            orphans_due = self._orphans.deadline()
            if orphans_due is not None and orphans_due <= now:
                self._orphans.reap(now)

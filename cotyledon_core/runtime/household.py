"""The manager's own processes and its own end: guardian, log relay, notifier hosts.

Also the stop's bound: from an accepted stop on, a timer of the kernel ends the
manager when the grace period is over, even if it sits in a hook that sleeps;
the guardian ends it a margin later if not even a signal handler can run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import selectors
import signal
import time
from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn

from cotyledon_core import log
from cotyledon_core.log import Log
from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process import guardian, multiprocessing_helpers, proctable, remnants, signals
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.signals import SIGALRM
from cotyledon_core.runtime.children import Children
from cotyledon_core.runtime.dispatcher import Dispatcher, ForeignCode
from cotyledon_core.runtime.environment import GivenEnvironment
from cotyledon_core.runtime.helper import Helper
from cotyledon_core.runtime.helpers import Helpers
from cotyledon_core.runtime.notifier_host import NotifierHost
from cotyledon_core.runtime.stderr_capture import Piece, StderrCapture

if TYPE_CHECKING:
    from cotyledon_core.plugins.notifier import Notifier
    from cotyledon_core.runtime.log_relay import LogRelay

CAN_FORK = hasattr(os, "fork")
GUARDED = CAN_FORK and hasattr(os, "pidfd_open")
GUARDIAN_RETRY = 1.0
"""Seconds between attempts to start the guardian."""
FINISHING = 3.5
"""Seconds that the end may take once the workers are gone, beside the guardian's margin."""
LEFTOVER_PATIENCE = 0.5
"""Seconds that what the workers left in the group has to obey SIGTERM."""

LOG = Log("cotyledon_core")


class Own:
    """The pids of all processes that the manager waits for."""

    def __init__(self, children: Children, helpers: Helpers) -> None:
        self._children = children
        self._helpers = helpers
        self.guardian: int | None = None

    def __contains__(self, pid: object) -> bool:
        return pid in self._children or pid in self._helpers or pid == self.guardian

    def pids(self) -> Iterator[int]:
        guardian = () if self.guardian is None else (self.guardian,)
        return itertools.chain(self._children.waited_for(), self._helpers.pids(), guardian)


class Household:
    """See the module's description.

    :param leads_session: whether the manager's process group is its own.
    """

    def __init__(
        self,
        children: Children,
        roll: Roll,
        selector: selectors.BaseSelector,
        dispatcher: Dispatcher,
        foreign_code: ForeignCode,
        manager_signals: signals.Signals,
        leads_session: bool,
    ) -> None:
        self._children = children
        self._roll = roll
        self._dispatcher = dispatcher
        self._foreign_code = foreign_code
        self._signals = manager_signals
        self._helpers = Helpers(roll, selector)
        self.own = Own(children, self._helpers)
        self.stderr = StderrCapture(selector, self._relay_stderr)
        self._relay: LogRelay | None = None
        self._pid = os.getpid()
        self._guardian: guardian.Guardian | None = None
        self._guardian_due: float | None = None
        self._watching_signals = False
        self.leads_session = leads_session
        self._since = proctable.clock_ticks() if GUARDED else 0
        self.stop_accepted_at: float | None = None
        self._left = remnants.Held() if GUARDED else None
        self._environment = GivenEnvironment()

    # -- its upkeep

    def open(self) -> None:
        """Begin: divert the log, prepare the notifiers, start their hosts."""
        log.before_use = self._divert_log
        if self._foreign_code.possible():
            # it may log whenever it likes
            import logging  # noqa: F401
        self._divert_log_if_loaded()
        self._dispatcher.prepare(self.give_workers)
        for host in self._dispatcher.hosts.values():
            self._helpers.start(host)
            # it has missed nothing: there was no event yet
            host.catch_up(self._dispatcher.ledger)

    def give_workers(self, variables: Mapping[str, str]) -> None:
        """Into their environment, and that of the manager's helpers; see GivenEnvironment."""
        self._environment.give(variables)

    def _divert_log_if_loaded(self) -> None:
        if self._relay is None and log.is_loaded():
            self._divert_log()

    def _divert_log(self) -> None:
        """Let the relay write what is logged, if this is the manager's process."""
        if self._relay is None and CAN_FORK and os.getpid() == self._pid:
            from cotyledon_core.runtime.log_relay import LogRelay

            self._relay = LogRelay(self._signals.wake)
            self._relay.divert()

    def _relay_stderr(self, piece: Piece) -> bool:
        """Have a piece of a worker's standard error logged; False if there is no room for it."""
        self._divert_log()
        return self._relay is not None and self._relay.put_piece(piece)

    def _relay_helper(self) -> Helper | None:
        return None if self._relay is None else self._relay.helper

    def deadline(self) -> float | None:
        """When :meth:`keep` should be called, in monotonic seconds."""
        times = [
            self._helpers.deadline(),
            self._guardian_due,
            self.stderr.deadline(),
            self._dispatcher.deadline(),
        ]
        return min((when for when in times if when is not None), default=None)

    def keep(self, *, idle: bool) -> None:
        """Start what is due, send what waits.

        :param idle: whether the manager has nothing more urgent to do.
        """
        now = time.monotonic()
        if self._guardian_due is not None and self._guardian_due <= now:
            self._guardian_due = None
            self.guard()
        self._helpers.start_due(now)
        self.stderr.read_due(now)
        self._dispatcher.wake(now)
        self._divert_log_if_loaded()
        relay = self._relay_helper()
        if idle and relay is not None and not self._helpers.is_starting(relay):
            self._helpers.start(relay)
        for helper in self._fed():
            if helper.waiting:
                self._helpers.flush(helper)
        # now that nothing waits any more: there may be no other turn for a long time
        for host in self._dispatcher.hosts.values():
            host.catch_up(self._dispatcher.ledger)
            if host.waiting:
                self._helpers.flush(host)
        if not self._watching_signals and self._guardian and self._foreign_code.possible():
            self._watching_signals = True
            self._guardian.watch_signals()

    def _fed(self) -> Iterator[Helper]:
        yield from self._dispatcher.hosts.values()
        helper = self._relay_helper()
        if helper is not None:
            yield helper

    def ended(self, pid: int, status: ExitStatus) -> None:
        """A process of ours that is no worker has ended."""
        if pid == self.own.guardian:
            self._guardian_ended()
            return
        helper = self._helpers.helper(pid)
        for name, host in list(self._dispatcher.hosts.items()):
            if host is helper:
                self._host_ended(name, host, status)
        self._helpers.ended(pid, restart=helper in list(self._fed()))

    def _host_ended(self, name: str, host: NotifierHost, status: ExitStatus) -> None:
        """The process of a notifier has ended that is still to be told events."""
        fault = host.fault(status, self._helpers.lived(host))
        if fault:
            self._dispatcher.disable(name, fault)
        else:
            LOG.warning(
                "the process of notifier %s has ended with %s, it will get another", name, status
            )

    def reloaded(self) -> None:
        """The application may have configured its logging anew."""
        if self._relay is not None:
            old = self._relay.renew()
            if old is not None:
                self._helpers.retire(old)

    def change_notifiers(
        self, notifiers: Mapping[str, Notifier], unchanged: Container[str]
    ) -> None:
        """Tell events to these notifiers instead; see :meth:`Dispatcher.change_notifiers`.

        The hosts of those that are gone read what is queued for them, and end.
        """
        before = list(self._dispatcher.hosts.values())
        self._dispatcher.change_notifiers(notifiers, unchanged, may_host=CAN_FORK)
        after = list(self._dispatcher.hosts.values())
        for host in before:
            if host not in after:
                self._helpers.retire(host)
        for host in after:
            if host not in before:
                self._helpers.start(host)
                host.catch_up(self._dispatcher.ledger)

    # -- the guardian

    def guard(self) -> None:
        """See to it that the guardian runs.

        It has to before the first worker, as one that is deaf from its beginning is guarded,
        too; and not long before, as what the manager touches after a fork is copied.
        """
        if not GUARDED or self._guardian is not None or self._guardian_due is not None:
            return
        try:
            with signals.blocked():
                self._guardian = guardian.start(
                    self._roll, self._signals.reader, self.leads_session
                )
        except OSError as error:
            LOG.error("cannot start the guardian, will try again: %s", error)
            self._guardian_due = time.monotonic() + GUARDIAN_RETRY
            return
        self.own.guardian = self._guardian.pid
        if self.stop_accepted_at is not None:
            self._guardian.stop_accepted()

    def _guardian_ended(self) -> None:
        assert self._guardian is not None
        self._guardian.let_go()
        self._guardian = self.own.guardian = None
        self._watching_signals = False
        self._guardian_due = time.monotonic() + GUARDIAN_RETRY

    # -- the stop's bound

    def accept_stop(self) -> None:
        """From now on the grace period bounds everything; from any thread or handler."""
        if self.stop_accepted_at is not None:
            return
        self.stop_accepted_at = time.monotonic()
        self._roll.accept_stop(self.stop_accepted_at)
        if self._guardian is not None:
            self._guardian.stop_accepted()
        if self._roll.grace and SIGALRM is not None:
            signal.setitimer(signal.ITIMER_REAL, min(self._roll.grace, remnants.LONGEST_WAIT))

    def accept_abort(self) -> None:
        """An end at once is under way, and not stuck."""
        self._roll.end_by(time.monotonic() + FINISHING)

    def set_grace(self, grace: float) -> None:
        """The manager's grace period changes, in seconds; for a stop that is to come."""
        if self.stop_accepted_at is None:
            self._roll.set_grace(grace)

    def bound_reached(self) -> bool:
        """Whether the stop's bound has struck."""
        return self.stop_accepted_at is not None and time.monotonic() >= self._roll.bound

    def force_exit(self) -> NoReturn:
        """End everything at once; in a signal handler, while foreign code does not return."""
        self.before_stop()
        for pid in self._roll.pids():
            with contextlib.suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        if self._left is not None:
            self._left.send(signal.SIGKILL)
        # the guardian sees to the rest without waiting
        self._roll.end_by(time.monotonic())
        os._exit(1)

    # -- the end

    def close(self) -> None:
        """The supervisor is done: end what is left, and the helpers."""
        if self._roll.bound:
            # what follows has bounds of its own
            self._roll.end_by(time.monotonic() + FINISHING)
        with contextlib.ExitStack() as steps:
            # the last that is put here comes first, and all of it comes
            steps.callback(self._environment.take_back)
            if self._guardian is not None:
                steps.callback(self._guardian.dismiss)
            steps.callback(self._helpers.finish)
            steps.callback(self._close_log)
            steps.callback(self._dispatcher.close)
            steps.callback(self._end_leftovers)
            if SIGALRM is not None and self.stop_accepted_at is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _close_log(self) -> None:
        log.before_use = log.nothing
        if self._relay is not None:
            if self._relay.helper.waiting and not self._relay.helper.fed:
                self._helpers.start(self._relay.helper)
            self._relay.restore()

    def before_stop(self) -> None:
        """Beside strangers in the group, what workers started is known only while they live."""
        if self._left is not None and not self.leads_session:
            self._left.hold(remnants.below(self._children.pids(), os.getsid(0)))

    def _end_leftovers(self) -> None:
        """End what the workers left behind, in the manager's group where that is its own."""
        if self._left is None:
            return
        if self.leads_session:
            ours = {os.getpid(), *self.own.pids(), *self._children.pids()}
            members = set(remnants.group_members(os.getpgrp(), self._since)) - ours
            tracker = multiprocessing_helpers.resource_tracker()
            if tracker in members:
                # the application may go on to use it
                members.remove(tracker)
                multiprocessing_helpers.end_tracker_at_exit()
            self._left.hold(members)
        if self._left.pids:
            self._left.send(signal.SIGTERM)
            self._left.send(signal.SIGCONT)
            remnants.see_off(self._left, LEFTOVER_PATIENCE)

    def end_workers(self) -> None:
        """End all workers, gracefully first; an error has ended the loop."""
        held = remnants.Held()
        held.hold(self._children.pids())
        for process in self._children.all():
            process.child.send(process.stop_signal)
        grace = self._roll.grace or remnants.FOREVER
        with self._foreign_code.entered():
            # a SIGINT or SIGALRM need not wait for the end of this
            remnants.see_off(held, grace)
        for pid in self._children.pids():
            # not before: the guardian ends whom it finds on the roll
            self._children.remove(pid).child.close()

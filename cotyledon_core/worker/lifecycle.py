"""The life of a worker: boot, run, reload, terminate.

The main thread boots the service and from then on only waits, for signals and
for the manager's death. ``run``, ``reload`` and ``terminate`` each have a
thread. Orders and races:

- A SIGTERM or SIGHUP that arrives while the service is being made is kept
  until it is made. The grace period counts from the SIGTERM.
- ``reload`` and ``terminate`` exclude each other by a lock; once the worker
  terminates, no reload begins. A SIGHUP during a reload leads to another one.
- ``terminate`` runs once, however many SIGTERMs arrive.
- The service may close all descriptors, and open others under their numbers:
  signals are seen all the same, what can be told no more is not told.
- Whoever comes to an end first ends the process. The main thread's timer ends
  it by force if that takes longer than the grace period, be it in
  ``terminate`` or in flushing a log that nobody reads.

A forked worker shares its memory with the manager until it writes to it, and
every object that it uses is written to (its reference count). So what can be
made before the fork is made there, and the way from the fork to ``run`` takes
few steps.
"""

from __future__ import annotations

import os
import signal
import time
from _thread import allocate_lock
from _thread import start_new_thread as start_thread
from collections.abc import Callable
from functools import partial
from sys import modules
from typing import Any, NoReturn

from cotyledon_core.exceptions import shown
from cotyledon_core.process.remnants import FOREVER, LONGEST_WAIT
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.signals import (
    SIGALRM,
    SIGHUP,
    SIGINT,
    SIGTERM,
    SIGURG,
    Signals,
    existing,
    for_notes,
    unblock,
)
from cotyledon_core.process.title import set_title
from cotyledon_core.service import class_of, has_own_reload
from cotyledon_core.worker import ending, log_levels
from cotyledon_core.worker.assignment import Assignment
from cotyledon_core.worker.duties import Duties
from cotyledon_core.worker.heartbeat import Heartbeat, ProcessHeartbeat
from cotyledon_core.worker.manager_link import LEAVE, READY, RELOADED, ManagerLink
from cotyledon_core.worker.new_worker_hooks import run_hooks
from cotyledon_core.worker.recycling import Recycling
from cotyledon_core.worker.tracing import trace_this_thread
from cotyledon_core.worker.traits import Traits

_current: Worker | None = None


def current() -> Worker | None:
    """This process, if it is a worker."""
    return _current if _current is not None and _current.pid == os.getpid() else None


class Worker:
    """This process, as a worker; made before the process is forked.

    :param roll: where the manager's grace period is written, if it can be seen from here.
    """

    def __init__(self, assignment: Assignment, link: ManagerLink, roll: Roll | None = None) -> None:
        self.pid = 0
        self._assignment = assignment
        self.link = link
        self._roll = roll
        self.awaited_heartbeat: Heartbeat | None = None
        self.recycling: Recycling | None = None
        self._title = self._title_with(assignment.service_name)
        self._make_service = partial(
            assignment.factory, assignment.worker_id, *assignment.args, **assignment.kwargs
        )
        self._traits = Traits(class_of(assignment.factory), assignment.ready_when)
        self._hooked = bool(assignment.new_worker_hooks)
        self._has_duties = bool(assignment.is_bounded or assignment.watchdog_timeout)
        self._worker_id = assignment.worker_id
        self._class_known = assignment.class_known
        self._service: Any = None
        self._reread: Callable[[], bool] | None = getattr(assignment.factory, "reread", None)
        """Brings the configuration that the service has up to date, if that can be done here."""
        self._calls: Any = None
        """What has ``run``, ``terminate`` and ``reload`` to call: service or event loop."""
        self._event_loop: Any = None
        self._booting = True
        self._status = 1
        self._deadline: float | None = None
        self._terminating = self._orphaned = False
        self._reload_wanted = self._reloading = False
        self._lock = allocate_lock()
        self._end_lock = allocate_lock()
        self._duties = Duties()
        self._levels_wanted = log_levels.wanted(link.place)
        self.signals = Signals(
            existing(SIGTERM, SIGINT, SIGHUP, SIGALRM, for_notes()), self._urgent
        )

    # -- boot

    def _title_with(self, name: str) -> str:
        assignment = self._assignment
        return f"{assignment.program_name}: {name} worker({assignment.worker_id})"

    def live(self, pid: int, report: int | None = None, *, signals_held: bool = True) -> None:
        """Boot and run until the process ends.

        :param pid: this process's.
        :param report: a pipe that reports a failed execution of a program.
        :param signals_held: whether signals were held back until now; if not,
            the manager waits with them until it is told.
        """
        global _current
        _current = self
        self.pid = self.link.pid = pid
        try:
            if self._has_duties:
                self.recycling = Recycling.of(self._assignment, self.tell)
            if self.signals.reader < 0:
                self.signals.open()
            unblock()
            if not signals_held:
                self.tell("X_LISTENING=1")
            set_title(self._title)
            if self._levels_wanted:
                log_levels.begin(self._assignment, self.link, self.signals)
            self._boot(report)
            start_thread(self._in_thread, ("run", self._calls.run))
            while True:
                self._wait()
        except BaseException as error:
            self._end(error, "start")

    def _boot(self, report: int | None) -> None:
        service = self._service = self._make_service()
        if self.signals.lost():
            self.link.regain(self.signals)
        # for services whose __init__ does not call ours
        service.worker_id = self._worker_id
        traits = self._traits
        if type(service) is not traits.service_class:
            traits = self._traits = Traits(type(service), self._assignment.ready_when)
        self._introduce(service)
        if self._hooked:
            run_hooks(self._assignment, service, self.tell)
        if traits.executes:
            self._become(service.program(), report, traits.notified)
        self._booting = False
        self.signals.urgent = None
        if self._has_duties:
            self._watch()
        if not traits.notified:
            self.link.say(READY)
        if traits.make_event_loop is not None:
            self._event_loop = traits.make_event_loop(service, self._fail)
        self._calls = self._event_loop or service
        self.signals.take_back()

    def _watch(self) -> None:
        """Give signs of life, where they are awaited; watch the bounds."""
        timeout = self._assignment.watchdog_timeout
        if timeout:
            heartbeat = Heartbeat(self.link.place, self.tell, timeout)
            if self._assignment.watchdog == "process":
                self._duties.add(ProcessHeartbeat(heartbeat))
            else:
                self.awaited_heartbeat = heartbeat
        if self.recycling is not None:
            self.recycling.watch(self._duties)

    def _introduce(self, service: Any) -> None:
        """Show and tell what the manager does not know from the class."""
        assignment = self._assignment
        own = getattr(service, "graceful_shutdown_timeout", None)
        if (
            own is not None
            and assignment.configured_grace is None
            and own != assignment.known_grace
        ):
            self.tell(f"X_GRACE={own}")
        # an instance's own name stands in the title; what a function made shows its class's
        names = service if not self._class_known else None
        name = getattr(service, "__dict__", {}).get("name") or getattr(names, "name", None)
        if name is not None and name != assignment.service_name:
            set_title(self._title_with(name))

    def _become(self, program: Any, report: int | None, notified: bool) -> None:
        if program is not None:
            from cotyledon_core.worker.execution import become

            become(program, self._assignment, self.link, self.signals, report, notified)

    @property
    def grace(self) -> float:
        """Seconds; 0 waits without end."""
        configured = self.link.place.grace(self._assignment.configured_grace)
        if configured is not None:
            return float(configured)
        own = self._assignment.known_grace
        if self._service is not None:
            own = getattr(self._service, "graceful_shutdown_timeout", None)
        if own is not None:
            return float(own)
        return self._assignment.grace if self._roll is None else self._roll.grace

    @property
    def deadline(self) -> float | None:
        """When the process ends by force, in monotonic seconds; None as long as it does not.

        By its own grace period or by the manager's, if that can be seen from here.
        """
        bound = 0.0 if self._roll is None else self._roll.bound
        limits = [each for each in (self._deadline, bound) if each and each != FOREVER]
        return min(limits, default=None)

    # -- what the service says

    def tell(self, line: str) -> None:
        """Tell the manager something, in sd_notify's syntax; from any thread."""
        self.link.tell(line)

    def heartbeat(self) -> None:
        """The service's sign of life, where one is awaited."""
        if self.awaited_heartbeat is not None:
            self.awaited_heartbeat.beat()

    def extend_timeout(self, seconds: float) -> None:
        """Need so many seconds, from now on, for what is under way."""
        self.tell(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")
        until = time.monotonic() + seconds
        if self._deadline is not None and self._deadline < until:
            self._deadline = until
            if self._booting:
                self._interrupt_after(seconds)

    def ask_for_replacement(self) -> None:
        """The manager answers with SIGTERM."""
        self.link.say(LEAVE)

    # -- signals

    def _urgent(self, number: int) -> None:
        """In the signal handler, while the service is being made."""
        if number == SIGALRM and self._is_overdue():
            self._overrun()
        if number in (SIGINT, SIGALRM):
            os._exit(1)
        if number == SIGTERM and self.grace and self._deadline is None:
            self._limit()

    def _wait(self) -> None:
        """One turn of the main thread."""
        due = self._duties.next_at(self._deadline) if self._has_duties else self._deadline
        timeout = None if due is None else min(max(due - time.monotonic(), 0), LONGEST_WAIT)
        manager_died = self.link.wait(self.signals, timeout)
        pending = self.signals.take()
        if SIGINT in pending or SIGALRM in pending:
            os._exit(1)
        if self._deadline is not None and self._is_overdue():
            self._overrun()
        if SIGURG in pending:
            self._levels_wanted = True
            log_levels.take_up(self._assignment, self.link)
        if self._has_duties:
            self._duties.perform_due()
        if SIGTERM in pending or manager_died:
            self._terminate(manager_died)
        elif SIGHUP in pending:
            self._reload()

    def _limit(self) -> None:
        """From now on the grace period runs."""
        grace = self.grace
        if self._deadline is not None or not grace:
            return
        self._deadline = time.monotonic() + grace
        if self._booting:
            self._interrupt_after(grace)

    def _is_overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _interrupt_after(self, seconds: float) -> None:
        """The main thread does not wait, so it has to be interrupted."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, min(seconds, LONGEST_WAIT))

    def _overrun(self) -> NoReturn:
        """The grace period is over: end by force, and leave the stacks to the manager."""
        self.link.place.dump()
        self.tell("X_OVERRUN=1")
        os._exit(self._status)

    # -- terminate

    def _terminate(self, manager_died: bool) -> None:
        if manager_died and self._assignment.stderr_captured:
            ending.mute_stderr()
        if self._terminating:
            return
        self._terminating = True
        self._orphaned = manager_died
        self._limit()
        start_thread(self._in_thread, ("terminate", self._service_terminate))
        if manager_died:
            ending.log_manager_death(self._assignment.worker_name, self.pid)

    def _service_terminate(self) -> None:
        with self._lock:
            self._calls.terminate()
            raise SystemExit(0)

    # -- reload

    def _reload(self) -> None:
        if self._terminating:
            return
        if self._reread is None and not self._reloads():
            self.ask_for_replacement()
            return
        self._reload_wanted, begun, self._reloading = True, self._reloading, True
        if not begun:
            start_thread(self._in_thread, ("reload", self._service_reload))

    def _reloads(self) -> bool:
        """Whether the service reloads in place."""
        return self._traits.reloads or has_own_reload(self._service)

    def _service_reload(self) -> None:
        while self._reload_wanted:
            with self._lock:
                if self._terminating:
                    return
                self._reload_wanted = False
                answer = self._reload_once()
            if not self._reload_wanted:
                self.link.say(answer)
        self._reloading = False
        if self._reload_wanted:
            # a SIGHUP came between the loop's end and the line above
            self.signals.post(SIGHUP or SIGTERM)

    def _reload_once(self) -> bytes:
        """What the manager is told: that it is done, or has to be done by another."""
        if self._reread is not None and not self._reread():
            return LEAVE
        if self._reloads():
            self._calls.reload()
        if self._levels_wanted:
            log_levels.hold_again(self.signals)
        return RELOADED

    # -- threads and ends

    def _in_thread(self, name: str, work: Callable[[], Any]) -> None:
        if "threading" in modules:
            trace_this_thread()
        try:
            work()
        except BaseException as error:
            self._end(error, name)

    def _fail(self, error: BaseException) -> None:
        """End the process for what happened in the event loop, whose thread must go on."""
        start_thread(self._end, (error, "run"))

    def _end(self, error: BaseException, what: str) -> None:
        """The process ends with the status that the exception stands for."""
        wanted = isinstance(error, SystemExit)
        status = ending.exit_status(error) if isinstance(error, SystemExit) else 1
        if not self._end_lock.acquire(blocking=False):
            return  # another thread ends it already
        self._status = status
        if self._deadline is None:
            self._limit()
            # the main thread has to wait no longer than that
            self.signals.wake()
        if not wanted:
            self.tell(f"X_ERROR={shown(error)}")
            ending.log_exception(f"{what} of {self._assignment.worker_name}", error)
        if self._event_loop is not None and what != "start":
            self._event_loop.wind_up()
        if self._orphaned and not self._assignment.own_group:
            # once this process is gone, nobody can tell whose they were
            ending.end_descendants()
        ending.end(status)

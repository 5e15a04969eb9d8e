"""The life of a worker: boot, run, reload, terminate.

The main thread boots the service and from then on only waits, for signals and
for the manager's death. ``run``, ``reload`` and ``terminate`` each have a
thread. Orders and races:

- A SIGTERM or SIGHUP that arrives while the service is being made is kept
  until it is made. The grace period counts from the SIGTERM.
- ``reload`` and ``terminate`` exclude each other by a lock; once the worker
  terminates, no reload begins. A SIGHUP during a reload leads to another one.
- ``terminate`` runs once, however many SIGTERMs arrive.
- Whoever comes to an end first ends the process. The main thread's timer ends
  it by force if that takes longer than the grace period, be it in
  ``terminate`` or in flushing a log that nobody reads.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from cotyledon_core.process import title
from cotyledon_core.process.channel import Writer, tell
from cotyledon_core.process.signals import SIGALRM, SIGHUP, Signals, existing, unblock
from cotyledon_core.service import Service
from cotyledon_core.worker import ending
from cotyledon_core.worker.assignment import Assignment

_current: Worker | None = None


def ask_for_replacement() -> bool:
    """Ask the manager to replace this worker; False if this process is none."""
    if _current is None or _current.pid != os.getpid():
        return False
    _current.ask_for_replacement()
    return True


class Worker:
    """This process, as a worker.

    :param death: a descriptor that becomes readable when the manager dies.
    :param channel: what the manager listens to.
    :param report: a pipe that reports a failed execution of a program.
    """

    def __init__(
        self, assignment: Assignment, death: int, channel: Writer, report: int | None = None
    ) -> None:
        global _current
        _current = self
        self.pid = os.getpid()
        self._assignment = assignment
        self._death = death
        self._channel = channel
        self._report = report
        self._service: Any = None
        self._booting = True
        self._status = 1
        self._deadline: float | None = None
        self._terminating = False
        self._reload_wanted = False
        self._reloading = False
        self._lock = threading.Lock()
        self._end_lock = threading.Lock()
        self._signals = Signals(
            existing(signal.SIGTERM, signal.SIGINT, SIGHUP, SIGALRM), urgent=self._urgent
        )

    # -- boot

    def live(self) -> None:
        """Boot and run until the process ends; does not return."""
        with _Ending(self, "the start of"):
            self._prepare()
            self._boot()
            self._booting = False
            self._start_thread("run", self._service.run)
            while True:
                self._wait()

    def _prepare(self) -> None:
        self._signals.install()
        self._wakeup = self._signals.open()
        unblock()
        self._set_title(self._assignment.service_name)

    def _boot(self) -> None:
        assignment = self._assignment
        self._service = assignment.factory(
            assignment.worker_id, *assignment.args, **assignment.kwargs
        )
        # for services whose __init__ does not call ours
        self._service.worker_id = assignment.worker_id
        if self._service.name != assignment.service_name:
            self._set_title(self._service.name)
        self._announce_grace()
        self._run_hooks()
        program = self._service.program() if hasattr(self._service, "program") else None
        if program is not None:
            self._become(program)
        tell(self._channel, {"READY": 1})

    def _set_title(self, name: str) -> None:
        assignment = self._assignment
        title.set_title(f"{assignment.program_name}: {name} worker({assignment.worker_id})")

    def _announce_grace(self) -> None:
        own = getattr(self._service, "graceful_shutdown_timeout", None)
        if own is not None and own != self._assignment.known_grace:
            tell(self._channel, {"X_GRACE": own})

    def _run_hooks(self) -> None:
        assignment = self._assignment
        try:
            for hook in assignment.new_worker_hooks:
                hook(assignment.service_id, assignment.worker_id, self._service)
        except Exception as error:
            ending.log_exception(f"a new_worker hook of {self.name}", error)
            tell(self._channel, {"X_HOOK_FAILED": repr(error)})

    def _become(self, program: Any) -> None:
        from cotyledon_core.worker import execution

        execution.become(program, self._assignment, self._channel, self._signals, self._report)

    @property
    def name(self) -> str:
        return self._assignment.worker_name

    @property
    def grace(self) -> float:
        """Seconds; 0 waits without end."""
        own = getattr(self._service, "graceful_shutdown_timeout", None)
        return self._assignment.grace if own is None else float(own)

    # -- signals

    def _urgent(self, number: int) -> None:
        """In the signal handler, while the main thread is not waiting."""
        if not self._booting:
            return
        if number in (signal.SIGINT, SIGALRM):
            os._exit(1)
        if number == signal.SIGTERM and self.grace and hasattr(signal, "setitimer"):
            self._deadline = time.monotonic() + self.grace
            signal.setitimer(signal.ITIMER_REAL, self.grace)

    def _wait(self) -> None:
        """One turn of the main thread."""
        timeout = None
        if self._deadline is not None:
            timeout = max(self._deadline - time.monotonic(), 0)
        manager_died = self._death in _readable([self._wakeup.fileno(), self._death], timeout)
        pending = self._signals.take()
        if signal.SIGINT in pending or SIGALRM in pending:
            os._exit(1)
        if self._overran():
            os._exit(self._status)
        if signal.SIGTERM in pending or manager_died:
            self._terminate(manager_died)
        elif SIGHUP in pending:
            self._reload()

    def _overran(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _limit(self) -> None:
        """From now on the grace period runs."""
        if self._deadline is None and self.grace:
            self._deadline = time.monotonic() + self.grace

    # -- terminate

    def _terminate(self, manager_died: bool) -> None:
        if manager_died:
            self._death = -1
        if self._terminating:
            return
        self._terminating = True
        self._limit()
        self._start_thread("terminate", self._service_terminate)
        if manager_died:
            self._log_manager_death()

    def _service_terminate(self) -> None:
        with self._lock:
            self._service.terminate()
            raise SystemExit(0)

    def _log_manager_death(self) -> None:
        import logging

        logging.getLogger("cotyledon_core.worker").info(
            "Parent process has died unexpectedly, %s [%d] exiting",
            self.name,
            self.pid,
        )

    # -- reload

    def _reload(self) -> None:
        if self._terminating:
            return
        if not _has_own_reload(self._service):
            self.ask_for_replacement()
            return
        self._reload_wanted = True
        if not self._reloading:
            self._reloading = True
            self._start_thread("reload", self._service_reload)

    def _service_reload(self) -> None:
        while self._reload_wanted:
            with self._lock:
                if self._terminating:
                    return
                self._reload_wanted = False
                self._service.reload()
        self._reloading = False
        if self._reload_wanted:
            # a SIGHUP came between the loop's end and the line above
            os.kill(self.pid, SIGHUP or signal.SIGTERM)

    def ask_for_replacement(self) -> None:
        """The manager answers with SIGTERM and starts another in this one's place."""
        tell(self._channel, {"X_LEAVE": 1})

    # -- ends

    def _start_thread(self, name: str, work: Callable[[], Any]) -> None:
        threading.Thread(target=self._guarded, args=(name, work), name=name, daemon=True).start()

    def _guarded(self, name: str, work: Callable[[], Any]) -> None:
        with _Ending(self, f"{name} of"):
            work()

    def begin_end(self, status: int) -> bool:
        """The process ends with this status, by force if it takes too long.

        False if it ends already.
        """
        if not self._end_lock.acquire(blocking=False):
            return False
        self._status = status
        self._limit()
        if not self._booting:
            self._signals.wake()
        elif self.grace and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, self.grace)
        return True


class _Ending:
    """Ends the process if the block raises."""

    def __init__(self, worker: Worker, what: str) -> None:
        self._worker = worker
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is None:
            return
        wanted = isinstance(error, SystemExit)
        status = ending.exit_status(error) if isinstance(error, SystemExit) else 1
        if self._worker.begin_end(status):
            if not wanted:
                ending.log_exception(f"{self._what} {self._worker.name}", error)
            ending.end(status)


def _has_own_reload(service: Any) -> bool:
    own = getattr(service, "reload", None)
    return own is not None and getattr(own, "__func__", own) is not Service.reload


def _readable(descriptors: list[int], timeout: float | None) -> set[int]:
    """Which of the descriptors are readable; waits ``timeout`` seconds, None without end."""
    descriptors = [descriptor for descriptor in descriptors if descriptor >= 0]
    if not hasattr(select, "poll"):
        return set(select.select(descriptors, [], [], timeout)[0])
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(None if timeout is None else timeout * 1000)}

"""The supervisor: every decision of the manager, as values.

The shell hands each observation and command to :meth:`Supervisor.handle` with
the time, performs the actions that come back in their order, answers each
:class:`Spawn` with ``Spawned`` or ``SpawnFailed`` before anything else, and
sends ``DeadlineReached`` when :meth:`Supervisor.deadline` has come.

Who decides what follows an end, highest first: a stop of the manager; the
wanted number of workers; the service having been given up; a replacement that
was asked for; the restart policy. See :meth:`Supervisor._settle`.

Starts go through one queue, so many for each ``DeadlineReached``: a stop or a
scale is obeyed between them however many are waiting. A worker that waits for
its back-off enters the queue only when its time has come, so that it holds up
nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import (
    Cause,
    ExitStatus,
    PastRestart,
    Phase,
    Restart,
    Stop,
)
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Action, Exit, Request, Signal, Spawn
from cotyledon_core.supervision.agenda import Agenda
from cotyledon_core.supervision.deadlines import Deadlines
from cotyledon_core.supervision.exceptions import ImpossibleMessage
from cotyledon_core.supervision.messages import Instant, Message, ServiceSpec
from cotyledon_core.supervision.readiness import FirstReadiness
from cotyledon_core.supervision.roster import Roster
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.snapshot import Snapshot
from cotyledon_core.supervision.start_queue import StartQueue
from cotyledon_core.supervision.states import Goal, Occurrence, State
from cotyledon_core.supervision.worker import End, Worker

SPAWN_BATCH = 32
"""Processes started for one ``DeadlineReached``."""
KILL_MARGIN = 0.5
"""Seconds after a worker's grace period until SIGKILL: its own timer comes first."""
INTERRUPT_GRACE = 0.5
"""Seconds that an interrupted worker has until SIGKILL."""
REAP_MARGIN = 1.0
"""Seconds that the kernel has for processes that were sent SIGKILL."""


class _Whole(Enum):
    MANAGER = "manager"


class Supervisor:
    """Decides; see the module's description.

    :param grace: the manager's grace period in seconds; 0 waits without end.
    :param spawn_interval: the least time between two starts, in seconds.
    """

    def __init__(self, grace: float, spawn_interval: float = 0.0) -> None:
        self._grace = grace
        self._roster = Roster()
        self._starts = StartQueue(spawn_interval)
        self._deadlines: Deadlines[Worker | _Whole] = Deadlines()
        self._agenda = Agenda()
        self._alive = 0
        self._readiness = FirstReadiness()
        self._stopping = self._shutting_down = self._done = False
        self._forced = self._last_resort = False
        self._bound: float | None = None
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            msg.Spawned: self._spawned,
            msg.SpawnFailed: self._spawn_failed,
            msg.Ready: self._worker_ready,
            msg.GraceAnnounced: self._grace_announced,
            msg.StatusTold: self._status_told,
            msg.LeaveAsked: self._leave_asked,
            msg.Exited: self._exited,
            msg.DeadlineReached: self._deadline_reached,
            msg.StopNoticed: self._stop_noticed,
            msg.Start: self._start,
            msg.AddService: lambda message: self._add(message.spec),
            msg.Scale: self._scale,
            msg.Reload: self._reload,
            msg.SetGrace: lambda message: setattr(self, "_grace", message.grace),
            msg.ShutDown: self._shut_down,
            msg.Abort: self._abort,
        }

    # -- the interface

    def handle(self, message: Message, now: Instant) -> list[Action]:
        """Take in one message; return what has to be done, in order.

        :raises ImpossibleMessage: if it cannot arrive now; nothing has changed.
        """
        self._agenda.now = now
        if self._done:
            return []
        self._handlers[type(message)](message)
        if not self._stopping and self._readiness.completed():
            self._announce_ready()
        if self._shutting_down and self._alive == 0 and not self._done:
            self._finish(1 if self._forced or self._bound_reached() else 0)
        return self._agenda.take()

    def deadline(self) -> float | None:
        """When ``DeadlineReached`` is due, in monotonic seconds; None for never."""
        times = [self._deadlines.next(), self._starts.next_at()]
        return min((when for when in times if when is not None), default=None)

    def snapshot(self) -> Snapshot:
        """Everything that is known of services and workers."""
        return self._roster.snapshot(self._stopping)

    # -- services and their size

    def _start(self, message: msg.Start) -> None:
        self._readiness.check_not_begun()
        names = [spec.service_id for spec in message.services]
        if len(set(names)) < len(names) or any(map(self._roster.has, names)):
            raise ImpossibleMessage("a service is there twice")
        self._agenda.publish(events.ManagerStarted, pid=message.pid, name=message.name)
        for spec in message.services:
            self._add(spec)
        self._readiness.begin()

    def _add(self, spec: ServiceSpec) -> None:
        service = self._roster.add(spec)
        self._agenda.publish_of(service, events.ServiceAdded, workers=spec.workers)
        self._fill(service)

    def _scale(self, message: msg.Scale) -> None:
        service = self._roster.service(message.service_id)
        if message.workers == service.wanted:
            return
        old, service.wanted = service.wanted, message.workers
        self._agenda.publish_of(
            service, events.ServiceScaled, old_workers=old, workers=service.wanted
        )
        for worker in service.surplus():
            worker.goal = Goal.DOWN
            self._stop(worker)
        for worker in service.workers.values():
            if worker.worker_id < service.wanted:
                worker.goal = Goal.UP
        self._fill(service)

    def _fill(self, service: SupervisedService) -> None:
        if self._stopping:
            return
        for worker in service.missing():
            if service.given_up:
                worker.enter(Occurrence.GIVE_UP)
                continue
            self._readiness.expect(worker)
            self._starts.add(worker)

    # -- starting

    def _start_due(self) -> None:
        for _ in range(SPAWN_BATCH):
            worker = self._starts.pop_due(self._now)
            if worker is None:
                return
            worker.begin_incarnation(self._now)
            self._alive += 1
            self._agenda.add(Spawn(worker.incarnation))

    def _spawned(self, message: msg.Spawned) -> None:
        worker = self._roster.asked_for(message.incarnation)
        worker.enter(Occurrence.SPAWNED)
        worker.pid = message.pid
        worker.started_at = self._now
        self._starts.started(self._now)
        self._agenda.publish_of_worker(worker, events.WorkerSpawned)

    def _spawn_failed(self, message: msg.SpawnFailed) -> None:
        worker = self._roster.asked_for(message.incarnation)
        worker.check(Occurrence.SPAWN_FAILED)
        self._end(worker, ExitStatus(), Cause.SPAWN_FAILED, message.error)

    def _worker_ready(self, message: msg.Ready) -> None:
        worker = self._roster.worker(message.incarnation)
        was_starting = worker.state is State.STARTING
        worker.enter(Occurrence.READY)
        if worker.phase is Phase.RUN:
            return
        worker.phase = Phase.RUN
        self._readiness.release(worker)
        if was_starting:
            duration = self._now - worker.started_at
            self._agenda.publish_of_worker(worker, events.WorkerReady, start_duration=duration)

    def _announce_ready(self) -> None:
        self._agenda.publish(
            events.ManagerReady, services=len(self._roster), workers=self._roster.wanted()
        )

    def _grace_announced(self, message: msg.GraceAnnounced) -> None:
        worker = self._roster.worker(message.incarnation)
        worker.grace = message.grace
        if worker.state is State.STOPPING and not worker.forced:
            self._expect_end(worker)

    def _status_told(self, message: msg.StatusTold) -> None:
        worker = self._roster.worker(message.incarnation)
        self._agenda.publish_of_worker(worker, events.WorkerStatus, text=message.text)

    def _leave_asked(self, message: msg.LeaveAsked) -> None:
        worker = self._roster.worker(message.incarnation)
        worker.check(Occurrence.LEAVE)
        self._stop(worker)

    # -- stopping

    def _stop(self, worker: Worker) -> None:
        """Ask the worker to end; if it has no process, it has ended."""
        worker.queued = False
        if worker.state is State.STOPPING:
            return
        worker.enter(Occurrence.STOP)
        if worker.alive:
            self._agenda.add(Signal(worker.incarnation, Request.STOP))
            self._expect_end(worker)
        else:
            self._deadlines.cancel(worker)
            self._retire(worker)

    def _expect_end(self, worker: Worker) -> None:
        grace = worker.grace_period(self._grace)
        if grace > 0:
            self._deadlines.set(worker, self._now + grace + KILL_MARGIN)
        else:
            self._deadlines.cancel(worker)

    def _kill(self, worker: Worker) -> None:
        worker.forced = True
        self._deadlines.cancel(worker)
        self._agenda.add(Signal(worker.incarnation, Request.KILL))

    def _retire(self, worker: Worker) -> None:
        """The worker has no process and is to have none."""
        self._readiness.release(worker)
        if worker.goal is Goal.DOWN:
            del worker.service.workers[worker.worker_id]

    def _exited(self, message: msg.Exited) -> None:
        worker = self._roster.worker(message.incarnation)
        worker.check(Occurrence.EXITED)
        cause = Cause.SPAWN_FAILED if message.start_error else Cause.EXITED
        self._end(worker, message.status, cause, message.start_error)

    def _end(self, worker: Worker, status: ExitStatus, cause: Cause, detail: str) -> None:
        asked = worker.state is State.STOPPING
        uptime = self._now - worker.started_at if worker.pid else 0.0
        self._deadlines.cancel(worker)
        self._alive -= 1
        self._agenda.publish_of_worker(
            worker,
            events.WorkerExited,
            status=status,
            cause=cause,
            phase=worker.phase,
            uptime=uptime,
            asked=asked,
            forced=worker.forced,
            detail=detail,
        )
        self._settle(worker, asked, End(status, cause, uptime, detail))

    def _settle(self, worker: Worker, asked: bool, end: End) -> None:
        """What follows an end: the deciders in their order."""
        if self._stopping or worker.goal is Goal.DOWN:
            worker.state = State.STOPPED
            self._retire(worker)
        elif worker.service.given_up:
            worker.state = State.FATAL
        elif asked:
            worker.state = State.STOPPED
            self._starts.add(worker)
        else:
            self._follow_policy(worker, end)

    def _follow_policy(self, worker: Worker, end: End) -> None:
        decision = worker.service.spec.decide(worker.death(end, self._agenda.now))
        if isinstance(decision, Restart):
            self._restart(worker, end.uptime, decision.delay)
        elif isinstance(decision, Stop):
            worker.state = State.EXITED
            self._agenda.publish_of_worker(worker, events.WorkerStopped, reason=decision.reason)
        else:
            worker.state = State.EXITED
            self._give_up(worker.service, decision.reason)

    def _restart(self, worker: Worker, uptime: float, delay: float) -> None:
        worker.note_restart(PastRestart(self._now, uptime))
        self._agenda.publish_of_worker(worker, events.WorkerRestarting, delay=delay)
        if delay > 0:
            self._deadlines.set(worker, self._now + delay)
        else:
            self._starts.add(worker)

    def _give_up(self, service: SupervisedService, reason: str) -> None:
        service.give_up()
        for worker in service.workers.values():
            self._readiness.release(worker)
            if not worker.alive:
                self._deadlines.cancel(worker)
        self._agenda.publish_of(service, events.ServiceGivenUp, reason=reason)

    # -- time

    def _deadline_reached(self, message: msg.DeadlineReached) -> None:
        while (key := self._deadlines.pop_due(self._now)) is not None:
            if isinstance(key, _Whole):
                self._bound_struck()
            elif key.state is State.BACKOFF:
                self._starts.add(key)
            else:
                key.enter(Occurrence.OVERRUN)
                self._kill(key)
        self._start_due()

    # -- the manager as a whole

    def _reload(self, message: msg.Reload) -> None:
        if self._stopping:
            return
        self._agenda.publish(events.ManagerReloading)
        for worker in self._roster.workers():
            if worker.state in (State.STARTING, State.RUNNING):
                self._agenda.add(Signal(worker.incarnation, Request.RELOAD))
        self._agenda.publish(events.ManagerReloaded)

    def _stop_noticed(self, message: msg.StopNoticed) -> None:
        self._stopping = True
        self._starts.close()

    def _shut_down(self, message: msg.ShutDown) -> None:
        if self._shutting_down:
            return
        self._begin_end(graceful=True)
        if self._grace > 0:
            self._bound = message.asked_at + self._grace
            self._deadlines.set(_Whole.MANAGER, self._bound)
        for worker in self._roster.workers():
            self._stop(worker)

    def _abort(self, message: msg.Abort) -> None:
        if not self._shutting_down:
            self._begin_end(graceful=False)
        if self._forced:
            return
        self._forced = True
        self._deadlines.set(_Whole.MANAGER, self._now + INTERRUPT_GRACE)
        for worker in self._roster.workers():
            if worker.alive:
                if worker.state is not State.STOPPING:
                    worker.enter(Occurrence.STOP)
                self._deadlines.cancel(worker)
                self._agenda.add(Signal(worker.incarnation, Request.INTERRUPT))
            else:
                self._stop(worker)

    def _begin_end(self, *, graceful: bool) -> None:
        self._stopping = self._shutting_down = True
        self._starts.close()
        self._agenda.publish(events.ManagerStopping, graceful=graceful)

    def _bound_reached(self) -> bool:
        return self._bound is not None and self._now >= self._bound

    def _bound_struck(self) -> None:
        """End by force; if even SIGKILL does not help in time, leave."""
        if self._last_resort:
            self._finish(1)
            return
        self._forced = self._last_resort = True
        for worker in [w for w in self._roster.workers() if w.alive and not w.forced]:
            self._kill(worker)
        self._deadlines.set(_Whole.MANAGER, self._now + REAP_MARGIN)

    def _finish(self, status: int) -> None:
        self._done = True
        self._deadlines.cancel(_Whole.MANAGER)
        self._agenda.publish(events.ManagerStopped, status=status)
        self._agenda.add(Exit(status))

    @property
    def _now(self) -> float:
        return self._agenda.now.monotonic

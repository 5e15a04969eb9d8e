"""The supervisor: every decision of the manager, as values.

The shell hands each observation and command to :meth:`Supervisor.handle` with
the time, performs the actions that come back in their order, answers each
:class:`Spawn` with ``Spawned`` or ``SpawnFailed`` before anything else, and
sends ``DeadlineReached`` when :meth:`Supervisor.deadline` has come.

The decisions stand in the parts: :mod:`.starting`, :mod:`.stopping`,
:mod:`.watching`, :mod:`.ends` (what follows a death), :mod:`.recycling`, :mod:`.reloading`,
:mod:`.replacement`, :mod:`.operating`, :mod:`.departure` and :mod:`.shutdown`.
Here messages find them, and services get their size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Action
from cotyledon_core.supervision.departure import Departure
from cotyledon_core.supervision.ends import Ends
from cotyledon_core.supervision.messages import Instant, Message, ServiceSpec
from cotyledon_core.supervision.operating import Operating
from cotyledon_core.supervision.recycling import Recycling
from cotyledon_core.supervision.reloading import Reloading
from cotyledon_core.supervision.replacement import Replacement
from cotyledon_core.supervision.results import STOPPING, Wish
from cotyledon_core.supervision.shutdown import Shutdown
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.snapshot import Snapshot, WorkerSnapshot, of_service, of_worker
from cotyledon_core.supervision.starting import Starting
from cotyledon_core.supervision.states import Goal
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.timers import Kind
from cotyledon_core.supervision.watching import Watching
from cotyledon_core.supervision.worker import Ending
from cotyledon_core.types import ServiceId, WorkerId


class Supervisor:
    """Decides; see the module's description.

    :param grace: the manager's grace period in seconds; 0 waits without end.
    :param spawn_interval: the least time between two starts, in seconds.
    :param random: gives the next random number from 0 to 1.
    :param stop_delay: seconds from the accepted stop until the workers are asked to end.
    """

    def __init__(
        self,
        grace: float,
        spawn_interval: float = 0.0,
        random: Callable[[], float] = lambda: 0.0,
        stop_delay: float = 0.0,
    ) -> None:
        situation = self._situation = Situation(grace, spawn_interval)
        self._agenda = situation.agenda
        self._stopping = stopping = Stopping(situation)
        watching = Watching(situation, stopping)
        self._recycling = recycling = Recycling(situation, stopping, random)
        self._replacement = replacement = Replacement(situation, stopping, recycling)
        self._starting = starting = Starting(situation, stopping, watching, recycling, replacement)
        self._reloading = reloading = Reloading(situation, starting, recycling, replacement)
        self._shutdown = shutdown = Shutdown(situation, stopping, stop_delay)
        self._departure = departure = Departure(situation, stopping, replacement)
        self._ends = Ends(situation, stopping, recycling, replacement, departure, shutdown)
        self._operating = Operating(situation, starting, stopping, recycling, replacement)
        self._handlers = self._observations(watching) | self._commands()
        self._timers: dict[Kind, Callable[[Any], None]] = {
            Kind.BACKOFF: starting.backoff_over,
            Kind.START: watching.start_overdue,
            Kind.WATCHDOG: watching.beat_overdue,
            Kind.GRACE: stopping.grace_over,
            Kind.DUMP: stopping.dump_due,
            Kind.ABORT: stopping.kill,
            Kind.PROOF: replacement.proven,
            Kind.REPLACEMENT: reloading.overdue,
            Kind.LIFETIME: recycling.lifetime_over,
            Kind.STOP: lambda _: shutdown.delay_over(),
            Kind.BOUND: lambda _: shutdown.bound_struck(),
        }

    def _observations(self, watching: Watching) -> dict[type[Any], Callable[[Any], None]]:
        starting, stopping, ends = self._starting, self._stopping, self._ends
        return {
            msg.Spawned: starting.spawned,
            msg.SpawnFailed: ends.spawn_failed,
            msg.Ready: starting.ready,
            msg.GraceAnnounced: stopping.grace_announced,
            msg.StatusTold: self._status_told,
            msg.LeaveAsked: self._replacement.leave_asked,
            msg.Reloaded: self._replacement.reloaded,
            msg.Beat: watching.beat,
            msg.BeatRead: watching.beat_read,
            msg.TimeoutExtended: watching.extended,
            msg.DumpRead: stopping.dump_read,
            msg.RecycleAsked: self._recycling.asked,
            msg.Exited: ends.exited,
            msg.DeadlineReached: self._deadline_reached,
            msg.StopNoticed: self._shutdown.stop_noticed,
        }

    def _commands(self) -> dict[type[Any], Callable[[Any], None]]:
        return {
            msg.Start: self._start,
            msg.AddService: self._add_service,
            msg.Scale: self._scale,
            msg.RemoveService: self._departure.remove,
            msg.AskReload: self._reloading.asked,
            msg.Reload: self._reloading.reload,
            msg.RefuseReload: self._reloading.refused,
            msg.OperatorStop: self._operating.stop,
            msg.OperatorStart: self._operating.start,
            msg.OperatorRestart: self._operating.restart,
            msg.Await: self._operating.wait,
            msg.Forget: self._operating.forget,
            msg.SetGrace: self._set_grace,
            msg.SetPace: self._set_pace,
            msg.ShutDown: self._shutdown.shut_down,
            msg.Abort: self._shutdown.abort,
        }

    # -- the interface

    def handle(self, message: Message, now: Instant) -> list[Action]:
        """Take in one message; return what has to be done, in order.

        :raises ImpossibleMessage: if it cannot arrive now; nothing has changed.
        """
        self._agenda.now = now
        if self._shutdown.done:
            return []
        self._handlers[type(message)](message)
        if not self._reloading.awaits_answer:  # which may bring what is missing
            self._shutdown.ask_if_due()
        self._reloading.finish_if_over()
        if not self._situation.stopping and self._situation.readiness.completed():
            self._announce_ready()
        self._situation.results.look()
        self._shutdown.finish_if_over()
        return self._agenda.take()

    def deadline(self) -> float | None:
        """When ``DeadlineReached`` is due, in monotonic seconds; None for never."""
        times = [self._situation.deadlines.next(), self._situation.starts.next_at()]
        return min((when for when in times if when is not None), default=None)

    def snapshot(self) -> Snapshot:
        """Everything that is known of services and workers."""
        situation = self._situation
        services = situation.roster.services()
        return Snapshot(
            situation.stopping, tuple(of_service(each, situation.deadlines) for each in services)
        )

    def peek(self, service_id: ServiceId, worker_id: WorkerId) -> WorkerSnapshot | None:
        """What is known of one worker: of two processes in its place, the newer."""
        situation = self._situation
        service = situation.roster.find(service_id)
        if service is None:
            return None
        found = (service.workers.get(worker_id), service.doubles.get(worker_id))
        there = [worker for worker in found if worker is not None]
        if not there:
            return None
        return of_worker(max(there, key=lambda worker: worker.number), situation.deadlines)

    def expected(self, service_id: ServiceId) -> int:
        """How many workers of a service are wanted, and not stopped by an operator."""
        service = self._situation.roster.find(service_id)
        return service.expected if service is not None else 0

    # -- services and their size

    def _start(self, message: msg.Start) -> None:
        situation = self._situation
        situation.readiness.check_not_begun()
        situation.roster.check_new(message.services)
        self._agenda.publish(events.ManagerStarted, pid=message.pid, name=message.name)
        for spec in message.services:
            self._add(spec)
        situation.readiness.begin()

    def _add_service(self, message: msg.AddService) -> None:
        self._situation.roster.check_new([message.spec])
        self._add(message.spec)

    def _add(self, spec: ServiceSpec) -> None:
        situation = self._situation
        service = self._departure.returned(spec)
        if service is None:
            service = situation.roster.add(spec)
            situation.order.add(service)
        self._agenda.publish_of(service, events.ServiceAdded, workers=spec.workers)
        self._starting.fill(service)
        situation.order.look_at(service)
        lost = situation.order.lost_before(service)
        if lost is not None:
            self._ends.give_up(service, f"it starts after {lost}, which was never ready")
        self._situation.completion.look_at(service)

    def _scale(self, message: msg.Scale) -> None:
        service, results = self._situation.roster.find(message.service_id), self._situation.results
        if self._situation.stopping:
            results.refuse(message.number, STOPPING)
            return
        if service is None or service.leaving:
            results.refuse(message.number, "the service was removed")
            return
        results.expect(message.number, service, Wish.SIZE)
        if message.workers == service.wanted:
            return
        results.supersede(service, message.number)
        old, service.wanted = service.wanted, message.workers
        service.count_held()
        self._agenda.publish_of(
            service, events.ServiceScaled, old_workers=old, workers=service.wanted
        )
        for worker in service.surplus():
            worker.goal = Goal.DOWN
            self._stopping.stop(worker, Ending.STOP)
        for worker in service.workers.values():
            if service.wants(worker.worker_id):
                worker.goal = Goal.UP
        self._starting.fill(service)
        self._situation.completion.look_at(service)
        self._recycling.grant(service)
        self._replacement.advance(service)
        self._situation.order.look_at(service)

    # -- what happens to all

    def _set_grace(self, message: msg.SetGrace) -> None:
        self._situation.grace = message.grace

    def _set_pace(self, message: msg.SetPace) -> None:
        self._situation.starts.set_interval(message.spawn_interval)
        self._shutdown.set_delay(message.stop_delay)

    def _announce_ready(self) -> None:
        roster = self._situation.roster
        kept = [service for service in roster.services() if not service.is_lost]
        self._agenda.publish(
            events.ManagerReady,
            services=len(kept),
            workers=sum(service.expected for service in kept),
            lost=tuple(roster.lost()),
        )

    def _status_told(self, message: msg.StatusTold) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        worker.status_text = message.text
        self._agenda.publish_of_worker(worker, events.WorkerStatus, text=message.text)

    def _deadline_reached(self, message: msg.DeadlineReached) -> None:
        situation = self._situation
        while (timer := situation.deadlines.pop_due(situation.now)) is not None:
            self._timers[timer.kind](timer.subject)
        if not self._reloading.awaits_answer:  # which changes what processes are made of
            self._starting.start_due(message.most_starts)

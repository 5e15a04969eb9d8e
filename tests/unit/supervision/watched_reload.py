"""A simulation that checks after each message what must hold while workers are replaced.

It looks into the supervisor: what is counted there has to equal a recount, and
nothing may stay behind of what is over.
"""

from __future__ import annotations

from typing import Any

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Action, Request, Signal
from cotyledon_core.supervision.messages import Incarnation, Message
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.states import ALIVE, SETTLED, Goal, State
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending, Worker
from cotyledon_core.testing.simulation import FakeProcess, Simulation
from cotyledon_core.types import ServiceId, WorkerId

from watched_commands import WatchedCommands  # isort: skip  # beside this file

FORCE = {Request.DUMP, Request.ABORT, Request.KILL, Request.INTERRUPT}
RESULTS = (events.ManagerReloaded, events.ReloadFailed)


class WatchedReload(Simulation):
    """See the module's description."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.revision_of: dict[FakeProcess, int] = {}
        self.process_of: dict[Incarnation, FakeProcess] = {}
        self.mixed: set[ServiceId] = set()
        """Services with workers that may be of any revision: a reload of them has failed, or
        some were told to reload in place."""
        self.replaced: set[ServiceId] = set()
        """Services whose workers are replaced by the reload that is under way."""
        self.undone: set[ServiceId] = set()
        """Services that are only mixed until it is undone."""
        self.under_reload = False
        self.broken = False
        self.commands = WatchedCommands()

    # -- looking into the supervisor

    @property
    def services(self) -> dict[ServiceId, SupervisedService]:
        return self.supervisor._situation.roster._services

    def living(self, service: SupervisedService) -> list[FakeProcess]:
        """Those that were not asked to end, and are not ended by force."""
        return [p for p in self.processes(service.spec.service_id) if serves(p)]

    def serving(self) -> list[Incarnation]:
        return [
            w.incarnation
            for service in self.services.values()
            for w in service.all_workers()
            if w.alive and w.state is not State.STOPPING
        ]

    # -- one message

    def step(self, message: Message) -> tuple[list[Action], list[Message]]:
        self.broken = True
        before = {service: len(standbys(service)) for service in self.services.values()}
        ready = {p.incarnation for p in self.processes() if p.ready and serves(p)}
        told = len(self.events)
        self.commands.note(message, self.serving())
        actions, answers = super().step(message)
        self.commands.check_answers(actions, self.serving())
        self._check_replaced(actions)
        if self.exit_status is None:
            if not (isinstance(message, msg.OperatorRestart) and not message.rolling):
                self._check_stops(actions, ready)
            self._check_surges(before)
            self.check()
        self._check_results(told)
        self.broken = False
        return actions, answers

    def _spawn(self, incarnation: Incarnation) -> Message:
        hold = self.services[incarnation.service_id].hold
        assert not hold.holds(incarnation.worker_id), "started though an operator has stopped it"
        answer = super()._spawn(incarnation)
        if isinstance(answer, msg.Spawned):
            process = self.kernel.processes[answer.pid]
            self.process_of[incarnation] = process
            self.revision_of[process] = self.services[incarnation.service_id].spec.revision
        return answer

    def _has_room(self, incarnation: Incarnation) -> bool:
        service = self.services[incarnation.service_id]
        there = sum(other[:2] == incarnation[:2] for other in self._by_incarnation)
        return there < (2 if incarnation.worker_id in service.doubles else 1)

    def _check_stops(self, actions: list[Action], ready: set[Incarnation]) -> None:
        """No more than ``max_unavailable`` are missing because of a replacement."""
        for action in actions:
            if not isinstance(action, Signal) or action.request is not Request.STOP:
                continue
            service_id, worker_id, _ = action.incarnation
            service = self.services.get(service_id)
            if action.incarnation not in ready or service is None:
                continue
            found = [w for w in service.all_workers() if w.incarnation == action.incarnation]
            served = [p for p in self.living(service) if p.ready]
            slots = {p.incarnation.worker_id for p in served}
            if not found or found[0].ending is not Ending.REPLACEMENT or worker_id in slots:
                continue
            missing = service.expected - service.settled - len(slots)
            most = service.spec.max_unavailable.at_least_one_of(service.wanted)
            assert missing <= most, f"{missing} of {service.wanted} are missing, not {most}"

    def _check_replaced(self, actions: list[Action]) -> None:
        stopped = {
            action.incarnation
            for action in actions
            if isinstance(action, Signal) and action.request is Request.STOP
        }
        for service in self.services.values():
            for worker in service.all_workers():
                if worker.ending is Ending.REPLACEMENT and worker.incarnation in stopped:
                    self.commands.check_replaced(worker.incarnation)

    def _check_surges(self, before: dict[SupervisedService, int]) -> None:
        for service, count in before.items():
            most = service.spec.max_surge.rounded_up_of(service.wanted)
            assert len(standbys(service)) <= max(count, most), "too many beyond the wanted"

    def _check_results(self, since: int) -> None:
        """Each reload that has begun has one result, before the next begins."""
        for event in self.events[since:]:
            if isinstance(event, events.ManagerReloading):
                assert not self.under_reload, "begun twice"
                self.under_reload = True
            elif isinstance(event, RESULTS):
                assert self.under_reload, "a result of nothing"
                self.under_reload = False
            if isinstance(event, events.ManagerReloaded):
                self.mixed -= self.replaced
            elif isinstance(event, events.ReloadUndone) and not event.error:
                self.mixed -= self.undone

    # -- at any time

    def check(self) -> None:
        """What holds after every message."""
        situation = self.supervisor._situation
        workers = [w for service in self.services.values() for w in service.all_workers()]
        assert situation.alive == sum(worker.alive for worker in workers)
        assert situation.readiness._awaited == sum(w.awaits_first_ready for w in workers)
        for service in self.services.values():
            check_counts(service)
            if not situation.stopping:
                self._check_service(service)
        if not situation.stopping:
            self._check_nothing_is_left(workers)

    def _check_service(self, service: SupervisedService) -> None:
        waited_for = service in self.supervisor._replacement.under_way
        assert waited_for == (service.rollout.awaited or service.leaving)
        check_rollout(service)
        up = sorted(w.worker_id for w in service.workers.values() if w.goal is Goal.UP)
        assert up == [i for i in range(service.wanted) if not service.hold.holds(WorkerId(i))]
        assert service.held == service.wanted - len(up)
        assert len(self.living(service)) <= service.wanted + len(service.doubles)
        revisions = {self.revision_of[process] for process in self.living(service)}
        assert len(revisions) <= 2 or service.spec.service_id in self.mixed

    def _check_nothing_is_left(self, workers: list[Worker]) -> None:
        situation = self.supervisor._situation
        present = set(self.services)
        assert set(situation.order._places) == present
        assert situation.completion._open <= present
        assert set(self.supervisor._replacement.under_way) <= set(self.services.values())
        for kind, subject in situation.deadlines._current:
            if isinstance(subject, Worker):
                assert subject in workers, "a deadline of one that is gone"
                assert kind is not Kind.PROOF or subject in subject.service.rollout.observed
            elif isinstance(subject, SupervisedService):
                assert subject.spec.service_id in present
                assert subject.stands

    def is_at_rest(self) -> bool:
        services = self.services.values()
        return not self.under_reload and not any(
            service.rollout.under_way
            or service.doubles
            or service.leaving
            or service.alive + service.settled != service.expected
            or service.alive != service.running
            for service in services
        )

    def check_at_rest(self) -> None:
        """Nothing happens any more, and everything was well-behaved for long enough."""
        assert not self.under_reload, "a reload without a result"
        for service in self.services.values():
            assert not service.leaving
            assert not service.rollout.under_way
            assert not service.doubles
            assert not service.rollout.awaited
            assert Timer(Kind.REPLACEMENT, service) not in self.supervisor._situation.deadlines
            if service.spec.service_id not in self.mixed:
                newest = (None, service.spec.revision)  # None: it has asked to leave, in vain
                for worker in service.workers.values():
                    assert not worker.alive or worker.revision in newest, "left behind"
            for worker in service.workers.values():
                up = State.RUNNING if worker.goal is Goal.UP else State.STOPPED
                assert worker.state is up or worker.state in SETTLED, "left alone"
        assert not self.supervisor._replacement.under_way
        assert not self.commands.open, "commands without an answer"


def serves(process: FakeProcess) -> bool:
    return not process.asked and FORCE.isdisjoint(process.received)


def standbys(service: SupervisedService) -> list[Worker]:
    """The doubles that go on until their successors count."""
    return [worker for worker in service.doubles.values() if worker.goal is Goal.UP]


def check_counts(service: SupervisedService) -> None:
    workers = service.all_workers()
    assert service.alive == sum(worker.state in ALIVE for worker in workers)
    assert service.running == sum(worker.state is State.RUNNING for worker in workers)
    renewed = [w for w in workers if w.generation == service.generation]
    assert service.renewed == sum(worker.state is State.RUNNING for worker in renewed)
    assert service.settled == sum(worker.state in SETTLED for worker in workers)
    assert service.awaited == sum(worker.awaits_first_ready for worker in workers)
    assert set(service.doubles) <= set(service.workers)
    for double in service.doubles.values():
        assert double.alive
        assert double.number <= service.workers[double.worker_id].last_number


def check_rollout(service: SupervisedService) -> None:
    rollout = service.rollout
    groups = {
        "told": (set(rollout.told), {State.STARTING, State.RUNNING, State.STOPPING}),
        "waiting": (set(rollout.waiting), {State.RUNNING, State.STOPPING}),
        "coming": (rollout.coming, {State.STOPPING, State.STOPPED, State.BACKOFF}),
        "starting": (rollout.starting, {State.STARTING, State.STOPPING}),
        "observed": (rollout.observed, {State.RUNNING, State.STOPPING}),
    }
    members = [worker for group, _ in groups.values() for worker in group]
    assert len(members) == len(set(members)), "in two groups at a time"
    assert set(members) <= set(service.workers.values())
    for name, (group, states) in groups.items():
        assert {worker.state for worker in group} <= states, name
    for worker in rollout.coming:
        assert worker.alive or worker.queued, "nothing comes"
    for worker in service.workers.values():
        if service.has_standby(worker):
            assert worker in rollout or worker.state is State.BACKOFF, "a double for ever"

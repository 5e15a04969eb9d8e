"""A simulation that knows what each message has to lead to, and checks that it does.

It knows it from what was commanded, from what the processes did and from what
the policies answered; of the supervisor it looks at the actions and the
snapshot only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import (
    Cause,
    Death,
    Decision,
    GiveUp,
    Phase,
    Restart,
    Stop,
)
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import (
    Action,
    AskShutdown,
    CallReloadHooks,
    Exit,
    PrepareReload,
    Publish,
    Request,
    Signal,
    Spawn,
    UndoReload,
)
from cotyledon_core.supervision.messages import Incarnation, Instant, Message, ServiceSpec
from cotyledon_core.supervision.order import Stage
from cotyledon_core.supervision.shutdown import INTERRUPT_GRACE
from cotyledon_core.supervision.snapshot import WorkerSnapshot
from cotyledon_core.supervision.states import ALIVE, Goal, State
from cotyledon_core.supervision.stopping import DUMP_PATIENCE, KILL_MARGIN
from cotyledon_core.supervision.supervisor import Supervisor
from cotyledon_core.testing.simulation import FakeProcess, Simulation
from cotyledon_core.types import ServiceId, WorkerId

from watched_commands import Order, WatchedCommands, WatchedHolds  # isort: skip  # beside this file
from watched_ledger import WatchedLedger  # isort: skip  # beside this file
from watched_leaving import WatchedLeaving  # isort: skip  # beside this file
from watched_recycling import RANDOM, WatchedRecycling, slot_of  # isort: skip  # beside this file

NEVER = float("inf")
Slot = tuple[ServiceId, WorkerId]
Policy = Callable[[Death], Decision]


class Watched(Simulation):
    """See the module's description.

    Beside the supervisor runs a second one that hears the same, but whose wall
    clock stands still: both have to do the same.
    """

    def __init__(self, grace: float, spawn_interval: float) -> None:
        super().__init__(grace, spawn_interval, lambda: RANDOM)
        self.grace = grace
        self.interval = spawn_interval
        self.specs: dict[ServiceId, ServiceSpec] = {}
        self.wanted: dict[ServiceId, int] = {}
        self.given_up: set[ServiceId] = set()
        self.ended: set[Slot] = set()
        """Those that their policy left ended."""
        self._lost = False
        """Whether a service was given up that the manager cannot do without."""
        self._shell_asked = False
        self.failures: set[Slot] = set()
        """Those of them that have not done what they were for."""
        self.status = 0
        """What the manager exits with, unless by force."""
        self.due: dict[Slot, float] = {}
        """When those that wait for a start may start."""
        self.restarts: dict[Slot, int] = {}
        self.last_start = -NEVER
        self.outstanding: set[msg.Incarnation] = set()
        """Processes that were asked for, where it is not told yet whether they are there."""
        self.process_of: dict[msg.Incarnation, FakeProcess] = {}
        self.spawned_at: dict[FakeProcess, float] = {}
        self.said_ready: set[FakeProcess] = set()
        self.announced: dict[FakeProcess, float] = {}
        self.kill_due: dict[FakeProcess, float] = {}
        self.became_ready: set[FakeProcess] = set()
        self.heard: dict[FakeProcess, float] = {}
        """Until when a process has a right to be silent, or to start."""
        self.hung: dict[FakeProcess, Cause] = {}
        self.dumped_at: dict[FakeProcess, float] = {}
        self.stop_noticed = self.shutting_down = self.aborted = False
        self.bound = NEVER
        """When everything is to be ended by force."""
        self.interrupt_bound = NEVER
        self.awaited: set[Slot] | None = None
        """Those that the manager's readiness waits for; None while nothing was started."""
        self.manager_ready = False
        self.failed = False
        """Whether a check has failed."""
        self.recycling = WatchedRecycling()
        self.leaving = WatchedLeaving()
        self.ledger = WatchedLedger()
        self.holds = WatchedHolds()
        self.commands = WatchedCommands()
        self.awaited_before: set[ServiceId] = set()
        """The services for which a reload has waited before the message."""
        self.under_reload = False
        self._decisions: list[tuple[Death, Decision]] = []
        self._twin = Supervisor(grace, spawn_interval, lambda: RANDOM)

    # -- what is known

    @property
    def now(self) -> float:
        return self.clock.monotonic

    def unreaped(self) -> list[FakeProcess]:
        return list(self.kernel.processes.values())

    def slots(self) -> dict[Slot, WorkerSnapshot]:
        return {
            (service.service_id, worker.worker_id): worker
            for service in self.supervisor.snapshot().services
            for worker in service.workers
        }

    # -- one message

    def step(self, message: Message) -> tuple[list[Action], list[Message]]:
        self.failed = True
        over = self.exit_status is not None
        done = super().step(message) if over else self._checked_step(message)
        assert not (over and done[0]), "something follows the exit"
        self.failed = False
        return done

    def _checked_step(self, message: Message) -> tuple[list[Action], list[Message]]:
        before = set(self.slots())
        unasked = [p for p in self.unreaped() if not p.asked and p not in self.hung]
        self.commands.note(message, [process.incarnation for process in unasked])
        if self._is_obeyed(message):
            self._note_order(message, unasked)
        self._note(message)
        self._note_bounds(message)
        policy_expected = self._policy_expected(message) and not self._is_due(message)
        self._decisions.clear()
        self.awaited_before = self._awaited_by_reload()
        gated = self._gated()
        self._replaced_anyway = self._is_due(message)
        actions, answers = super().step(self._listened(message))
        self._compare_with_twin(message, actions)
        self._check_halted(message, gated - self._gated())
        assert len(self._decisions) == policy_expected, "each unasked end reaches the policy once"
        self._check_signals(message, actions, unasked)
        self.commands.check_answers(actions, self._serving())
        self._check_end(message, actions)
        self._take_in_slots(before)
        self._check_starts(message, actions)
        self._check_own_stop(message, actions)
        self._check_reloads(message, actions)
        self._check_readiness(message, actions)
        self._check_exit(actions)
        self.ledger.check(_events(actions), self.supervisor.snapshot())
        for answer in answers:
            if isinstance(answer, msg.Spawned):
                process = self.kernel.processes[answer.pid]
                self.process_of[answer.incarnation] = process
                self.spawned_at[process] = self.now
                self._allow(process, self.spec_of(process).start_timeout)
        return actions, answers

    def _note(self, message: Message) -> None:
        """What the message changes in what is wanted."""
        if isinstance(message, msg.Spawned | msg.SpawnFailed):
            self.outstanding.discard(message.incarnation)
        if isinstance(message, msg.Start):
            self.awaited = set()
            for spec in message.services:
                self._add_spec(spec)
        elif isinstance(message, msg.AddService):
            self._add_spec(message.spec)
        elif isinstance(message, msg.Scale):
            if not self.stop_noticed:
                self.wanted[message.service_id] = message.workers
        elif isinstance(message, msg.SetGrace):
            self.grace = message.grace
        elif isinstance(message, msg.GraceAnnounced | msg.TimeoutExtended | msg.Ready | msg.Beat):
            self._note_said(message, self.process_of[message.incarnation])
        elif isinstance(message, msg.StopNoticed | msg.ShutDown | msg.Abort):
            self._note_stop(message)

    # -- orders

    def _is_obeyed(self, message: Message) -> TypeGuard[Order]:
        if not isinstance(message, Order) or self.stop_noticed:
            return False
        worker_id = message.worker_id
        return worker_id is None or worker_id < self.wanted[message.service_id]

    def _note_order(self, order: Order, unasked: list[FakeProcess]) -> None:
        """What an operator commands changes what is wanted."""
        self.holds.note(order)
        if isinstance(order, msg.OperatorStop):
            self._note_held(order)
        else:
            self._note_started(order)
        if isinstance(order, msg.OperatorRestart) and order.rolling:
            for process in self._in_turn(order, unasked):
                self.leaving.asked(process)

    def _note_held(self, order: Order) -> None:
        """Those that have no process are not started, nor waited for."""
        for slot in self._meant(order):
            if self._process_in(slot) is None:
                self._forget_slot(slot)

    def _note_started(self, order: Order) -> None:
        """Whoever has no process is started, whatever it was left ended by, or waits for."""
        service_id = order.service_id
        meant = set(self._meant(order))
        place = self.supervisor._situation.order._places[service_id]
        everybody = replace(order, worker_id=None) if service_id in self.given_up else order
        self.given_up.discard(service_id)
        for slot, worker in self.slots().items():
            if slot in self._meant(everybody):
                self.restarts.pop(slot, None)
                left = worker.state in (State.EXITED, State.FATAL)
                if left or worker.state is State.BACKOFF:
                    self.due.setdefault(slot, self.now)
                    self.due[slot] = min(self.due[slot], self.now)
                if left and place.stage is Stage.LOST:
                    self._await(slot)
                if left:
                    self.ended.discard(slot)
                    self.failures.discard(slot)
            if slot in meant and worker.state is State.STOPPED and slot not in self.due:
                self.due[slot] = self.now
                self._await(slot)

    def _await(self, slot: Slot) -> None:
        if self.awaited is not None and not self.manager_ready:
            self.awaited.add(slot)

    def _meant(self, order: Order) -> list[Slot]:
        """The slots that an order is for."""
        service_id, worker_id = order.service_id, order.worker_id
        if worker_id is not None:
            return [(service_id, worker_id)]
        return [(service_id, WorkerId(i)) for i in range(self.wanted[service_id])]

    def _in_turn(self, order: Order, processes: list[FakeProcess]) -> list[FakeProcess]:
        """The ready ones of these that an order is for, in the supervisor's order of workers."""
        service = self.supervisor._situation.roster.service(order.service_id)
        of = {process.incarnation: process for process in processes}
        meant = self._meant(order)
        found = [of.get(worker.incarnation) for worker in service.workers.values()]
        return [p for p in found if p in self.became_ready and p and slot_of(p) in meant]

    def _process_in(self, slot: Slot) -> FakeProcess | None:
        return next((process for process in self.unreaped() if slot_of(process) == slot), None)

    def _forget_slot(self, slot: Slot) -> None:
        """The slot is empty, and stays so."""
        self.due.pop(slot, None)
        self.ended.discard(slot)
        self.failures.discard(slot)
        if self.awaited is not None:
            self.awaited.discard(slot)

    def _wants(self, slot: Slot) -> bool:
        return slot[1] < self.wanted[slot[0]] and slot not in self.holds

    def _expected(self) -> dict[ServiceId, int]:
        """How many workers of each service are to be there."""
        return {
            service_id: sum(self._wants((service_id, WorkerId(i))) for i in range(wanted))
            for service_id, wanted in self.wanted.items()
        }

    def _gated(self) -> set[ServiceId]:
        """The services in which a rolling restart is under way."""
        services = self.supervisor._situation.roster.services()
        return {service.spec.service_id for service in services if service.rollout.gated}

    def _check_halted(self, message: Message, services: set[ServiceId]) -> None:
        """Rolling restarts are over: because of a loss, or there is nobody left to replace."""
        lost = isinstance(message, msg.Exited | msg.SpawnFailed)
        for service_id in services:
            left = [p for p in self.unreaped() if p.incarnation.service_id == service_id]
            waiting = [process for process in left if process in self.leaving and not process.asked]
            if isinstance(message, Order) or self.stop_noticed:
                continue
            assert lost or not waiting or service_id in self.awaited_before, "left in its middle"
            self.leaving.left(waiting)

    def _serving(self) -> list[Incarnation]:
        return [p.incarnation for p in self.unreaped() if not p.asked and p not in self.hung]

    # -- what was said

    def _note_said(self, message: Message, process: FakeProcess) -> None:
        if isinstance(message, msg.GraceAnnounced):
            self._note_grace(process, message.grace)
        elif isinstance(message, msg.TimeoutExtended):
            self._note_extension(process, message.seconds)
        elif isinstance(message, msg.Beat) or process not in self.became_ready:
            self.became_ready.add(process)
            self._allow(process, self.spec_of(process).watchdog_timeout)

    def spec_of(self, process: FakeProcess) -> ServiceSpec:
        return self.specs[process.incarnation.service_id]

    def _allow(self, process: FakeProcess, seconds: float) -> None:
        self.heard[process] = self.now + seconds if seconds else NEVER

    def _note_extension(self, process: FakeProcess, seconds: float) -> None:
        until = self.now + seconds
        if process in self.hung or process in self.dumped_at:
            return
        if process.asked:
            if self.kill_due[process] != NEVER:
                due = self.kill_due[process]
                self.kill_due[process] = max(due, until + KILL_MARGIN)
        elif self.heard[process] != NEVER:
            self.heard[process] = max(self.heard[process], until)

    def _add_spec(self, spec: ServiceSpec) -> None:
        self.specs[spec.service_id] = spec
        self.wanted[spec.service_id] = spec.workers

    def _note_bounds(self, message: Message) -> None:
        """What the message says of workers' bounds."""
        if isinstance(message, msg.LeaveAsked):
            process = self.process_of[message.incarnation]
            if process in self.became_ready and not process.asked and process not in self.hung:
                self.leaving.asked(process)
        elif isinstance(message, msg.RecycleAsked):
            process = self.process_of[message.incarnation]
            if process not in self.hung:
                self.recycling.asked(process, message.reason)
        elif isinstance(message, msg.DeadlineReached):
            self.recycling.lifetimes_over(self.specs, self.now)
        elif isinstance(message, msg.Exited):
            self.recycling.left([self.process_of[message.incarnation]])
            self.leaving.left([self.process_of[message.incarnation]])
        elif isinstance(message, msg.Ready):
            process = self.process_of[message.incarnation]
            if process not in self.said_ready and not process.asked and process not in self.hung:
                self.recycling.ready(process, self.specs[process.incarnation.service_id], self.now)
            self.said_ready.add(process)

    def _note_grace(self, process: FakeProcess, grace: float) -> None:
        self.announced[process] = grace
        ended_by_force = {Request.DUMP, Request.KILL, Request.INTERRUPT}
        if process.asked and ended_by_force.isdisjoint(process.received):
            self._expect_end(process)

    def _note_stop(self, message: Message) -> None:
        self.stop_noticed = True
        self.due.clear()
        if isinstance(message, msg.ShutDown) and not self.shutting_down:
            self.shutting_down = True
            self.bound = message.asked_at + self.grace if self.grace else NEVER
        if isinstance(message, msg.Abort):
            self.shutting_down = True
            if self.interrupt_bound == NEVER:
                self.interrupt_bound = self.now + INTERRUPT_GRACE
            self.aborted = True

    def _listened(self, message: Message) -> Message:
        """The message with policies that are listened to."""
        return _with_policies(message, self._listened_policy)

    def _listened_policy(self, decide: Policy) -> Policy:
        def listened(death: Death) -> Decision:
            decision = decide(death)
            self._decisions.append((death, decision))
            return decision

        return listened

    def _compare_with_twin(self, message: Message, actions: list[Action]) -> None:
        twins = self._twin.handle(message, Instant(self.now, 0.0))
        assert list(map(_timeless, actions)) == twins, "the wall clock has changed something"
        assert self._twin.deadline() == self.supervisor.deadline()

    # -- signals

    def _check_signals(
        self, message: Message, actions: list[Action], unasked: list[FakeProcess]
    ) -> None:
        sent: dict[Request, list[FakeProcess]] = {request: [] for request in Request}
        for action in actions:
            if isinstance(action, Signal):
                sent[action.request].append(self.process_of[action.incarnation])
        self._forget_leavers(message, actions, unasked)
        self._check_dumps(message, sent[Request.DUMP])
        self._check_stops(self._to_stop(message, unasked), sent[Request.STOP])
        assert _set(sent[Request.RELOAD]) == _set(self._to_reload(message, unasked))
        if isinstance(message, msg.Abort):
            spared = [p for p in self.unreaped() if Request.INTERRUPT not in p.received]
            ended = {Request.KILL, Request.DUMP}
            assert not any(ended.isdisjoint(process.received) for process in spared)
        else:
            assert not sent[Request.INTERRUPT]
        for process in sent[Request.ABORT]:
            assert process in self.hung
            assert Request.DUMP in process.received
        self._check_kills(message, sent[Request.KILL])
        for process in sent[Request.STOP]:
            self._expect_end(process)
        for process in sent[Request.INTERRUPT]:
            self.kill_due[process] = NEVER

    def _forget_leavers(
        self, message: Message, actions: list[Action], unasked: list[FakeProcess]
    ) -> None:
        """A failed reload forgets them."""
        if any(isinstance(event, events.ReloadFailed) for event in _events(actions)):
            self.leaving.left(p for p in unasked if p.incarnation.service_id in self.awaited_before)

    def _check_stops(self, expected: list[FakeProcess], stopped: list[FakeProcess]) -> None:
        """Those that had to be, and those for whose replacement it is time."""
        assert _set(expected) <= _set(stopped)
        self.recycling.left(expected)
        self.leaving.left(expected)
        others = [process for process in stopped if process not in expected]
        leaving = [process for process in others if process in self.leaving]
        self.recycling.left(leaving)
        states = {
            slot: worker.state
            for slot, worker in self.slots().items()
            if worker.state is not State.STOPPED or slot not in self.holds
        }
        specs = {} if self.stop_noticed else self.specs
        self.leaving.check_granted(leaving, states, specs, self.wanted, self._expected())
        budgets = {
            service_id: max(spec.max_recycling.of(self.wanted[service_id]), 1)
            for service_id, spec in specs.items()
            if not self._is_on_its_way(service_id)
        }
        recycled = [process for process in others if process not in leaving]
        self.recycling.check_granted(recycled, states, budgets)

    def _awaited_by_reload(self) -> set[ServiceId]:
        services = self.supervisor._situation.roster.services()
        return {service.spec.service_id for service in services if service.rollout.awaited}

    def _is_on_its_way(self, service_id: ServiceId) -> bool:
        """Whether recycling has to wait, for workers that leave or are to reload."""
        return self.supervisor._situation.roster.service(service_id).rollout.under_way

    def _to_stop(self, message: Message, unasked: list[FakeProcess]) -> list[FakeProcess]:
        if isinstance(message, msg.ShutDown):
            return unasked
        if isinstance(message, msg.LeaveAsked):
            # one that is ready has to wait for its turn
            return [
                process
                for process in unasked
                if process.incarnation == message.incarnation and process not in self.became_ready
            ]
        if isinstance(message, msg.Scale):
            return [
                process
                for process in unasked
                if not self.stop_noticed
                and process.incarnation.service_id == message.service_id
                and process.incarnation.worker_id >= message.workers
            ]
        if self._is_obeyed(message):
            return self._to_stop_for(message, unasked)
        return []

    def _to_stop_for(self, order: Order, unasked: list[FakeProcess]) -> list[FakeProcess]:
        if isinstance(order, msg.OperatorStart):
            return []
        rolling = isinstance(order, msg.OperatorRestart) and order.rolling
        meant = [process for process in unasked if slot_of(process) in self._meant(order)]
        # in a rolling restart one that is ready has to wait for its turn
        return [p for p in meant if not rolling or p not in self.became_ready]

    def _to_reload(self, message: Message, unasked: list[FakeProcess]) -> list[FakeProcess]:
        told = isinstance(message, msg.Reload) and not message.undo and not self.stop_noticed
        # those that are to be replaced are not told first
        return [process for process in unasked if process not in self.leaving] if told else []

    def _check_reloads(self, message: Message, actions: list[Action]) -> None:
        """Each that has begun has one result, before the next one begins."""
        for event in _events(actions):
            if isinstance(event, events.ManagerReloading):
                assert not self.under_reload, "begun twice"
                self.under_reload = True
            elif isinstance(event, events.ManagerReloaded | events.ReloadFailed):
                assert self.under_reload, "a result of nothing"
                self.under_reload = False
        if isinstance(message, msg.AskReload) and not self.stop_noticed:
            assert actions.count(CallReloadHooks()) == 1
            assert self.under_reload
        prepared = actions.count(PrepareReload())
        assert prepared <= self.under_reload

    def _check_dumps(self, message: Message, asked: list[FakeProcess]) -> None:
        """Those that have to be ended by force."""
        assert not asked or isinstance(message, msg.DeadlineReached | msg.BeatRead)
        for process in asked:
            self.dumped_at[process] = self.now
            if process.asked:
                assert self.now >= min(self.kill_due.get(process, NEVER), self.bound)
            elif self.now < self.bound:
                assert self.now >= self.heard[process], "taken for hung too early"
                ready = process in self.became_ready
                silent = not process.beating or process.status is not None
                assert silent or not ready, "taken for hung, but it gave signs of life"
                self.hung[process] = Cause.HUNG if ready else Cause.START_TIMEOUT
                self.recycling.left([process])
                self.leaving.left([process])

    def _check_kills(self, message: Message, killed: list[FakeProcess]) -> None:
        assert not killed or isinstance(message, msg.DeadlineReached | msg.DumpRead)
        for process in killed:
            if process in self.hung:
                assert Request.DUMP in process.received
                continue
            due = min(self.kill_due.get(process, NEVER), self.bound)
            if self.aborted:
                assert self.now >= min(due, self.interrupt_bound), "killed too early"
            else:
                assert self.now >= due, "killed too early"
                waited = self.now - self.dumped_at[process]
                assert waited > DUMP_PATIENCE * 0.99 or self.now >= self.bound

    def _expect_end(self, process: FakeProcess) -> None:
        grace = self.announced.get(process)
        if grace is None:
            grace = self.specs[process.incarnation.service_id].grace
        if grace is None:
            grace = self.grace
        self.kill_due[process] = self.now + grace + KILL_MARGIN if grace else NEVER

    # -- ends

    def _policy_expected(self, message: Message) -> bool:
        if not isinstance(message, msg.Exited | msg.SpawnFailed):
            return False
        incarnation = message.incarnation
        process = self.process_of.get(incarnation) if isinstance(message, msg.Exited) else None
        asked = process is not None and process.asked and process not in self.hung
        wanted = self._wants(incarnation[:2])
        given_up = incarnation.service_id in self.given_up
        return wanted and not (asked or self.stop_noticed or given_up)

    def _is_due(self, message: Message) -> bool:
        """Whether a process has ended that is to be replaced anyway."""
        if not isinstance(message, msg.Exited):
            return False
        service = self.supervisor._situation.roster.service(message.incarnation.service_id)
        worker = service.workers.get(message.incarnation.worker_id)
        return worker is not None and service.rollout.is_due(worker)

    def _check_end(self, message: Message, actions: list[Action]) -> None:
        told = [event for event in _events(actions) if isinstance(event, events.WorkerExited)]
        recycled = [event for event in _events(actions) if isinstance(event, events.WorkerRecycled)]
        if not isinstance(message, msg.Exited | msg.SpawnFailed):
            assert not told, "told of an end that was none"
            assert not recycled
            return
        (event,) = told
        incarnation = message.incarnation
        slot = (incarnation.service_id, incarnation.worker_id)
        assert (event.service_id, event.worker_id, event.incarnation) == incarnation
        process = self.process_of.get(incarnation) if isinstance(message, msg.Exited) else None
        self._check_end_event(event, process)
        self.recycling.check_told(process, recycled, self._is_replaced(slot))
        decision = self._check_death(event)
        if slot in self.holds:
            self._forget_slot(slot)
        if isinstance(decision, Restart):
            self.restarts[slot] = self.restarts.get(slot, 0) + 1
            self.due[slot] = self.now + decision.delay
        elif isinstance(decision, Stop):
            self._note_ended(slot, event, decision)
        elif isinstance(decision, GiveUp):
            self._note_given_up(incarnation.service_id)
        elif (event.asked or self._replaced_anyway) and self._is_replaced(slot):
            self.due[slot] = self.now
            if event.phase is Phase.RUN:
                # it ran until it was asked to end: a new series begins
                self.restarts.pop(slot, None)
        self._check_verdict(actions, decision)

    def _check_end_event(self, event: events.WorkerExited, process: FakeProcess | None) -> None:
        if process is None:
            assert (event.pid, event.cause, event.uptime) == (None, Cause.SPAWN_FAILED, 0.0)
            assert not event.asked
            return
        assert (event.pid, event.status, event.cause) == (
            process.pid,
            process.status,
            self.hung.get(process, Cause.EXITED),
        )
        assert event.asked == (process.asked and process not in self.hung)
        assert event.forced == (Request.KILL in process.received)
        assert event.uptime == self.now - self.spawned_at[process]
        assert event.phase is (Phase.RUN if process.ready else Phase.BOOT)

    def _check_death(self, event: events.WorkerExited) -> Decision | None:
        if not self._decisions:
            return None
        ((death, decision),) = self._decisions
        assert (death.service_id, death.worker_id, death.incarnation) == (
            event.service_id,
            event.worker_id,
            event.incarnation,
        )
        assert (death.now, death.wall_time) == self.clock.now()
        assert (death.status, death.cause, death.phase, death.uptime) == (
            event.status,
            event.cause,
            event.phase,
            event.uptime,
        )
        slot = (event.service_id, event.worker_id)
        assert len(death.worker_restarts) == min(self.restarts.get(slot, 0), 100)
        return decision

    def _is_replaced(self, slot: Slot) -> bool:
        """A process that was asked to end has ended; whether another follows."""
        return not self.stop_noticed and self._wants(slot)

    def _note_ended(self, slot: Slot, event: events.WorkerExited, decision: Stop) -> None:
        self.ended.add(slot)
        if self.awaited is not None:
            self.awaited.discard(slot)
        clean = decision.clean
        if clean is None:
            clean = event.cause is Cause.EXITED and event.status.code == 0
        if not clean:
            self.failures.add(slot)

    def _note_given_up(self, service_id: ServiceId) -> None:
        self.given_up.add(service_id)
        for waiting in [slot for slot in self.due if slot[0] == service_id]:
            del self.due[waiting]
        if self.awaited is not None:
            self.awaited = {slot for slot in self.awaited if slot[0] != service_id}

    @staticmethod
    def _check_verdict(actions: list[Action], decision: Decision | None) -> None:
        verdicts = [
            type(event)
            for event in _events(actions)
            if isinstance(
                event, events.WorkerRestarting | events.WorkerStopped | events.ServiceGivenUp
            )
        ]
        told = {
            Restart: [events.WorkerRestarting],
            Stop: [events.WorkerStopped],
            GiveUp: [events.ServiceGivenUp],
        }
        assert verdicts == told.get(type(decision), [])

    # -- starts

    def _take_in_slots(self, before: set[Slot]) -> None:
        """Workers that came and went with the message."""
        after = set(self.slots())
        for slot in before - after:
            self.due.pop(slot, None)
            self.restarts.pop(slot, None)
            self.ended.discard(slot)
            self.failures.discard(slot)
            if self.awaited is not None:
                self.awaited.discard(slot)
        for slot in after - before:
            if self.stop_noticed or slot[0] in self.given_up or slot in self.holds:
                continue
            self.due[slot] = self.now
            if self.awaited is not None and not self.manager_ready:
                self.awaited.add(slot)

    def _check_starts(self, message: Message, actions: list[Action]) -> None:
        starts = [action.incarnation for action in actions if isinstance(action, Spawn)]
        if starts:
            assert isinstance(message, msg.DeadlineReached)
            assert len(starts) <= message.most_starts
        for incarnation in starts:
            slot = (incarnation.service_id, incarnation.worker_id)
            assert slot in self.due, "a start that nothing led to"
            assert self.now >= self.due.pop(slot), "started too early"
            assert self.now >= self.last_start + self.interval, "started too soon after another"
            self.last_start = self.now
            self.outstanding.add(incarnation)

    # -- the manager

    def _check_own_stop(self, message: Message, actions: list[Action]) -> None:
        """The manager stops for a reason of its own, once, and only then.

        Not while the shell is about to say what a reload changes, or what undoes it.
        """
        asked = [action for action in actions if isinstance(action, AskShutdown)]
        self._lost |= any(
            isinstance(decision, GiveUp) and self.specs[death.service_id].ends_manager
            for death, decision in self._decisions
        )
        if any(isinstance(action, PrepareReload | UndoReload) for action in actions):
            self._shell_asked = True
        elif isinstance(message, msg.Reload | msg.RefuseReload):
            self._shell_asked = False
        over = self._lost or self._is_over()
        expected = over and not self.stop_noticed and not self._shell_asked
        assert len(asked) == expected
        if expected:
            self.status = 3 if self.given_up or self.failures else 0
            self.stop_noticed = True
            self.due.clear()

    def _is_over(self) -> bool:
        running = {process.incarnation.service_id for process in self.unreaped()}
        running.update(incarnation.service_id for incarnation in self.outstanding)
        running.update(service_id for service_id, _ in self.due)
        return bool(self.specs) and all(
            service_id not in running
            and (service_id in self.given_up or self._has_finished(service_id))
            for service_id in self.specs
        )

    def _has_finished(self, service_id: ServiceId) -> bool:
        wanted = self.wanted[service_id]
        return wanted > 0 and all((service_id, WorkerId(i)) in self.ended for i in range(wanted))

    def _check_readiness(self, message: Message, actions: list[Action]) -> None:
        if isinstance(message, msg.Ready) and self.awaited is not None:
            self.awaited.discard((message.incarnation.service_id, message.incarnation.worker_id))
        told = [event for event in _events(actions) if isinstance(event, events.ManagerReady)]
        expected = self.awaited == set() and not self.manager_ready and not self.stop_noticed
        assert len(told) == expected
        self.manager_ready = self.manager_ready or expected

    def _check_exit(self, actions: list[Action]) -> None:
        exits = [action for action in actions if isinstance(action, Exit)]
        left = [process for process in self.unreaped() if Request.KILL not in process.received]
        assert not (exits and left)
        if self.shutting_down and not self.unreaped():
            assert exits or self.exit_status is not None
        for exit_ in exits:
            late = self.aborted or self.now >= self.bound
            assert exit_.status == (1 if late else self.status)

    # -- at any time

    def check(self) -> None:
        """What holds after every message."""
        slots = self.slots()
        alive = {
            (slot, worker.incarnation, worker.pid)
            for slot, worker in slots.items()
            if worker.state in ALIVE
        }
        assert alive == {
            ((p.incarnation.service_id, p.incarnation.worker_id), p.incarnation.number, p.pid)
            for p in self.unreaped()
        }
        for slot in self.ended - set(self.due):
            if not self.stop_noticed:
                assert slots[slot].state in (State.EXITED, State.FATAL)
        for service_id, wanted in self.wanted.items():
            ids = [slot[1] for slot in slots if slot[0] == service_id]
            up = [i for i in ids if slots[service_id, i].goal is Goal.UP]
            if not self.stop_noticed:
                assert sorted(up) == [
                    i for i in range(wanted) if (service_id, WorkerId(i)) not in self.holds
                ]
            for worker_id in set(ids) - set(up):
                state = slots[service_id, worker_id].state
                held = (service_id, worker_id) in self.holds and state is State.STOPPED
                assert state is State.STOPPING or held

    def check_settled(self) -> None:
        """What holds when nothing is due any more."""
        self.check()
        if self.exit_status is not None:
            assert self.supervisor.deadline() is None
            return
        for process in self.unreaped():
            if self.now < self.dumped_at.get(process, -NEVER) + DUMP_PATIENCE:
                continue
            due = self.kill_due.get(process, NEVER)
            bound = self.interrupt_bound if self.aborted else self.bound
            if self.now >= min(due, bound) and process not in self.hung and not self.aborted:
                assert process in self.dumped_at, "not ended by force in time"
                due = self.dumped_at[process] + DUMP_PATIENCE
            if self.now >= min(due, bound) and process not in self.hung:
                assert Request.KILL in process.received or self.now < due, "not killed in time"
        overdue = [when for when in self.due.values() if when <= self.now]
        if overdue and not self.interval:
            raise AssertionError("not started in time")
        if not self.stop_noticed:
            self.recycling.check_settled(self.now)
        if self.due:
            next_start = max(min(self.due.values()), self.last_start + self.interval)
            deadline = self.supervisor.deadline()
            assert deadline is not None
            assert deadline <= next_start


def _set(processes: list[FakeProcess]) -> set[int]:
    assert len({process.pid for process in processes}) == len(processes), "signalled twice"
    return {process.pid for process in processes}


def _events(actions: list[Action]) -> list[events.Event]:
    return [action.event for action in actions if isinstance(action, Publish)]


def _timeless(action: Action) -> Action:
    if isinstance(action, Publish):
        return Publish(replace(action.event, wall_time=0.0))
    return action


def _with_policies(message: Message, change: Callable[[Policy], Policy]) -> Message:
    if isinstance(message, msg.AddService):
        return msg.AddService(replace(message.spec, decide=change(message.spec.decide)))
    if isinstance(message, msg.Start):
        services = tuple(replace(spec, decide=change(spec.decide)) for spec in message.services)
        return replace(message, services=services)
    if isinstance(message, msg.Reload):
        changes = tuple(
            replace(each, spec=replace(each.spec, decide=change(each.spec.decide)))
            for each in message.changes
        )
        return replace(message, changes=changes)
    return message

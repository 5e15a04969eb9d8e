"""Reloads of any kind, in random histories: what holds at any time, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus, GiveUp, Restart, Stop
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.messages import Manner, Message, ServiceSpec
from cotyledon_core.supervision.share import Share
from cotyledon_core.testing.simulation import FakeProcess
from cotyledon_core.types import ServiceId

from watched_reload import WatchedReload  # isort: skip  # beside this file


def limited(death: Death) -> Decision:
    recent = [past for past in death.service_restarts if past.at > death.now - 60.0]
    return GiveUp("too often") if len(recent) >= 3 else Restart(0.5)


POLICIES: dict[str, Callable[[Death], Decision]] = {
    "at once": lambda death: Restart(),
    "later": lambda death: Restart(5.0),
    "limited": limited,
    "never": lambda death: Stop("never"),
    "give up": lambda death: Restart(5.0) if death.worker_id else GiveUp("the first failed"),
}
UNAVAILABLE = [Share.parse(text) for text in ("1", "2", "25%", "100%")]
SURGES = [Share.parse(text) for text in ("0", "0", "1", "50%")]
PACES = st.one_of(
    st.tuples(st.sampled_from(UNAVAILABLE), st.sampled_from(SURGES)),
    st.just((Share(0), Share(1))),
    st.just((Share(0), Share(50, percent=True))),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "policy": st.sampled_from(sorted(POLICIES)),
    "pace": PACES,
    "min_ready_time": st.sampled_from([0.0, 0.0, 2.0]),
    "replacement_timeout": st.sampled_from([0.0, 8.0]),
    "grace": st.sampled_from([None, 0.0, 3.0]),
    "start_timeout": st.sampled_from([0.0, 0.0, 4.0]),
    "watchdog_timeout": st.sampled_from([0.0, 0.0, 3.0]),
    "max_lifetime": st.sampled_from([0.0, 0.0, 0.0, 9.0]),
    "max_recycling": st.sampled_from([Share(1), Share(100, percent=True)]),
    "ends_manager": st.sampled_from([False, False, False, False, True]),
}
SERVICES = st.fixed_dictionaries({"workers": st.integers(0, 5)} | FIELDS)
NUMBERS = st.integers(0, 30)
STATUSES = st.sampled_from([ExitStatus(code=0), ExitStatus(code=1), ExitStatus(signal=11)])
STEPS = st.one_of(
    st.tuples(st.just("change"), NUMBERS, st.sampled_from(Manner), st.booleans(), PACES),
    st.tuples(st.just("live"), NUMBERS, st.fixed_dictionaries(FIELDS), st.booleans()),
    st.tuples(st.just("scale"), NUMBERS, st.integers(0, 5)),
    st.tuples(st.just("remove"), NUMBERS),
    st.tuples(st.just("add"), NUMBERS, SERVICES),
    st.tuples(st.just("again"), NUMBERS),
)


def fields_of(service: dict[str, Any]) -> dict[str, Any]:
    fields = dict(service)
    fields["decide"] = POLICIES[fields.pop("policy")]
    fields["max_unavailable"], fields["max_surge"] = fields.pop("pace")
    return fields


class Reloads(RuleBasedStateMachine):
    """Nothing happens by itself; in the end everybody behaves well, or the manager stops."""

    simulation: WatchedReload

    @initialize(
        services=st.lists(SERVICES, min_size=1, max_size=3),
        interval=st.sampled_from([0.0, 0.0, 0.5]),
        rollback=st.booleans(),
        chain=st.booleans(),
    )
    def begin(
        self, services: list[dict[str, Any]], interval: float, rollback: bool, chain: bool
    ) -> None:
        self.simulation = WatchedReload(grace=10.0, spawn_interval=interval)
        self.simulation.kernel.obedient = False
        self.rollback = rollback
        self.revision = 0
        self.commands = 0
        """How many have a number."""
        self.gone: dict[ServiceId, ServiceSpec] = {}
        """Services that were removed."""
        self.sizes: dict[ServiceId, int] = {}
        self.changed: set[ServiceId] = set()
        """What the reload that is under way has changed."""
        self.back: list[Callable[[], Message | None]] = []
        self.back_changes: list[msg.Change] = []
        for service in services:
            before = tuple(self.sizes)[-1:] if chain else ()
            self.sizes[self.simulation.add(**fields_of(service), start_after=before)] = service[
                "workers"
            ]
        self.simulation.undo = self.undo
        self.simulation.start(ready=False)

    # -- what there is

    def running(self) -> bool:
        return self.simulation.exit_status is None

    def going_on(self) -> bool:
        return self.running() and not self.simulation.stop_seen

    def spec(self, service_id: ServiceId) -> ServiceSpec:
        return self.simulation.specs[service_id]

    def pick_service(self, number: int) -> ServiceId | None:
        ids = list(self.sizes)
        return ids[number % len(ids)] if ids else None

    def pick(self, number: int) -> FakeProcess | None:
        found = [p for p in self.simulation.processes() if p.status is None]
        return found[number % len(found)] if found else None

    # -- reloads

    @precondition(running)
    @rule(steps=st.lists(STEPS, max_size=4))
    def reload(self, steps: list[tuple[Any, ...]]) -> None:
        """What it changes is found when it begins, which may be later."""
        self.simulation.prepare = lambda: self.prepare(steps)
        self.simulation.send(msg.AskReload())

    @precondition(running)
    @rule()
    def mistake(self) -> None:
        self.simulation.prepare = lambda: [msg.RefuseReload("a mistake")]
        self.simulation.send(msg.AskReload())

    def prepare(self, steps: list[tuple[Any, ...]]) -> list[Message]:
        self.changed.clear()
        self.simulation.replaced.clear()
        self.back.clear()
        self.back_changes.clear()
        messages: list[Message] = []
        changes: dict[ServiceId, msg.Change] = {}
        for kind, *rest in steps:
            getattr(self, f"step_{kind}")(messages, changes, *rest)
        kept = tuple(c for service_id, c in changes.items() if service_id in self.sizes)
        return [*messages, msg.Reload(kept)]

    def step_change(
        self,
        messages: list[Message],
        changes: dict[ServiceId, msg.Change],
        number: int,
        manner: Manner,
        afresh: bool,
        pace: tuple[Share, Share],
    ) -> None:
        service_id = self.pick_service(number)
        if service_id is None or service_id in changes:
            return
        old = self.spec(service_id)
        new = replace(
            old, revision=self.next_revision(), max_unavailable=pace[0], max_surge=pace[1]
        )
        self.put(changes, old, msg.Change(new, manner, afresh))
        self.changed.add(service_id)
        if manner is Manner.REPLACE:
            self.simulation.replaced.add(service_id)
        else:
            self.simulation.mixed.add(service_id)

    def next_revision(self) -> int:
        self.revision += 1
        return self.revision

    def put(
        self, changes: dict[ServiceId, msg.Change], old: ServiceSpec, change: msg.Change
    ) -> None:
        changes[old.service_id] = change
        self.simulation.specs[old.service_id] = change.spec
        self.back_changes.append(msg.Change(old, Manner.REPLACE, change.afresh))

    def step_live(
        self,
        messages: list[Message],
        changes: dict[ServiceId, msg.Change],
        number: int,
        fields: dict[str, Any],
        afresh: bool,
    ) -> None:
        service_id = self.pick_service(number)
        if service_id is not None and service_id not in changes:
            old = self.spec(service_id)
            new = replace(old, **fields_of(fields))
            self.put(changes, old, msg.Change(new, Manner.TELL, afresh))

    def step_scale(
        self, messages: list[Message], changes: object, number: int, workers: int
    ) -> None:
        service_id = self.pick_service(number)
        if service_id is not None:
            old = self.sizes[service_id]
            messages.append(self.size(service_id, workers))
            self.back.append(lambda: self.size(service_id, old))

    def size(self, service_id: ServiceId, workers: int) -> Message:
        self.sizes[service_id] = workers
        return msg.Scale(service_id, workers)

    def step_remove(self, messages: list[Message], changes: object, number: int) -> None:
        service_id = self.pick_service(number)
        if service_id is not None and (removal := self.remove(service_id)):
            messages.append(removal)
            self.back.append(lambda: self.add_again(service_id))

    def remove(self, service_id: ServiceId) -> Message | None:
        """Unless another starts after it."""
        if service_id not in self.sizes:
            return None
        if any(service_id in self.spec(other).start_after for other in self.sizes):
            return None
        del self.sizes[service_id]
        self.gone[service_id] = self.spec(service_id)
        return msg.RemoveService(service_id)

    def add_again(self, service_id: ServiceId) -> Message | None:
        spec = self.gone.pop(service_id, None)
        if spec is None or not set(spec.start_after) <= set(self.sizes):
            return None
        self.sizes[service_id] = spec.workers
        self.simulation.specs[service_id] = spec
        return msg.AddService(spec)

    def step_again(self, messages: list[Message], changes: object, number: int) -> None:
        if self.gone:
            service_id = list(self.gone)[number % len(self.gone)]
            if addition := self.add_again(service_id):
                messages.append(addition)
                self.back.append(lambda: self.remove(service_id))

    def step_add(
        self, messages: list[Message], changes: object, number: int, service: dict[str, Any]
    ) -> None:
        if len(self.simulation.specs) < 6:
            spec = self.new_spec(service, number)
            messages.append(msg.AddService(spec))
            self.back.append(lambda: self.remove(spec.service_id))

    def new_spec(self, service: dict[str, Any], number: int) -> ServiceSpec:
        before = self.pick_service(number) if number % 3 == 0 else None
        count = self.simulation._services = self.simulation._services + 1
        template = replace(next(iter(self.simulation.specs.values())), revision=0)
        service_id = type(template.service_id)(int=count)
        spec = replace(
            template,
            service_id=service_id,
            name=f"s{count}",
            start_after=(before,) if before else (),
            **fields_of(service),
        )
        self.simulation.specs[service_id] = spec
        self.sizes[service_id] = spec.workers
        return spec

    def undo(self) -> list[Message]:
        self.simulation.undone = self.changed - self.simulation.mixed if self.rollback else set()
        self.simulation.mixed |= self.changed
        if not self.rollback:
            return [msg.Reload(undo=True)]
        messages = [message for step in reversed(self.back) if (message := step())]
        changes = [c for c in self.back_changes if c.spec.service_id in self.sizes]
        self.simulation.specs.update({change.spec.service_id: change.spec for change in changes})
        return [*messages, msg.Reload(tuple(changes), undo=True)]

    # -- commands

    def next_number(self) -> int:
        self.commands += 1
        return self.commands

    @precondition(running)
    @rule(number=NUMBERS, workers=st.integers(0, 5), awaited=st.booleans())
    def scale(self, number: int, workers: int, awaited: bool) -> None:
        service_id = self.pick_service(number)
        if service_id is not None:
            self.sizes[service_id] = workers
            command = self.next_number() if awaited else 0
            self.simulation.send(msg.Scale(service_id, workers, command))

    @precondition(running)
    @rule(
        number=NUMBERS,
        kind=st.sampled_from([msg.OperatorStop, msg.OperatorStart, msg.OperatorRestart, msg.Await]),
        worker_id=st.sampled_from([None, None, 0, 1, 4]),
        rolling=st.booleans(),
    )
    def operate(self, number: int, kind: Any, worker_id: Any, rolling: bool) -> None:
        service_id = self.pick_service(number)
        if service_id is not None:
            more = {"rolling": rolling} if kind is msg.OperatorRestart else {}
            command = self.next_number()
            self.simulation.send(kind(service_id, worker_id, number=command, **more))

    @precondition(running)
    @rule()
    def reload_for_an_operator(self) -> None:
        self.simulation.prepare = lambda: self.prepare([])
        self.simulation.send(msg.AskReload(self.next_number()))

    @precondition(running)
    @rule(number=NUMBERS)
    def forget(self, number: int) -> None:
        """It may have been answered before."""
        if self.commands:
            self.simulation.send(msg.Forget(1 + number % self.commands))

    @precondition(going_on)
    @rule(number=NUMBERS)
    def remove_service(self, number: int) -> None:
        service_id = self.pick_service(number)
        if service_id is not None and (removal := self.remove(service_id)):
            self.simulation.send(removal)

    @precondition(going_on)
    @rule(number=NUMBERS)
    def add_service_again(self, number: int) -> None:
        if self.gone:
            service_id = list(self.gone)[number % len(self.gone)]
            if addition := self.add_again(service_id):
                self.simulation.send(addition)

    # -- processes

    @precondition(running)
    @rule(number=NUMBERS, status=STATUSES)
    def end(self, number: int, status: ExitStatus) -> None:
        process = self.pick(number)
        if process is not None:
            self.simulation.kernel.end(process, status)
            self.simulation.tell_deaths()

    @precondition(running)
    @rule(number=NUMBERS)
    def obey(self, number: int) -> None:
        """One that was asked to end does so."""
        asked = [p for p in self.simulation.processes() if p.asked and p.status is None]
        if asked:
            self.simulation.end(asked[number % len(asked)], ExitStatus(code=0))

    @precondition(running)
    @rule()
    def all_obey(self) -> None:
        for process in self.simulation.processes():
            if process.asked:
                self.simulation.kernel.end(process, ExitStatus(code=0))
        self.simulation.settle()

    @precondition(running)
    @rule(number=NUMBERS)
    def say_ready(self, number: int) -> None:
        process = self.pick(number)
        if process is not None:
            self.simulation.say_ready(process)

    @precondition(running)
    @rule()
    def all_ready(self) -> None:
        self.simulation.all_ready()
        self.simulation.settle()

    @precondition(running)
    @rule(number=NUMBERS, can=st.booleans())
    def answer(self, number: int, can: bool) -> None:
        """One that was told to reload does so, or leaves; as may one that was not."""
        told = [p for p in self.simulation.processes() if Request.RELOAD in p.received]
        process = told[number % len(told)] if told else self.pick(number)
        if process is not None and process.status is None:
            kind = msg.Reloaded if can else msg.LeaveAsked
            self.simulation.send(kind(process.incarnation))

    @precondition(running)
    @rule(number=NUMBERS)
    def leave(self, number: int) -> None:
        process = self.pick(number)
        if process is not None:
            self.simulation.send(msg.LeaveAsked(process.incarnation))

    @precondition(running)
    @rule(number=NUMBERS)
    def ask_for_recycling(self, number: int) -> None:
        process = self.pick(number)
        if process is not None:
            self.simulation.send(msg.RecycleAsked(process.incarnation, "a bound"))

    @precondition(running)
    @rule(number=NUMBERS)
    def fall_silent(self, number: int) -> None:
        process = self.pick(number)
        if process is not None:
            process.beating = False

    @precondition(running)
    @rule(times=st.integers(1, 2))
    def refuse_starts(self, times: int) -> None:
        self.simulation.kernel.refusals = times

    # -- time

    @precondition(running)
    @rule()
    def settle(self) -> None:
        self.simulation.settle()

    @precondition(running)
    @rule()
    def deadline(self) -> None:
        due = self.simulation.supervisor.deadline()
        if due is not None:
            self.simulation.clock.advance_to(due)
        self.simulation.send(msg.DeadlineReached())

    @precondition(running)
    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 20.0]))
    def advance(self, seconds: float) -> None:
        self.simulation.advance(seconds)

    @rule(seconds=st.sampled_from([-3600.0, 3600.0]))
    def jump(self, seconds: float) -> None:
        self.simulation.clock.jump(seconds)

    @invariant()
    def nothing_is_wrong(self) -> None:
        if self.running():
            self.simulation.check()
            assert self.simulation.supervisor._situation.alive == len(self.simulation.processes())

    # -- the end

    def teardown(self) -> None:
        simulation = getattr(self, "simulation", None)
        if simulation is None or simulation.broken:
            return
        if self.going_on():
            self.come_to_rest()
        if self.running():
            simulation.send(msg.ShutDown(simulation.clock.monotonic))
            simulation.advance(100.0)
            assert simulation.exit_status is not None
            assert simulation.processes() == []
        assert not simulation.commands.open, "a command without an answer"

    def come_to_rest(self) -> None:
        """Everybody behaves well from now on."""
        simulation = self.simulation
        simulation.kernel.obedient, simulation.kernel.refusals = True, 0
        for _ in range(60):
            for process in simulation.processes():
                process.obedient = process.beating = True
                if process.asked:
                    simulation.kernel.end(process, ExitStatus(code=0))
            simulation.settle()
            simulation.all_ready()
            self.all_answer()
            simulation.settle()
            if simulation.stop_seen:
                return
            if simulation.is_at_rest():
                break
            simulation.advance(2.0)
        simulation.check_at_rest()

    def all_answer(self) -> None:
        for process in self.simulation.processes():
            if process.status is None and process.received[-1:] == [Request.RELOAD]:
                self.simulation.say_reloaded(process)


TestReloads = Reloads.TestCase
TestReloads.settings = settings(
    max_examples=max(200, settings.default.max_examples),
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)

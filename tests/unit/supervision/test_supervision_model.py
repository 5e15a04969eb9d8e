"""The supervisor against a model of what it has to do, in random histories."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus, GiveUp, Restart, Stop
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.messages import Message
from cotyledon_core.supervision.share import Share
from cotyledon_core.testing.simulation import FakeProcess

from watched_simulation import NEVER, Watched  # isort: skip  # beside this file


def limited(death: Death) -> Decision:
    recent = [past for past in death.service_restarts if past.at > death.now - 60.0]
    return GiveUp("too often") if len(recent) >= 3 else Restart(0.5)


def growing(death: Death) -> Decision:
    return Restart(float(len(death.worker_restarts)))


POLICIES: dict[str, Callable[[Death], Decision]] = {
    "at once": lambda death: Restart(),
    "later": lambda death: Restart(5.0),
    "growing": growing,
    "limited": limited,
    "never": lambda death: Stop("never"),
    "done": lambda death: Stop("done", clean=True),
    "on failure": lambda death: Stop("ok") if death.status.code == 0 else Restart(1.0),
    "give up": lambda death: Restart(5.0) if death.worker_id else GiveUp("the first failed"),
}

SERVICES = st.fixed_dictionaries(
    {
        "workers": st.integers(0, 4),
        "name": st.sampled_from(sorted(POLICIES)),
        "grace": st.sampled_from([None, 0.0, 3.0]),
        "start_timeout": st.sampled_from([0.0, 2.0]),
        "watchdog_timeout": st.sampled_from([0.0, 3.0]),
        "ends_manager": st.sampled_from([False, False, False, True]),
        "max_lifetime": st.sampled_from([0.0, 0.0, 7.0]),
        "recycle_jitter": st.sampled_from([0.0, 0.5]),
        "max_unavailable": st.sampled_from(list(map(Share.parse, (1, 2, "25%", "100%")))),
        "max_recycling": st.sampled_from(list(map(Share.parse, (1, 2, "25%", "50%", "100%")))),
    }
)
STATUSES = st.sampled_from([ExitStatus(code=0), ExitStatus(code=1), ExitStatus(signal=11)])
NUMBERS = st.integers(0, 30)
ORDERS = st.sampled_from(
    [
        msg.OperatorStop,
        msg.OperatorStart,
        partial(msg.OperatorRestart, rolling=False),
        partial(msg.OperatorRestart, rolling=True),
        msg.Await,
    ]
)


class Histories(RuleBasedStateMachine):
    """Everything that can happen to a supervisor, in any order.

    Nothing is told by itself: a process that has ended is a zombie until its
    death is told, and may have said something just before.
    """

    simulation: Watched

    @initialize(
        services=st.lists(SERVICES, min_size=1, max_size=3),
        grace=st.sampled_from([0.0, 4.0, 10.0]),
        interval=st.sampled_from([0.0, 0.0, 0.5]),
        stop_after=st.integers(0, 45),
    )
    def begin(
        self,
        services: list[dict[str, Any]],
        grace: float,
        interval: float,
        stop_after: int,
    ) -> None:
        self.simulation = Watched(grace, interval)
        self.simulation.kernel.obedient = False
        self.steps = 0
        self.numbers = 0
        """So many commands have one."""
        self.steps_before_stop = stop_after
        for service in services:
            self.add_service(service)
        self.simulation.start(ready=False)

    def add_service(self, service: dict[str, Any]) -> None:
        name = f"{service['name']} {len(self.simulation.specs)}"
        decide = POLICIES[service["name"]]
        self.simulation.add(**{**service, "name": name, "decide": decide})

    def pick(self, number: int, processes: list[FakeProcess]) -> FakeProcess | None:
        return processes[number % len(processes)] if processes else None

    def running(self) -> bool:
        return self.simulation.exit_status is None

    def may_stop(self) -> bool:
        return self.running() and self.steps >= self.steps_before_stop

    # -- commands

    @precondition(running)
    @rule(service=SERVICES)
    def add(self, service: dict[str, Any]) -> None:
        if len(self.simulation.specs) < 5:
            self.add_service(service)

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    @precondition(running)
    @rule(number=NUMBERS, workers=st.integers(0, 4))
    def scale(self, number: int, workers: int) -> None:
        ids = list(self.simulation.specs)
        service_id = ids[number % len(ids)]
        self.simulation.send(msg.Scale(service_id, workers, self.next_number()))

    @precondition(running)
    @rule()
    def reload(self) -> None:
        self.simulation.send(msg.AskReload(self.next_number()))

    @precondition(running)
    @rule(number=NUMBERS, order=ORDERS, worker_id=st.sampled_from([None, None, 0, 1, 3]))
    def operate(self, number: int, order: Callable[..., Message], worker_id: Any) -> None:
        ids = list(self.simulation.specs)
        service_id = ids[number % len(ids)]
        self.simulation.send(order(service_id, worker_id, number=self.next_number()))

    @precondition(running)
    @rule(number=NUMBERS)
    def forget(self, number: int) -> None:
        """It may have been answered before."""
        if self.numbers:
            self.simulation.send(msg.Forget(1 + number % self.numbers))

    @precondition(running)
    @rule(grace=st.sampled_from([0.0, 2.0, 8.0]))
    def set_grace(self, grace: float) -> None:
        self.simulation.send(msg.SetGrace(grace))

    @precondition(may_stop)
    @rule()
    def notice_stop(self) -> None:
        self.simulation.send(msg.StopNoticed())

    @precondition(may_stop)
    @rule(ago=st.sampled_from([0.0, 0.0, 1.0, 20.0]))
    def shut_down(self, ago: float) -> None:
        self.simulation.send(msg.ShutDown(self.simulation.now - ago))

    @precondition(may_stop)
    @rule()
    def abort(self) -> None:
        self.simulation.send(msg.Abort())

    # -- processes

    @rule(number=NUMBERS, status=STATUSES)
    def end(self, number: int, status: ExitStatus) -> None:
        """Of itself, or in obedience to a signal."""
        living = [p for p in self.simulation.unreaped() if p.status is None]
        process = self.pick(number, living)
        if process is not None:
            self.simulation.kernel.end(process, status)

    @precondition(running)
    @rule()
    def tell_death(self) -> None:
        self.simulation.tell_death()

    @precondition(running)
    @rule(number=NUMBERS, status=STATUSES, seconds=st.sampled_from([0.0, 0.1, 5.0]))
    def crash(self, number: int, status: ExitStatus, seconds: float) -> None:
        """One ends, and what is due by then happens."""
        self.end(number, status)
        self.simulation.advance(seconds)
        self.simulation.check_settled()

    @precondition(running)
    @rule()
    def obey(self) -> None:
        """All that were asked to end do so."""
        for process in self.simulation.unreaped():
            if process.asked:
                self.simulation.kernel.end(process, ExitStatus(code=0))
        self.simulation.tell_deaths()

    @precondition(running)
    @rule(number=NUMBERS)
    def say_ready(self, number: int) -> None:
        process = self.pick(number, self.simulation.unreaped())
        if process is not None:
            self.simulation.say_ready(process)

    @precondition(running)
    @rule(number=NUMBERS)
    def leave(self, number: int) -> None:
        process = self.pick(number, self.simulation.unreaped())
        if process is not None:
            self.simulation.send(msg.LeaveAsked(process.incarnation))

    @precondition(running)
    @rule(number=NUMBERS, can=st.booleans())
    def answer(self, number: int, can: bool) -> None:
        """One that was told to reload does so, or has to leave."""
        told = [p for p in self.simulation.unreaped() if Request.RELOAD in p.received]
        process = self.pick(number, told)
        if process is not None:
            answer = msg.Reloaded if can else msg.LeaveAsked
            self.simulation.send(answer(process.incarnation))

    @precondition(running)
    @rule(number=NUMBERS)
    def ask_for_recycling(self, number: int) -> None:
        process = self.pick(number, self.simulation.unreaped())
        if process is not None:
            self.simulation.send(msg.RecycleAsked(process.incarnation, f"bound {number}"))

    @precondition(running)
    @rule(number=NUMBERS, grace=st.sampled_from([0.0, 1.0, 6.0]))
    def announce_grace(self, number: int, grace: float) -> None:
        process = self.pick(number, self.simulation.unreaped())
        if process is not None:
            self.simulation.send(msg.GraceAnnounced(process.incarnation, grace))

    @precondition(running)
    @rule(number=NUMBERS)
    def fall_silent(self, number: int) -> None:
        process = self.pick(number, self.simulation.unreaped())
        if process is not None:
            process.beating = False

    @precondition(running)
    @rule(number=NUMBERS)
    def beat(self, number: int) -> None:
        """As a message, from one that is silent otherwise."""
        process = self.pick(number, [p for p in self.simulation.unreaped() if p.ready])
        if process is not None:
            self.simulation.send(msg.Beat(process.incarnation, self.simulation.now))

    @precondition(running)
    @rule(number=NUMBERS, seconds=st.sampled_from([0.0, 1.0, 30.0]))
    def extend_timeout(self, number: int, seconds: float) -> None:
        process = self.pick(number, self.simulation.unreaped())
        if process is not None:
            self.simulation.send(msg.TimeoutExtended(process.incarnation, seconds))

    @precondition(running)
    @rule(times=st.integers(1, 3))
    def refuse_starts(self, times: int) -> None:
        self.simulation.kernel.refusals = times

    # -- time

    @precondition(running)
    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 4.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.simulation.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-3600.0, 3600.0]))
    def jump(self, seconds: float) -> None:
        self.simulation.clock.jump(seconds)

    @precondition(running)
    @rule()
    def deadline(self) -> None:
        """The next deadline comes, before anything that has ended is told."""
        due = self.simulation.supervisor.deadline()
        if due is not None:
            self.simulation.clock.advance_to(due)
        self.simulation.send(msg.DeadlineReached())

    @precondition(running)
    @rule()
    def settle(self) -> None:
        self.simulation.settle()
        self.simulation.check_settled()

    @precondition(running)
    @rule(seconds=st.sampled_from([0.5, 6.0, 20.0]))
    def advance(self, seconds: float) -> None:
        self.simulation.advance(seconds)
        self.simulation.check_settled()

    # -- what holds

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.steps += 1
        if self.running():
            self.simulation.check()
        else:
            assert self.simulation.supervisor.deadline() is None

    def teardown(self) -> None:
        """A stop ends everything, whatever the processes do."""
        simulation = getattr(self, "simulation", None)
        if simulation is None or simulation.failed:
            return
        if simulation.exit_status is not None:
            assert not simulation.commands.open, "a command without an answer"
            return
        simulation.send(msg.ShutDown(simulation.now))
        if simulation.bound == NEVER and not simulation.aborted:
            for process in simulation.unreaped():
                simulation.kernel.end(process, ExitStatus(code=0))
        simulation.advance(100.0)
        assert simulation.exit_status is not None
        assert simulation.unreaped() == []
        assert not simulation.commands.open, "a command without an answer"
        assert simulation.supervisor.deadline() is None


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=max(250, settings.default.max_examples),
    stateful_step_count=60,
    suppress_health_check=[HealthCheck.too_slow],
)

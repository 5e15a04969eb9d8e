"""Which workers that have reached a bound are replaced, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus, GiveUp, Restart, Stop
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.share import Share
from cotyledon_core.supervision.states import State
from cotyledon_core.testing.simulation import FakeProcess, Simulation
from cotyledon_core.types import ServiceId


class Setting:
    """A service whose workers end when the test says so.

    :param more: fields of the service's spec.
    """

    def __init__(
        self,
        workers: int,
        most: int | str = 1,
        decide: Callable[[Death], Decision] = lambda death: Restart(5.0),
        random: Callable[[], float] = lambda: 0.0,
        **more: float,
    ) -> None:
        self.simulation = Simulation(random=random)
        self.simulation.kernel.obedient = False
        self.policy_calls: list[Death] = []
        self.service_id: ServiceId = self.simulation.add(
            workers=workers, decide=self._noting(decide), max_recycling=Share.parse(most), **more
        )
        self.simulation.start()

    def _noting(self, decide: Callable[[Death], Decision]) -> Callable[[Death], Decision]:
        def noting(death: Death) -> Decision:
            self.policy_calls.append(death)
            return decide(death)

        return noting

    def process(self, worker_id: int) -> FakeProcess:
        return self.simulation.process(self.service_id, worker_id)

    def ask(self, *worker_ids: int) -> None:
        for worker_id in worker_ids:
            incarnation = self.process(worker_id).incarnation
            self.simulation.send(msg.RecycleAsked(incarnation, f"reason {worker_id}"))

    def end(self, worker_id: int, status: ExitStatus | None = None) -> None:
        """The process ends; its replacement, if there is one, is not ready."""
        self.simulation.end(self.process(worker_id), status or ExitStatus(code=0))

    def replace(self, worker_id: int) -> None:
        """The process ends, and its replacement becomes ready."""
        self.end(worker_id)
        self.simulation.say_ready(self.process(worker_id))

    def leaving(self) -> list[int]:
        """Those that were asked to end and live."""
        return [
            process.incarnation.worker_id
            for process in self.simulation.processes(self.service_id)
            if Request.STOP in process.received
        ]

    def state(self, worker_id: int) -> State:
        (service,) = self.simulation.supervisor.snapshot().services
        return next(w.state for w in service.workers if w.worker_id == worker_id)

    def told(self) -> list[tuple[int, str]]:
        recycled = self.simulation.events_of(events.WorkerRecycled)
        return [(event.worker_id, event.reason) for event in recycled]


def test_one_that_asks_is_ended_gracefully_and_replaced_at_once() -> None:
    setting = Setting(2)
    old = setting.process(1)
    setting.ask(1)
    assert old.received == [Request.STOP]
    setting.end(1, ExitStatus(code=3))
    assert setting.process(1) is not old
    assert setting.policy_calls == []
    assert setting.told() == [(1, "reason 1")]
    exited, recycled, spawned = setting.simulation.events[-3:]
    assert isinstance(exited, events.WorkerExited)
    assert exited.asked
    assert isinstance(recycled, events.WorkerRecycled)
    assert isinstance(spawned, events.WorkerSpawned)
    assert (recycled.incarnation, recycled.pid) == (1, old.pid)


def test_one_that_does_not_end_in_its_grace_period_is_killed_and_replaced() -> None:
    setting = Setting(1, grace=3.0)
    setting.ask(0)
    setting.simulation.advance(4.0)
    (exited,) = setting.simulation.events_of(events.WorkerExited)
    assert exited.forced
    assert setting.told() == [(0, "reason 0")]
    assert setting.process(0).incarnation.number == 2
    assert setting.policy_calls == []


def test_the_others_wait_until_the_replacement_is_ready() -> None:
    setting = Setting(4)
    setting.ask(2, 0, 3)
    assert setting.leaving() == [2]
    setting.end(2)
    assert setting.leaving() == [], "the replacement has started, but is not ready"
    setting.simulation.say_ready(setting.process(2))
    assert setting.leaving() == [0]
    setting.replace(0)
    assert setting.leaving() == [3]


@pytest.mark.parametrize(
    ("workers", "most", "at_once"),
    [
        (1, "25%", 1),
        (3, "25%", 1),
        (8, "25%", 2),
        (16, "25%", 4),
        (10, "99%", 9),
        (10, "100%", 10),
        (10, 3, 3),
        (2, 5, 2),
    ],
)
def test_how_many_leave_at_a_time(workers: int, most: int | str, at_once: int) -> None:
    setting = Setting(workers, most)
    setting.ask(*range(workers))
    assert setting.leaving() == list(range(at_once))


def test_16_equal_workers_do_not_leave_together() -> None:
    """All reach their bound at one moment; each takes a while to end and to start."""
    setting = Setting(16, "25%", max_lifetime=100.0)
    simulation = setting.simulation
    for process in simulation.processes():
        process.obedient = True
    simulation.kernel.obedient = True
    serving = []
    simulation.advance(100.0)
    while len(setting.told()) < 16:
        serving.append([state for i in range(16) if (state := setting.state(i)) is State.RUNNING])
        simulation.advance(1.0)
        simulation.all_ready()
    assert {len(running) for running in serving} == {12}
    assert sorted(worker_id for worker_id, _ in setting.told()) == list(range(16))
    assert [setting.state(i) for i in range(16)] == [State.RUNNING] * 16


def test_asking_twice_is_asking_once() -> None:
    setting = Setting(2)
    setting.ask(0, 0, 1, 1)
    setting.replace(0)
    assert setting.leaving() == [1]
    setting.replace(1)
    assert setting.leaving() == []
    assert setting.told() == [(0, "reason 0"), (1, "reason 1")]


def test_what_the_old_process_says_late_is_no_readiness_of_the_new_one() -> None:
    setting = Setting(2)
    setting.ask(0, 1)
    setting.simulation.send(msg.Ready(setting.process(0).incarnation))
    assert setting.leaving() == [0]


def test_a_replacement_that_asks_before_it_is_ready_waits_until_it_is() -> None:
    setting = Setting(2)
    setting.ask(0)
    setting.end(0)
    setting.ask(0)
    assert setting.leaving() == []
    setting.simulation.say_ready(setting.process(0))
    assert setting.leaving() == [0]


# -- what happens meanwhile


def test_one_that_dies_while_it_waits_leaves_the_queue_and_goes_to_the_policy() -> None:
    setting = Setting(3)
    setting.ask(0, 1, 2)
    setting.end(1, ExitStatus(code=1))
    assert len(setting.policy_calls) == 1
    setting.replace(0)
    assert setting.leaving() == [2]
    setting.simulation.advance(5.0)
    setting.simulation.all_ready()
    setting.replace(2)
    assert setting.leaving() == [], "the new process has not asked"


def test_one_that_dies_once_it_was_asked_to_leave_counts_as_recycled() -> None:
    setting = Setting(1)
    setting.ask(0)
    setting.end(0, ExitStatus(signal=11))
    assert setting.policy_calls == []
    assert setting.told() == [(0, "reason 0")]


def test_one_that_is_replaced_otherwise_while_it_waits_leaves_the_queue() -> None:
    setting = Setting(3)
    setting.ask(0, 1, 2)
    setting.simulation.send(msg.LeaveAsked(setting.process(1).incarnation))
    setting.replace(0)
    assert setting.leaving() == [1], "it goes first; the queue waits for it"
    setting.replace(1)
    assert setting.leaving() == [2]
    assert setting.told() == [(0, "reason 0")]


@pytest.mark.parametrize("decision", [Restart(), Restart(5.0), Stop("enough")])
def test_a_replacement_that_dies_lets_the_next_one_leave(decision: Decision) -> None:
    setting = Setting(2, decide=lambda death: decision)
    setting.ask(0, 1)
    setting.end(0)
    setting.end(0, ExitStatus(code=1))
    assert len(setting.policy_calls) == 1
    assert setting.leaving() == [1]


def test_a_replacement_that_cannot_be_started_lets_the_next_one_leave() -> None:
    setting = Setting(2)
    setting.ask(0, 1)
    setting.simulation.kernel.refusals = 1
    setting.end(0)
    assert setting.state(0) is State.BACKOFF
    assert setting.leaving() == [1]


def test_a_replacement_that_is_replaced_itself_still_counts() -> None:
    setting = Setting(2)
    setting.ask(0, 1)
    setting.end(0)
    setting.simulation.send(msg.LeaveAsked(setting.process(0).incarnation))
    assert setting.leaving() == [0]
    setting.end(0)
    assert setting.leaving() == []
    setting.simulation.say_ready(setting.process(0))
    assert setting.leaving() == [1]


def test_running_workers_of_a_service_that_was_given_up_are_replaced() -> None:
    setting = Setting(4, decide=lambda death: GiveUp("enough"))
    setting.ask(0, 1)
    setting.end(3, ExitStatus(code=1))
    assert setting.leaving() == [0]
    setting.replace(0)
    assert setting.leaving() == [1]
    setting.end(1)
    setting.ask(2)
    setting.end(1, ExitStatus(code=1))
    assert setting.state(1) is State.FATAL
    assert setting.leaving() == [2], "nothing is on its way any more"


def test_scaled_down_while_leaving_and_while_waiting() -> None:
    setting = Setting(4)
    setting.ask(3, 2, 0)
    setting.simulation.scale(setting.service_id, 2)
    assert setting.leaving() == [2, 3], "both are not wanted any more"
    setting.end(2)
    assert setting.leaving() == [3]
    setting.end(3)
    assert setting.leaving() == [0]
    assert setting.told() == []


def test_scaled_down_and_up_again_while_leaving() -> None:
    setting = Setting(2)
    setting.ask(1, 0)
    setting.simulation.scale(setting.service_id, 1)
    setting.simulation.scale(setting.service_id, 2)
    setting.end(1)
    assert setting.told() == [(1, "reason 1")]
    assert setting.leaving() == []
    setting.simulation.say_ready(setting.process(1))
    assert setting.leaving() == [0]


def test_scaled_up_more_may_leave() -> None:
    setting = Setting(4, "25%")
    setting.ask(0, 1)
    assert setting.leaving() == [0]
    setting.simulation.scale(setting.service_id, 8)
    assert setting.leaving() == [0, 1]


def test_a_replacement_that_waits_for_its_start_is_scaled_away() -> None:
    setting = Setting(2)
    setting.simulation.kernel.end(setting.process(1), ExitStatus(code=0))
    setting.ask(1, 0)
    setting.simulation.tell_death()
    setting.simulation.scale(setting.service_id, 1)
    assert setting.leaving() == [0]


def test_a_reload_reaches_those_that_wait() -> None:
    setting = Setting(2)
    setting.ask(0, 1)
    setting.simulation.reload()
    assert setting.process(0).received == [Request.STOP]
    assert setting.process(1).received == [Request.RELOAD]


def test_a_stop_ends_all_and_nobody_is_replaced() -> None:
    setting = Setting(3)
    setting.ask(0, 1)
    setting.simulation.shut_down()
    assert setting.process(0).received == [Request.STOP]
    assert setting.leaving() == [0, 1, 2]
    for worker_id in range(3):
        setting.end(worker_id)
    assert setting.told() == []
    assert setting.simulation.exit_status == 0


def test_nobody_leaves_once_a_stop_was_noticed() -> None:
    setting = Setting(2)
    setting.simulation.send(msg.StopNoticed())
    setting.ask(0)
    assert setting.leaving() == []


# -- lifetime


def test_a_lifetime_counts_from_the_readiness() -> None:
    setting = Setting(1, max_lifetime=10.0)
    setting.simulation.advance(9.9)
    assert setting.leaving() == []
    setting.simulation.advance(0.1)
    assert setting.leaving() == [0]
    setting.end(0)
    assert setting.told() == [(0, "max_lifetime: 10 seconds are over")]
    setting.simulation.advance(60.0)
    assert setting.leaving() == [], "the replacement is not ready"
    setting.simulation.say_ready(setting.process(0))
    setting.simulation.advance(10.0)
    assert setting.leaving() == [0]


def test_the_next_process_has_its_own_lifetime() -> None:
    setting = Setting(1, decide=lambda death: Restart(), max_lifetime=10.0)
    setting.simulation.advance(6.0)
    setting.end(0, ExitStatus(code=1))
    setting.simulation.all_ready()
    setting.simulation.advance(6.0)
    assert setting.leaving() == []
    setting.simulation.advance(4.0)
    assert setting.leaving() == [0]


def test_a_process_that_is_ready_again_does_not_live_longer() -> None:
    setting = Setting(1, max_lifetime=10.0)
    setting.simulation.advance(6.0)
    setting.simulation.say_ready(setting.process(0))
    setting.simulation.advance(4.0)
    assert setting.leaving() == [0]


def test_jitter_makes_lifetimes_longer() -> None:
    numbers = iter([0.0, 0.5, 1.0])
    setting = Setting(
        3, "100%", random=lambda: next(numbers), max_lifetime=100.0, recycle_jitter=0.2
    )
    leaving = []
    for seconds in (99.0, 1.0, 10.0, 10.0):
        setting.simulation.advance(seconds)
        leaving.append(setting.leaving())
    assert leaving == [[], [0], [0, 1], [0, 1, 2]]


def test_services_have_budgets_of_their_own() -> None:
    setting = Setting(2)
    other = setting.simulation.add("other", workers=2, max_recycling=Share(1))
    setting.simulation.settle()
    setting.simulation.all_ready()
    setting.ask(0)
    process = setting.simulation.process(other, 1)
    setting.simulation.send(msg.RecycleAsked(process.incarnation, "too large"))
    assert process.received == [Request.STOP]


def test_a_worker_that_was_recycled_after_a_healthy_run_begins_anew() -> None:
    setting = Setting(1)
    for _ in range(3):
        setting.end(0, ExitStatus(code=1))
        setting.simulation.advance(5.0)
        setting.simulation.all_ready()
    setting.simulation.advance(1000.0)
    setting.ask(0)
    setting.end(0)
    setting.simulation.all_ready()
    setting.end(0, ExitStatus(code=1))
    assert setting.policy_calls[-1].worker_restarts == ()


def test_a_service_that_is_given_up_while_a_replacement_waits_recycles_on() -> None:
    setting = Setting(3, decide=lambda death: GiveUp("enough"), most=1)
    simulation = setting.simulation
    simulation.kernel.refusals = 1
    setting.ask(0)
    leaving, _, ending = simulation.processes(setting.service_id)
    simulation.kernel.end(leaving, ExitStatus(code=0))
    simulation.kernel.end(ending, ExitStatus(code=1))
    simulation.tell_deaths()
    simulation.settle()
    setting.ask(1)
    assert Request.STOP in simulation.process(setting.service_id, 1).received


def test_one_that_ends_in_the_queue_and_is_given_up_stays_ended() -> None:
    """Its replacement has reached a bound before it was ready, and has ended of itself."""
    setting = Setting(1, decide=lambda death: GiveUp("enough"))
    setting.ask(0)
    setting.end(0)
    setting.ask(0)
    setting.end(0, ExitStatus(code=1))
    assert setting.simulation.exit_status == 3, "nothing is left to supervise"

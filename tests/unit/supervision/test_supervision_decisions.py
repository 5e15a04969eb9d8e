"""Single decisions of the supervisor, by example."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import (
    Cause,
    Death,
    Decision,
    ExitStatus,
    GiveUp,
    Phase,
    Restart,
    Stop,
)
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.findings import Findings
from cotyledon_core.supervision.shutdown import REAP_MARGIN
from cotyledon_core.supervision.states import State
from cotyledon_core.supervision.stopping import DUMP_PATIENCE, KILL_MARGIN
from cotyledon_core.testing.simulation import FakeProcess, Simulation, Violation
from cotyledon_core.types import ServiceId

FEW = 64
"""As many starts may be under way before anything else is looked at."""


class Deciding:
    """A policy that notes what it is told."""

    def __init__(self, *decisions: Decision) -> None:
        self.deaths: list[Death] = []
        self._decisions: Iterator[Decision] = iter(decisions)

    def __call__(self, death: Death) -> Decision:
        self.deaths.append(death)
        return next(self._decisions, Restart())


def states(simulation: Simulation, service_id: ServiceId) -> list[State]:
    for service in simulation.supervisor.snapshot().services:
        if service.service_id == service_id:
            return [worker.state for worker in service.workers]
    raise LookupError(service_id)


def ids(simulation: Simulation) -> list[int]:
    return [process.incarnation.worker_id for process in simulation.processes()]


def deaf(simulation: Simulation) -> list[FakeProcess]:
    """Let all processes be deaf."""
    processes = simulation.processes()
    for process in processes:
        process.obedient = False
    return processes


# -- starting


def test_services_start_in_the_order_of_add() -> None:
    simulation = Simulation()
    for name in ("first", "second", "third"):
        simulation.add(name, workers=2)
    simulation.start()
    spawned = simulation.events_of(events.WorkerSpawned)
    assert [event.service for event in spawned] == 2 * ["first"] + 2 * ["second"] + 2 * ["third"]
    assert [event.worker_id for event in spawned] == [0, 1] * 3


def test_a_manager_without_services_is_ready_and_waits_without_end() -> None:
    simulation = Simulation()
    simulation.start()
    assert simulation.events_of(events.ManagerReady)
    assert simulation.supervisor.deadline() is None
    simulation.shut_down()
    assert simulation.exit_status == 0


def test_nothing_wakes_a_manager_whose_workers_run() -> None:
    simulation = Simulation()
    simulation.add(workers=100)
    simulation.start()
    assert simulation.supervisor.deadline() is None


def test_a_stop_is_obeyed_while_a_thousand_workers_start() -> None:
    simulation = Simulation()
    simulation.start()
    service_id = simulation.add(workers=1000)
    simulation.send(msg.DeadlineReached())
    simulation.shut_down()
    assert 0 < len(simulation.events_of(events.WorkerSpawned)) <= FEW
    assert simulation.exit_status == 0
    assert len(states(simulation, service_id)) == 1000


def test_as_many_are_started_at_once_as_the_shell_allows() -> None:
    simulation = Simulation()
    simulation.start()
    simulation.add(workers=5)
    for started in (2, 4, 5):
        due = simulation.supervisor.deadline()
        assert due is not None
        assert due <= simulation.clock.monotonic
        simulation.send(msg.DeadlineReached(2))
        assert len(simulation.events_of(events.WorkerSpawned)) == started


def test_a_scale_is_obeyed_while_a_thousand_workers_start() -> None:
    simulation = Simulation()
    simulation.start()
    service_id = simulation.add(workers=1000)
    simulation.send(msg.DeadlineReached())
    simulation.scale(service_id, 2)
    assert ids(simulation) == [0, 1]
    assert 0 < len(simulation.events_of(events.WorkerSpawned)) <= FEW


def test_the_spawn_interval_is_kept_by_a_deadline() -> None:
    simulation = Simulation(spawn_interval=2.0)
    simulation.add(workers=3)
    simulation.start()
    simulation.advance(10.0)
    spawned = [event.at for event in simulation.events_of(events.WorkerSpawned)]
    assert spawned == [1000.0, 1002.0, 1004.0]
    assert simulation.supervisor.deadline() is None


def test_the_spawn_interval_counts_for_restarts_too() -> None:
    simulation = Simulation(spawn_interval=2.0)
    service_id = simulation.add(workers=2)
    simulation.start()
    simulation.advance(2.0)
    for process in simulation.processes(service_id):
        simulation.end(process)
    simulation.advance(10.0)
    spawned = [event.at for event in simulation.events_of(events.WorkerSpawned)]
    assert spawned == [1000.0, 1002.0, 1004.0, 1006.0]


# -- readiness


def test_the_manager_is_ready_when_all_initial_workers_were() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=2)
    simulation.start(ready=False)
    simulation.say_ready(simulation.process(service_id, 0))
    simulation.end(simulation.process(service_id, 0))
    assert not simulation.events_of(events.ManagerReady)
    simulation.say_ready(simulation.process(service_id, 1))
    assert len(simulation.events_of(events.ManagerReady)) == 1
    simulation.scale(service_id, 5)
    simulation.all_ready()
    assert len(simulation.events_of(events.ManagerReady)) == 1


def test_a_manager_whose_worker_always_fails_is_never_ready() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=Deciding(*[Restart(1.0)] * 50))
    simulation.start(ready=False)
    for _ in range(50):
        simulation.end(simulation.process(service_id))
        simulation.advance(1.0)
    assert not simulation.events_of(events.ManagerReady)


@pytest.mark.parametrize("how", ["scaled away", "given up"])
def test_workers_that_are_not_wanted_any_more_are_not_waited_for(how: str) -> None:
    simulation = Simulation()
    simulation.add("good")
    bad = simulation.add("bad", decide=Deciding(GiveUp("no use")))
    simulation.start(ready=False)
    simulation.say_ready(simulation.processes()[0])
    if how == "scaled away":
        simulation.scale(bad, 0)
    else:
        simulation.end(simulation.process(bad))
    assert len(simulation.events_of(events.ManagerReady)) == 1


# -- restarts


def test_the_policy_is_told_everything() -> None:
    policy = Deciding(Restart(3.0), Stop("enough"))
    simulation = Simulation()
    service_id = simulation.add("web", decide=policy)
    simulation.add("other")
    simulation.start(ready=False)
    simulation.advance(4.0)
    simulation.clock.jump(3600.0)
    simulation.end(simulation.process(service_id), ExitStatus(signal=11))
    simulation.advance(3.0)
    simulation.all_ready()
    simulation.advance(1.0)
    simulation.end(simulation.process(service_id), ExitStatus(code=2))
    first, second = policy.deaths
    assert (first.service, first.service_id, first.worker_id) == ("web", service_id, 0)
    assert (first.incarnation, first.status, first.cause) == (
        1,
        ExitStatus(signal=11),
        Cause.EXITED,
    )
    assert (first.phase, first.uptime, first.now) == (Phase.BOOT, 4.0, 1004.0)
    assert first.wall_time == 1_700_000_004.0 + 3600.0
    assert (first.worker_restarts, first.service_restarts) == ((), ())
    assert (second.incarnation, second.phase, second.uptime) == (2, Phase.RUN, 1.0)
    assert second.worker_restarts == second.service_restarts == ((1004.0, 4.0),)
    assert states(simulation, service_id) == [State.EXITED]


def test_a_failed_start_goes_to_the_policy() -> None:
    policy = Deciding(*[Restart(1.0)] * 4)
    simulation = Simulation()
    service_id = simulation.add(decide=policy)
    simulation.kernel.refusals = 3
    simulation.start()
    simulation.advance(10.0)
    assert len(policy.deaths) == 3
    assert {(d.cause, d.status, d.uptime) for d in policy.deaths} == {
        (Cause.SPAWN_FAILED, ExitStatus(), 0.0)
    }
    assert policy.deaths[0].detail == "Resource temporarily unavailable"
    assert simulation.process(service_id).incarnation.number == 4


def test_a_program_that_cannot_be_executed_counts_as_a_failed_start() -> None:
    policy = Deciding(Stop("no such program"))
    simulation = Simulation()
    service_id = simulation.add(decide=policy)
    simulation.add("other")
    simulation.start(ready=False)
    incarnation = simulation.process(service_id).incarnation
    simulation.send(msg.Exited(incarnation, ExitStatus(code=127), "no such file"))
    (death,) = policy.deaths
    assert (death.cause, death.detail) == (Cause.SPAWN_FAILED, "no such file")
    assert death.status == ExitStatus(code=127)


def test_a_failed_execution_that_is_told_late_had_not_been_ready() -> None:
    policy = Deciding(Restart(1.0))
    simulation = Simulation()
    service_id = simulation.add(decide=policy)
    simulation.start()
    incarnation = simulation.process(service_id).incarnation
    simulation.send(msg.Exited(incarnation, ExitStatus(code=127), "no such file"))
    (told,) = simulation.events_of(events.WorkerExited)
    assert (told.phase, told.cause) == (Phase.BOOT, Cause.SPAWN_FAILED)
    assert policy.deaths[0].phase is Phase.BOOT


def test_what_was_found_out_is_told() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=Deciding(Restart(5.0)))
    simulation.start()
    incarnation = simulation.process(service_id).incarnation
    findings = Findings(cpu_user=1.0, cpu_system=0.5, peak_memory=1 << 20)
    simulation.send(msg.Exited(incarnation, ExitStatus(code=1), findings=findings))
    (told,) = simulation.events_of(events.WorkerExited)
    assert {name: getattr(told, name) for name in findings.field_names} == findings.fields()


def test_refused_starts_do_not_hinder_a_stop() -> None:
    simulation = Simulation()
    simulation.add(workers=3, decide=Deciding(*[Restart(1.0)] * 1000))
    simulation.kernel.refusals = 1000
    simulation.start()
    simulation.advance(5.5)
    simulation.shut_down()
    assert simulation.exit_status == 0


def test_one_back_off_delays_nobody_else() -> None:
    """Not another service, and not another worker of the same."""
    simulation = Simulation()
    failing = simulation.add("failing", workers=2, decide=lambda death: Restart(60.0))
    healthy = simulation.add("healthy", decide=lambda death: Restart(2.0))
    simulation.start()
    simulation.end(simulation.process(failing, 0))
    simulation.advance(30.0)
    simulation.end(simulation.process(failing, 1))
    simulation.end(simulation.process(healthy))
    simulation.advance(100.0)
    restarts = {
        (event.service, event.worker_id): event.at
        for event in simulation.events_of(events.WorkerSpawned)
        if event.incarnation == 2
    }
    assert restarts == {("failing", 0): 1060.0, ("healthy", 0): 1032.0, ("failing", 1): 1090.0}


def test_a_stop_during_a_back_off_waits_for_nothing() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=lambda death: Restart(3600.0))
    simulation.start()
    simulation.end(simulation.process(service_id))
    simulation.shut_down()
    assert simulation.exit_status == 0
    assert simulation.supervisor.deadline() is None


def test_a_long_history_is_bounded() -> None:
    policy = Deciding()
    simulation = Simulation()
    service_id = simulation.add(workers=12, decide=policy)
    simulation.start()
    for _ in range(110):
        for process in simulation.processes(service_id):
            simulation.end(process)
    assert len(policy.deaths) == 1320
    assert len(policy.deaths[-1].worker_restarts) == 100
    assert len(policy.deaths[-1].service_restarts) == 1000


def test_giving_up_ends_no_process_and_starts_none() -> None:
    policy = Deciding(Restart(5.0), GiveUp("no use"))
    simulation = Simulation()
    service_id = simulation.add("bad", workers=4, decide=policy)
    simulation.add("good")
    simulation.start()
    simulation.end(simulation.process(service_id, 0))
    simulation.end(simulation.process(service_id, 1))
    simulation.advance(10.0)
    assert states(simulation, service_id) == [State.FATAL, State.FATAL] + [State.RUNNING] * 2
    simulation.end(simulation.process(service_id, 2))
    simulation.end(simulation.process(service_id, 3))
    simulation.scale(service_id, 5)
    simulation.advance(10.0)
    assert states(simulation, service_id) == [State.FATAL] * 5
    assert len(policy.deaths) == 2
    assert len(simulation.events_of(events.ServiceGivenUp)) == 1
    simulation.scale(service_id, 0)
    assert states(simulation, service_id) == []


# -- replacement, reload, scaling


def test_who_asks_to_leave_is_replaced_without_the_policy() -> None:
    policy = Deciding()
    simulation = Simulation()
    service_id = simulation.add(workers=2, decide=policy)
    simulation.start()
    simulation.send(msg.LeaveAsked(simulation.process(service_id, 1).incarnation))
    simulation.settle()
    assert ids(simulation) == [0, 1]
    assert simulation.process(service_id, 1).incarnation.number == 2
    assert policy.deaths == []


def test_a_reload_reaches_every_process_that_is_not_ending() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=3)
    simulation.start(ready=False)
    leaving = simulation.process(service_id, 2)
    leaving.obedient = False
    simulation.send(msg.LeaveAsked(leaving.incarnation))
    simulation.say_ready(simulation.process(service_id, 0))
    simulation.reload()
    assert [process.received for process in simulation.processes()] == [
        [Request.RELOAD],
        [Request.RELOAD],
        [Request.STOP],
    ]


def test_scaling_down_ends_the_highest_ids_first() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=5)
    simulation.start()
    simulation.scale(service_id, 2)
    assert ids(simulation) == [0, 1]
    ended = [event.worker_id for event in simulation.events_of(events.WorkerExited)]
    assert ended == [4, 3, 2]


def test_what_was_scaled_away_is_not_restarted_though_it_died_by_itself() -> None:
    policy = Deciding()
    simulation = Simulation()
    service_id = simulation.add(workers=3, decide=policy)
    simulation.start()
    simulation.kernel.end(simulation.process(service_id, 2), ExitStatus(signal=11))
    simulation.scale(service_id, 2)
    simulation.advance(10.0)
    assert ids(simulation) == [0, 1]
    assert policy.deaths == []


def test_scaling_up_again_waits_for_the_one_that_is_still_ending() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=2)
    simulation.start()
    leaving = simulation.process(service_id, 1)
    leaving.obedient = False
    simulation.scale(service_id, 1)
    simulation.scale(service_id, 2)
    assert simulation.process(service_id, 1) is leaving
    simulation.end(leaving, ExitStatus(code=0))
    assert ids(simulation) == [0, 1]


def test_scaling_down_overruns_by_force_and_the_manager_lives() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=2, grace=5.0)
    simulation.start()
    (_, victim) = deaf(simulation)
    simulation.scale(service_id, 1)
    simulation.advance(5.0 + KILL_MARGIN)
    assert victim.received == [Request.STOP, Request.DUMP]
    simulation.advance(DUMP_PATIENCE)
    assert victim.received == [Request.STOP, Request.DUMP, Request.KILL]
    assert ids(simulation) == [0]
    assert simulation.events_of(events.WorkerExited)[0].forced


# -- the end


def test_a_stop_that_all_obey_is_status_0() -> None:
    simulation = Simulation()
    simulation.add(workers=3)
    simulation.start()
    simulation.shut_down()
    assert simulation.exit_status == 0
    kinds = [type(event) for event in simulation.events]
    assert kinds.index(events.ManagerStopping) < kinds.index(events.WorkerExited)
    assert kinds[-1] is events.ManagerStopped


def test_a_worker_that_overruns_its_own_grace_period_is_still_status_0() -> None:
    simulation = Simulation(grace=60.0)
    simulation.add(workers=2, grace=3.0)
    simulation.start()
    deaf(simulation)
    simulation.shut_down()
    simulation.advance(3.0 + KILL_MARGIN + DUMP_PATIENCE)
    assert simulation.exit_status == 0


@pytest.mark.parametrize("own", [None, 0.0, 1000.0])
def test_the_managers_bound_holds_whatever_a_services_is(own: float | None) -> None:
    simulation = Simulation(grace=5.0)
    simulation.add(workers=2, grace=own)
    simulation.start()
    deaf(simulation)
    simulation.shut_down()
    simulation.advance(4.9)
    assert simulation.exit_status is None
    simulation.advance(0.1 + DUMP_PATIENCE)
    assert simulation.exit_status == 1


def test_those_whose_own_time_is_up_when_the_bound_is_noticed_are_waited_for() -> None:
    """A hook has held up the manager, until both deadlines were past."""
    simulation = Simulation(grace=4.0)
    simulation.add(workers=2, grace=1.0)
    simulation.start()
    deaf(simulation)
    simulation.shut_down()
    simulation.clock.advance(5.0)
    simulation.settle()
    assert simulation.exit_status == 1
    assert [event.forced for event in simulation.events_of(events.WorkerExited)] == [True] * 2


def test_the_bound_counts_from_when_the_stop_was_asked_for() -> None:
    simulation = Simulation(grace=5.0)
    simulation.add()
    simulation.start()
    deaf(simulation)
    asked_at = simulation.clock.monotonic
    simulation.advance(4.0)
    simulation.send(msg.ShutDown(asked_at))
    assert simulation.supervisor.deadline() == asked_at + 5.0


def test_without_a_bound_a_stop_waits_without_end() -> None:
    simulation = Simulation(grace=0.0)
    service_id = simulation.add()
    simulation.start()
    deaf(simulation)
    simulation.shut_down()
    assert simulation.supervisor.deadline() is None
    simulation.end(simulation.process(service_id), ExitStatus(code=0))
    assert simulation.exit_status == 0


def test_a_manager_that_was_held_up_at_its_bound_still_kills_before_it_leaves() -> None:
    """As if it had been stopped, or the machine suspended, while stacks were to be written."""
    simulation = Simulation(grace=5.0)
    simulation.kernel.obedient = False
    service_id = simulation.add(workers=3)
    simulation.start()
    processes = simulation.processes(service_id)
    simulation.shut_down()
    simulation.advance(5.0)
    simulation.clock.advance(60.0)
    simulation.settle()
    assert all(Request.KILL in process.received for process in processes)
    assert simulation.exit_status == 1


def test_a_process_that_not_even_sigkill_ends_is_left() -> None:
    simulation = Simulation(grace=5.0)
    simulation.kernel.mortal = False
    simulation.add(workers=2)
    simulation.start()
    deaf(simulation)
    simulation.shut_down()
    simulation.advance(5.0 + DUMP_PATIENCE + REAP_MARGIN)
    assert simulation.exit_status == 1


def test_an_interrupt_ends_at_once_with_status_1() -> None:
    simulation = Simulation()
    simulation.add(workers=3)
    simulation.start()
    processes = simulation.processes()
    simulation.abort()
    assert simulation.exit_status == 1
    assert [process.received for process in processes] == [[Request.INTERRUPT]] * 3


def test_an_interrupt_overtakes_a_stop() -> None:
    simulation = Simulation(grace=0.0)
    simulation.add(workers=2)
    simulation.start()
    processes = deaf(simulation)
    simulation.shut_down()
    simulation.advance(100.0)
    simulation.abort()
    simulation.advance(2.0)
    assert simulation.exit_status == 1
    assert [process.received for process in processes] == [
        [Request.STOP, Request.INTERRUPT, Request.KILL]
    ] * 2


def test_a_second_stop_changes_nothing() -> None:
    simulation = Simulation()
    simulation.add(workers=2)
    simulation.start()
    processes = deaf(simulation)
    simulation.shut_down()
    assert simulation.send(msg.ShutDown(simulation.clock.monotonic)) == []
    assert [process.received for process in processes] == [[Request.STOP]] * 2


def test_a_death_after_a_stop_was_noticed_is_not_answered_by_a_start() -> None:
    """The service manager of the system may send SIGTERM to everybody at once."""
    policy = Deciding()
    simulation = Simulation()
    simulation.add(workers=3, decide=policy)
    simulation.start()
    for process in simulation.processes():
        simulation.kernel.end(process, ExitStatus(signal=15))
    simulation.send(msg.StopNoticed())
    simulation.tell_deaths()
    assert policy.deaths == []
    simulation.shut_down()
    assert simulation.exit_status == 0


def test_those_that_wait_for_their_turn_are_not_started_after_a_stop_was_noticed() -> None:
    simulation = Simulation(spawn_interval=1.0)
    simulation.add(workers=3)
    simulation.start()
    simulation.send(msg.StopNoticed())
    simulation.advance(10.0)
    assert ids(simulation) == [0]


def test_a_back_off_that_ends_after_a_stop_was_noticed_starts_nobody() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=lambda death: Restart(5.0))
    simulation.start()
    simulation.end(simulation.process(service_id))
    simulation.send(msg.StopNoticed())
    simulation.advance(5.0)


def test_a_service_that_is_added_after_a_stop_is_not_started() -> None:
    simulation = Simulation()
    simulation.add()
    simulation.start()
    deaf(simulation)
    simulation.shut_down()
    service_id = simulation.add("late", workers=2)
    simulation.settle()
    assert simulation.processes(service_id) == []


@pytest.mark.parametrize("command", ["add", "scale"])
def test_nothing_follows_the_last_event(command: str) -> None:
    """Commands may be waiting when the last worker ends."""
    simulation = Simulation()
    service_id = simulation.add(workers=2)
    simulation.start()
    simulation.shut_down()
    if command == "add":
        simulation.add("late")
    else:
        simulation.scale(service_id, 1)


# -- the simulation itself


def test_pids_are_used_again_at_once() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=2)
    simulation.start()
    pid = simulation.process(service_id, 0).pid
    simulation.end(simulation.process(service_id, 0))
    assert simulation.process(service_id, 0).pid == pid


def test_what_must_not_happen_is_noticed() -> None:
    simulation = Simulation()
    service_id = simulation.add()
    simulation.start()
    process = simulation.process(service_id)
    with pytest.raises(Violation, match="too many processes"):
        simulation._spawn(process.incarnation)
    simulation.end(process)
    with pytest.raises(Violation, match="reaped"):
        simulation._signal(process.incarnation, Request.STOP)

"""Workers that do not become ready, fall silent, or need longer than they have."""

from __future__ import annotations

from typing import Any

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Cause, Death, Decision, ExitStatus, Phase, Restart
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import ReadBeat, Request
from cotyledon_core.supervision.stopping import ABORT_PATIENCE, DUMP_PATIENCE, KILL_MARGIN
from cotyledon_core.testing.simulation import FakeProcess, Simulation

HUNG_AFTER = 12.5
"""Seconds of silence, with a watchdog of 10 s: a second look follows the first."""


class Deaths:
    """A policy that notes what it is told, and starts again at once."""

    def __init__(self) -> None:
        self.told: list[Death] = []

    def decide(self, death: Death) -> Decision:
        self.told.append(death)
        return Restart()


def simulated(**spec: Any) -> tuple[Simulation, FakeProcess, Deaths]:
    """One worker, that has been started; it is ready if it has a watchdog."""
    deaths = Deaths()
    simulation = Simulation(grace=60.0)
    service_id = simulation.add(decide=deaths.decide, **spec)
    simulation.start(ready="watchdog_timeout" in spec)
    return simulation, simulation.process(service_id), deaths


def hung(simulation: Simulation) -> list[tuple[events.Waited, str]]:
    return [(event.waited_for, event.dump) for event in simulation.events_of(events.WorkerHung)]


# -- start


def test_a_worker_that_is_not_ready_in_time_is_ended_by_force() -> None:
    simulation, process, deaths = simulated(start_timeout=5.0)
    simulation.advance(4.9)
    assert process.received == []
    simulation.advance(0.1)
    assert process.received == [Request.DUMP]
    simulation.advance(DUMP_PATIENCE)
    assert process.received == [Request.DUMP, Request.ABORT]
    assert hung(simulation) == [(events.Waited.READINESS, "stacks")]
    (death,) = deaths.told
    assert (death.cause, death.phase) == (Cause.START_TIMEOUT, Phase.BOOT)
    assert death.status == ExitStatus(signal=6)
    (exited,) = simulation.events_of(events.WorkerExited)
    assert not exited.asked
    assert not exited.forced


def test_a_worker_that_is_ready_in_time_is_left_alone() -> None:
    simulation, process, _ = simulated(start_timeout=5.0)
    simulation.advance(4.9)
    simulation.say_ready(process)
    simulation.advance(100.0)
    assert process.received == []


def test_a_longer_start_is_granted() -> None:
    simulation, process, _ = simulated(start_timeout=5.0)
    simulation.advance(4.0)
    simulation.send(msg.TimeoutExtended(process.incarnation, 10.0))
    simulation.advance(9.9)
    assert process.received == []
    simulation.advance(0.1)
    assert process.received == [Request.DUMP]


def test_an_extension_makes_nothing_shorter() -> None:
    simulation, process, _ = simulated(start_timeout=5.0)
    simulation.send(msg.TimeoutExtended(process.incarnation, 1.0))
    simulation.advance(4.9)
    assert process.received == []


@pytest.mark.parametrize("spec", [{}, {"start_timeout": 0.0}])
def test_without_a_timeout_a_start_may_take_for_ever(spec: dict[str, float]) -> None:
    simulation, process, _ = simulated(**spec)
    simulation.advance(1e6)
    assert process.received == []


# -- heartbeats


def test_a_worker_that_gives_signs_of_life_is_left_alone() -> None:
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    simulation.advance(1000.0)
    assert process.received == []


def test_a_silent_worker_is_dumped_aborted_and_replaced_by_the_policy() -> None:
    simulation, process, deaths = simulated(watchdog_timeout=10.0)
    process.beating = False
    simulation.advance(HUNG_AFTER - 0.1)
    assert process.received == []
    simulation.advance(0.1)
    assert process.received == [Request.DUMP]
    simulation.advance(DUMP_PATIENCE)
    assert hung(simulation) == [(events.Waited.HEARTBEAT, "stacks")]
    (death,) = deaths.told
    assert (death.cause, death.phase) == (Cause.HUNG, Phase.RUN)
    assert len(simulation.processes()) == 1


def test_one_that_the_signal_does_not_end_is_killed() -> None:
    simulation, process, deaths = simulated(watchdog_timeout=10.0)
    process.beating = process.abortable = False
    simulation.advance(HUNG_AFTER + DUMP_PATIENCE + ABORT_PATIENCE)
    assert process.received == [Request.DUMP, Request.ABORT, Request.KILL]
    assert deaths.told[0].cause is Cause.HUNG
    assert simulation.events_of(events.WorkerExited)[0].forced


def test_one_that_cannot_write_its_stacks_is_told_without() -> None:
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    process.beating, process.stacks = False, ""
    simulation.advance(HUNG_AFTER + DUMP_PATIENCE)
    assert hung(simulation) == [(events.Waited.HEARTBEAT, "")]


def test_heartbeats_that_come_as_messages_count() -> None:
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    process.beating = False
    for _ in range(20):
        simulation.advance(9.0)
        simulation.send(msg.Beat(process.incarnation, simulation.clock.monotonic))
    assert process.received == []
    simulation.advance(HUNG_AFTER)
    assert process.received == [Request.DUMP]


def test_one_that_comes_back_between_the_looks_is_left_alone() -> None:
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    process.beating = False
    simulation.advance(11.0)
    process.beating = True
    simulation.advance(100.0)
    assert process.received == []


def test_no_heartbeat_is_awaited_before_the_worker_is_ready() -> None:
    simulation = Simulation()
    simulation.add(watchdog_timeout=10.0)
    simulation.start(ready=False)
    (process,) = simulation.processes()
    process.beating = False
    simulation.advance(1000.0)
    assert process.received == []


def test_none_is_awaited_of_a_worker_that_was_asked_to_end() -> None:
    simulation, process, _ = simulated(watchdog_timeout=10.0, grace=500.0)
    process.beating = process.obedient = False
    simulation.scale(process.incarnation.service_id, 0)
    simulation.advance(499.0)
    assert process.received == [Request.STOP]


def test_time_for_a_long_silence_can_be_asked_for() -> None:
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    process.beating = False
    simulation.send(msg.TimeoutExtended(process.incarnation, 100.0))
    simulation.advance(102.4)
    assert process.received == []
    simulation.advance(0.1)
    assert process.received == [Request.DUMP]


@pytest.mark.parametrize("stopped_after", [0.0, 5.0, 9.9, 10.0, 11.0, 12.4])
def test_a_machine_that_was_stopped_finds_its_workers_alive(stopped_after: float) -> None:
    """Manager and workers stand still; the workers go on a little later than the manager."""
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    simulation.advance(9.0)
    process.beating = False
    simulation.advance(max(stopped_after - 9.0, 0.0))
    simulation.clock.advance(30.0)
    simulation.settle()
    simulation.advance(5.0)
    process.beating = True
    simulation.advance(100.0)
    assert process.received == []


def test_a_machine_that_is_always_late_ends_nobody() -> None:
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    process.beating = False
    for _ in range(10):
        simulation.clock.advance(40.0)
        simulation.settle()
    assert process.received == []
    simulation.advance(20.0)
    assert process.received == [Request.DUMP, Request.ABORT]


def test_a_late_start_gets_its_time_again() -> None:
    simulation, process, _ = simulated(start_timeout=5.0)
    simulation.clock.advance(30.0)
    simulation.settle()
    simulation.advance(4.0)
    assert process.received == []
    simulation.say_ready(process)
    simulation.advance(30.0)
    assert process.received == []


def test_looking_costs_nothing_until_it_is_due() -> None:
    """One look for each timeout, however often the worker gives signs of life."""
    looks = 0

    class Counting(Simulation):
        def step(self, message: msg.Message) -> Any:
            nonlocal looks
            done = super().step(message)
            looks += sum(isinstance(action, ReadBeat) for action in done[0])
            return done

    simulation = Counting()
    simulation.add(workers=10, watchdog_timeout=10.0)
    simulation.start()
    simulation.advance(1000.0)
    assert looks <= 10 * 100


# -- the end of a grace period


def test_one_that_overruns_its_grace_period_is_dumped_before_it_is_killed() -> None:
    simulation, process, deaths = simulated(grace=3.0)
    process.obedient = False
    simulation.scale(process.incarnation.service_id, 0)
    simulation.advance(3.0 + KILL_MARGIN + DUMP_PATIENCE)
    assert process.received == [Request.STOP, Request.DUMP, Request.KILL]
    assert hung(simulation) == [(events.Waited.END, "stacks")]
    assert deaths.told == []


def test_stacks_that_a_process_left_at_its_end_are_told() -> None:
    simulation, process, _ = simulated(grace=3.0)
    process.obedient = False
    simulation.scale(process.incarnation.service_id, 0)
    simulation.advance(3.0 + KILL_MARGIN)
    simulation.end(process, ExitStatus(code=1))
    assert hung(simulation) == [(events.Waited.END, "stacks")]
    kinds = [type(event) for event in simulation.events]
    assert kinds.index(events.WorkerHung) < kinds.index(events.WorkerExited)


def test_a_longer_end_is_granted() -> None:
    simulation, process, _ = simulated(grace=3.0)
    process.obedient = False
    simulation.scale(process.incarnation.service_id, 0)
    simulation.advance(2.0)
    simulation.send(msg.TimeoutExtended(process.incarnation, 20.0))
    simulation.advance(20.0)
    assert process.received == [Request.STOP]
    simulation.advance(KILL_MARGIN)
    assert process.received == [Request.STOP, Request.DUMP]


def test_the_managers_bound_is_not_extended() -> None:
    simulation = Simulation(grace=5.0)
    simulation.add(grace=3.0)
    simulation.start()
    (process,) = simulation.processes()
    process.obedient = False
    simulation.shut_down()
    simulation.send(msg.TimeoutExtended(process.incarnation, 100.0))
    simulation.advance(5.0 + DUMP_PATIENCE)
    assert simulation.exit_status == 1


def test_a_stop_while_a_hung_worker_is_ended_does_not_start_another() -> None:
    simulation, process, deaths = simulated(watchdog_timeout=10.0)
    process.beating = False
    simulation.advance(HUNG_AFTER)
    simulation.shut_down()
    simulation.advance(DUMP_PATIENCE)
    assert simulation.exit_status == 0
    assert deaths.told == []
    assert simulation.events_of(events.WorkerExited)[0].cause is Cause.HUNG


def test_what_is_said_in_the_last_moment_is_heard() -> None:
    """Messages of a process that is being ended change nothing, and are possible."""
    simulation, process, _ = simulated(watchdog_timeout=10.0)
    process.beating = process.abortable = False
    simulation.advance(HUNG_AFTER + DUMP_PATIENCE)
    for message in (
        msg.Ready(process.incarnation),
        msg.Beat(process.incarnation, simulation.clock.monotonic),
        msg.TimeoutExtended(process.incarnation, 100.0),
        msg.GraceAnnounced(process.incarnation, 100.0),
        msg.LeaveAsked(process.incarnation),
    ):
        simulation.send(message)
    simulation.advance(ABORT_PATIENCE)
    assert process.received == [Request.DUMP, Request.ABORT, Request.KILL]


# -- status


def test_what_a_worker_says_of_itself_is_known_until_its_end() -> None:
    def text() -> str:
        ((worker,),) = [service.workers for service in simulation.supervisor.snapshot().services]
        return worker.status_text

    simulation, process, _ = simulated()
    simulation.send(msg.StatusTold(process.incarnation, "loading"))
    assert text() == "loading"
    simulation.end(process)
    assert text() == ""

"""A stop that waits a while before it asks the workers to end."""

from __future__ import annotations

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.testing.simulation import Simulation


@pytest.fixture
def simulation() -> Simulation:
    simulation = Simulation(grace=30.0, stop_delay=10.0)
    simulation.add("web", workers=2)
    simulation.start()
    return simulation


def asked(simulation: Simulation) -> int:
    return sum(process.asked for process in simulation.processes())


def test_the_stop_is_told_at_once_and_workers_are_asked_later(simulation: Simulation) -> None:
    simulation.kernel.obedient = False
    for process in simulation.processes():
        process.obedient = False
    simulation.shut_down()
    assert simulation.events_of(events.ManagerStopping)
    simulation.advance(9.9)
    assert asked(simulation) == 0
    simulation.advance(0.1)
    assert asked(simulation) == 2


def test_the_bound_counts_from_the_stop(simulation: Simulation) -> None:
    for process in simulation.processes():
        process.obedient = False
    simulation.shut_down()
    simulation.advance(29.9)
    assert not any(Request.DUMP in process.received for process in simulation.processes())
    simulation.advance(0.1)
    assert all(Request.DUMP in process.received for process in simulation.processes())
    simulation.advance(2.0)
    assert simulation.exit_status == 1


def test_another_stop_changes_nothing(simulation: Simulation) -> None:
    simulation.shut_down()
    simulation.advance(5.0)
    simulation.shut_down()
    assert asked(simulation) == 0
    simulation.advance(5.0)
    assert simulation.exit_status == 0


def test_nothing_is_started_meanwhile(simulation: Simulation) -> None:
    (first, _) = simulation.processes()
    simulation.shut_down()
    simulation.end(first)
    simulation.scale(first.incarnation.service_id, 5)
    simulation.add("late")
    simulation.reload()
    simulation.advance(9.0)
    assert len(simulation.processes()) == 1
    assert simulation.processes()[0].received == []


def test_with_nobody_left_there_is_nothing_to_wait_for(simulation: Simulation) -> None:
    simulation.shut_down()
    for process in simulation.processes():
        simulation.end(process, ExitStatus(code=0))
    assert simulation.exit_status == 0


def test_an_end_at_once_does_not_wait(simulation: Simulation) -> None:
    simulation.shut_down()
    simulation.abort()
    assert simulation.exit_status == 1
    assert simulation.supervisor.deadline() is None


def test_an_end_by_force_does_not_wait_either(simulation: Simulation) -> None:
    """The manager's grace period may have become shorter than the delay."""
    simulation.send(msg.SetGrace(5.0))
    for process in simulation.processes():
        process.obedient = False
    simulation.shut_down()
    simulation.advance(20.0)
    assert simulation.exit_status == 1


def test_the_order_of_services_holds_after_it() -> None:
    simulation = Simulation(grace=30.0, stop_delay=10.0)
    first = simulation.add("first")
    simulation.add("second", start_after=(first,))
    simulation.start()
    simulation.all_ready()
    simulation.settle()
    simulation.all_ready()
    for process in simulation.processes():
        process.obedient = False
    simulation.shut_down()
    simulation.advance(10.0)
    assert [process.asked for process in simulation.processes()] == [False, True]


def test_a_death_during_the_delay_stops_nobody_else() -> None:
    simulation = Simulation(grace=30.0, stop_delay=10.0)
    first = simulation.add("first")
    later = simulation.add("later", start_after=(first,))
    simulation.start()
    simulation.all_ready()
    simulation.settle()
    simulation.all_ready()
    simulation.shut_down()
    simulation.advance(1.0)
    simulation.end(simulation.process(later), ExitStatus(code=1))
    simulation.advance(1.0)
    assert simulation.process(first).received == []
    simulation.advance(8.0)
    assert simulation.exit_status == 0


def test_a_delay_that_the_grace_period_has_come_below_is_left_out(simulation: Simulation) -> None:
    simulation.send(msg.SetGrace(5.0))
    simulation.shut_down()
    assert simulation.exit_status == 0


@pytest.mark.parametrize("delay", [0.0, 10.0])
def test_those_that_were_not_asked_yet_are_ended_at_the_bound(delay: float) -> None:
    """They would wait for a service after them, or for the delay."""
    simulation = Simulation(grace=20.0, stop_delay=delay)
    first = simulation.add("first")
    simulation.add("later", start_after=(first,))
    simulation.start()
    simulation.settle()
    simulation.all_ready()
    for process in simulation.processes():
        process.obedient = process.abortable = False
    simulation.shut_down()
    simulation.advance(20.0 + 2.0)
    assert simulation.exit_status == 1
    assert not simulation.kernel.processes

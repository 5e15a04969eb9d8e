"""What follows giving up, and when nothing is left to supervise."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus, GiveUp, Restart, Stop
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.shutdown import FAILED
from cotyledon_core.supervision.states import State
from cotyledon_core.testing.simulation import Simulation
from cotyledon_core.types import ServiceId

CLEAN, FAILURE = ExitStatus(code=0), ExitStatus(code=1)


def always(decision: Decision) -> Callable[[Death], Decision]:
    return lambda death: decision


def stop(death: Death) -> Decision:
    return Stop("enough")


def give_up(death: Death) -> Decision:
    return GiveUp("no use")


def end_all(simulation: Simulation, service_id: ServiceId, status: ExitStatus) -> None:
    for process in simulation.processes(service_id):
        simulation.end(process, status)


def stopping(simulation: Simulation) -> events.ManagerStopping:
    (event,) = simulation.events_of(events.ManagerStopping)
    return event


# -- nothing is left

ENDS: dict[str, tuple[Callable[[Death], Decision], ExitStatus, bool]] = {
    "finished": (stop, CLEAN, True),
    "terminated": (stop, ExitStatus(signal=15), True),
    "failed": (stop, FAILURE, False),
    "killed": (stop, ExitStatus(signal=9), False),
    "said to be clean": (always(Stop("done", clean=True)), FAILURE, True),
    "said to have failed": (always(Stop("bad", clean=False)), CLEAN, False),
    "given up": (give_up, CLEAN, False),
}
"""Policy, how its workers end, whether that is clean."""


@pytest.mark.parametrize(("first", "second"), list(product(ENDS, ENDS)))
def test_the_manager_exits_when_all_services_are_over(first: str, second: str) -> None:
    simulation = Simulation()
    ids = [simulation.add(workers=2, decide=ENDS[name][0]) for name in (first, second)]
    simulation.start()
    end_all(simulation, ids[0], ENDS[first][1])
    assert simulation.exit_status is None
    end_all(simulation, ids[1], ENDS[second][1])
    clean = ENDS[first][2] and ENDS[second][2]
    assert simulation.exit_status == (0 if clean else FAILED)
    assert stopping(simulation).reason == "nothing is left to supervise"


def test_a_failed_start_is_no_clean_end() -> None:
    simulation = Simulation()
    simulation.add(decide=stop)
    simulation.kernel.refusals = 1
    simulation.start()
    assert simulation.exit_status == FAILED


@pytest.mark.parametrize("decide", [stop, give_up])
def test_the_last_process_is_waited_for(decide: Callable[[Death], Decision]) -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=3, decide=decide)
    simulation.start()
    for worker_id in (1, 0):
        simulation.end(simulation.process(service_id, worker_id), CLEAN)
        simulation.advance(100.0)
        assert simulation.exit_status is None
    simulation.end(simulation.process(service_id, 2), CLEAN)
    assert simulation.exit_status is not None


def test_a_service_without_workers_has_not_finished() -> None:
    simulation = Simulation()
    finished = simulation.add(decide=stop)
    empty = simulation.add(decide=stop)
    simulation.start()
    simulation.scale(empty, 0)
    end_all(simulation, finished, CLEAN)
    assert simulation.exit_status is None
    simulation.scale(empty, 1)
    end_all(simulation, empty, CLEAN)
    assert simulation.exit_status == 0


def test_what_was_scaled_to_nothing_after_it_had_finished_is_waited_for_again() -> None:
    simulation = Simulation()
    first = simulation.add(decide=stop)
    second = simulation.add(decide=stop)
    simulation.start()
    end_all(simulation, first, FAILURE)
    simulation.scale(first, 0)
    end_all(simulation, second, CLEAN)
    assert simulation.exit_status is None
    simulation.scale(first, 1)
    end_all(simulation, first, CLEAN)
    assert simulation.exit_status == 0, "the failure was of a worker that is not wanted any more"


def test_scaling_down_to_those_that_have_ended_finishes_a_service() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=2, decide=stop)
    simulation.start()
    simulation.kernel.processes[simulation.process(service_id, 1).pid].obedient = False
    simulation.end(simulation.process(service_id, 0), CLEAN)
    simulation.scale(service_id, 1)
    assert simulation.exit_status is None, "the one that was scaled away still runs"
    simulation.end(simulation.process(service_id, 1), CLEAN)
    assert simulation.exit_status == 0


def test_a_restart_that_waits_is_not_the_end() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=always(Restart(1000.0)))
    simulation.start()
    end_all(simulation, service_id, FAILURE)
    assert simulation.exit_status is None


def test_a_service_that_is_added_later_counts() -> None:
    simulation = Simulation()
    first = simulation.add(decide=stop)
    simulation.start()
    later = simulation.add(decide=stop)
    simulation.settle()
    end_all(simulation, first, CLEAN)
    assert simulation.exit_status is None
    end_all(simulation, later, CLEAN)
    assert simulation.exit_status == 0


def test_a_stop_that_came_first_decides_the_status() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=stop)
    simulation.start()
    simulation.kernel.end(simulation.process(service_id), FAILURE)
    simulation.send(msg.StopNoticed())
    simulation.settle()
    assert simulation.exit_status is None
    simulation.shut_down()
    assert simulation.exit_status == 0
    assert stopping(simulation).reason == ""


# -- giving up


def test_giving_up_may_stop_the_manager() -> None:
    simulation = Simulation()
    web = simulation.add("web", workers=2, decide=give_up, ends_manager=True)
    other = simulation.add("other", workers=2)
    simulation.start()
    for process in simulation.processes(other):
        process.obedient = False
    simulation.end(simulation.process(web, 0))
    assert stopping(simulation).graceful
    assert stopping(simulation).reason == "service web given up: no use"
    assert simulation.exit_status is None, "the others are waited for"
    end_all(simulation, other, FAILURE)
    assert simulation.exit_status == FAILED
    (stopped,) = simulation.events_of(events.ManagerStopped)
    assert stopped.status == FAILED


def test_a_stop_after_giving_up_that_needs_force_has_the_status_of_force() -> None:
    simulation = Simulation(grace=10.0)
    web = simulation.add("web", decide=give_up, ends_manager=True)
    simulation.add("deaf", grace=0.0)
    simulation.start()
    for process in simulation.processes():
        process.obedient = False
    simulation.end(simulation.process(web))
    simulation.advance(20.0)
    assert simulation.exit_status == 1


@pytest.mark.parametrize("command", ["shut_down", "abort"])
def test_a_service_that_is_lost_does_not_change_how_a_stop_ends(command: str) -> None:
    simulation = Simulation()
    web = simulation.add("web", decide=give_up)
    simulation.add("other")
    simulation.start()
    simulation.end(simulation.process(web))
    getattr(simulation, command)()
    assert simulation.exit_status == (0 if command == "shut_down" else 1)


@pytest.mark.parametrize("what", ["scale", "reload"])
def test_a_service_that_was_given_up_stays_so(what: str) -> None:
    simulation = Simulation()
    web = simulation.add("web", workers=2, decide=give_up)
    simulation.add("other")
    simulation.start()
    end_all(simulation, web, FAILURE)
    if what == "scale":
        simulation.scale(web, 0)
        simulation.scale(web, 3)
    else:
        simulation.reload()
    simulation.advance(1000.0)
    assert simulation.processes(web) == []
    found, _ = simulation.supervisor.snapshot().services
    assert found.given_up
    assert {worker.state for worker in found.workers} == {State.FATAL}


def test_a_running_worker_of_a_service_that_was_given_up_is_replaced_if_it_asks() -> None:
    simulation = Simulation()
    web = simulation.add("web", workers=2, decide=give_up)
    simulation.start()
    simulation.end(simulation.process(web, 0))
    simulation.send(msg.LeaveAsked(simulation.process(web, 1).incarnation))
    simulation.settle()
    (process,) = simulation.processes(web)
    assert process.incarnation.worker_id == 1
    assert process.incarnation.number == 2
    simulation.end(process)
    assert simulation.exit_status == FAILED, "it is not started again after an end of its own"


# -- readiness


def test_the_manager_is_ready_without_those_that_were_lost() -> None:
    simulation = Simulation()
    web = simulation.add("web", workers=2, decide=give_up)
    job = simulation.add("job", decide=stop)
    good = simulation.add("good", workers=3)
    simulation.start(ready=False)
    simulation.end(simulation.process(web, 0))
    simulation.end(simulation.process(job))
    for worker_id in (0, 1):
        simulation.say_ready(simulation.process(good, worker_id))
    assert simulation.events_of(events.ManagerReady) == []
    simulation.say_ready(simulation.process(good, 2))
    (ready,) = simulation.events_of(events.ManagerReady)
    assert (ready.services, ready.workers, ready.lost) == (1, 3, ("web", "job"))
    assert str(ready) == "manager ready: 1 services, 3 workers; lost: web, job"


@pytest.mark.parametrize(
    ("decide", "ends_manager"), [(give_up, True), (give_up, False), (stop, False)]
)
def test_a_manager_that_stops_for_it_was_never_ready(
    decide: Callable[[Death], Decision], ends_manager: bool
) -> None:
    simulation = Simulation()
    web = simulation.add("web", decide=decide, ends_manager=ends_manager)
    simulation.start(ready=False)
    simulation.end(simulation.process(web))
    assert simulation.exit_status == FAILED
    assert simulation.events_of(events.ManagerReady) == []


def test_a_worker_that_has_done_its_work_before_it_was_ready_is_not_lost() -> None:
    simulation = Simulation()
    job = simulation.add("job", decide=stop)
    good = simulation.add("good")
    simulation.start(ready=False)
    simulation.end(simulation.process(job), CLEAN)
    simulation.say_ready(simulation.process(good))
    (ready,) = simulation.events_of(events.ManagerReady)
    assert ready.lost == ()


# -- what was given up begins anew


def revive(simulation: Simulation, service_id: ServiceId) -> None:
    simulation.reload(msg.Change(simulation.specs[service_id], afresh=True))


@pytest.mark.parametrize("decide", [stop, give_up])
def test_a_service_that_has_ended_for_good_can_be_started_again(
    decide: Callable[[Death], Decision],
) -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=2, decide=decide)
    simulation.add("other")
    simulation.start()
    end_all(simulation, service_id, FAILURE)
    assert simulation.processes(service_id) == []
    revive(simulation, service_id)
    assert len(simulation.processes(service_id)) == 2
    assert len(simulation.events_of(events.ServiceRevived)) == 1


def test_what_counts_for_its_policy_begins_anew() -> None:
    deaths: list[Death] = []

    def twice(death: Death) -> Decision:
        deaths.append(death)
        return Restart() if len(death.service_restarts) < 2 else GiveUp("twice")

    simulation = Simulation()
    service_id = simulation.add(decide=twice)
    simulation.add("other")
    simulation.start()
    for _ in range(3):
        end_all(simulation, service_id, FAILURE)
    revive(simulation, service_id)
    end_all(simulation, service_id, FAILURE)
    assert len(simulation.processes(service_id)) == 1
    assert (deaths[-1].service_restarts, deaths[-1].worker_restarts) == ((), ())


def test_those_that_run_are_left_alone() -> None:
    simulation = Simulation()
    service_id = simulation.add(workers=2, decide=give_up)
    simulation.start()
    staying, ending = simulation.processes(service_id)
    simulation.end(ending, FAILURE)
    revive(simulation, service_id)
    assert simulation.processes(service_id)[0] is staying
    assert staying.received == []
    assert len(simulation.processes(service_id)) == 2


def test_nothing_is_told_where_nothing_was_ended() -> None:
    simulation = Simulation()
    service_id = simulation.add()
    simulation.start()
    revive(simulation, service_id)
    assert simulation.events_of(events.ServiceRevived) == []
    assert len(simulation.processes()) == 1


def test_nothing_begins_anew_during_a_stop() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=give_up)
    simulation.add("other")
    simulation.start()
    end_all(simulation, service_id, FAILURE)
    simulation.send(msg.StopNoticed())
    revive(simulation, service_id)
    assert simulation.processes(service_id) == []


def test_the_end_of_one_that_began_anew_is_the_managers_end() -> None:
    simulation = Simulation()
    service_id = simulation.add(decide=stop)
    other = simulation.add("other", decide=stop)
    simulation.start()
    end_all(simulation, service_id, FAILURE)
    revive(simulation, service_id)
    end_all(simulation, other, CLEAN)
    assert simulation.events_of(events.ManagerStopping) == []
    end_all(simulation, service_id, CLEAN)
    stopping(simulation)


def test_one_that_was_given_up_before_it_was_ready_starts_those_after_it() -> None:
    simulation = Simulation()
    first = simulation.add("first", decide=give_up)
    later = simulation.add("later", start_after=(first,))
    simulation.add("other")
    simulation.start(ready=False)
    end_all(simulation, first, FAILURE)
    revive(simulation, later)
    assert simulation.supervisor.snapshot().services[1].given_up
    revive(simulation, first)
    revive(simulation, later)
    assert simulation.processes(later) == []
    simulation.all_ready()
    simulation.settle()
    assert len(simulation.processes(later)) == 1

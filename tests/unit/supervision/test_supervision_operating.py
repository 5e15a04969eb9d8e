"""What an operator commands, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus, GiveUp, Restart, Stop
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.share import Share
from cotyledon_core.supervision.snapshot import ServiceSnapshot, WorkerSnapshot
from cotyledon_core.supervision.states import Goal, State
from cotyledon_core.testing.simulation import Simulation
from cotyledon_core.types import ServiceId, WorkerId

ONE = WorkerId(1)


def give_up(death: Death) -> Decision:
    return GiveUp("too often")


def never(death: Death) -> Decision:
    return Stop("never")


def later(death: Death) -> Decision:
    return Restart(50.0)


def running(workers: int = 2, **more: Any) -> tuple[Simulation, ServiceId]:
    simulation = Simulation()
    service_id = simulation.add("web", workers, **more)
    simulation.start()
    return simulation, service_id


def command(simulation: Simulation, message: Any) -> int:
    """Give the command a number, which is returned."""
    number = getattr(simulation, "last_number", 0) + 1
    simulation.last_number = number  # type: ignore[attr-defined]
    simulation.send(replace(message, number=number))
    simulation.settle()
    return number


def result(simulation: Simulation, number: int) -> str | None:
    """An empty text for fulfilled, why it has failed, or None for not yet."""
    done = simulation.results.get(number)
    return None if done is None else done.text or ("" if done.ok else "?")


def disobey(simulation: Simulation) -> None:
    """The processes do not end though they are asked to."""
    for process in simulation.processes():
        process.obedient = False


def service(simulation: Simulation) -> ServiceSnapshot:
    return simulation.supervisor.snapshot().services[0]


def worker(simulation: Simulation, worker_id: int) -> WorkerSnapshot:
    return next(w for w in service(simulation).workers if w.worker_id == worker_id)


def incarnations(simulation: Simulation) -> list[int]:
    return [process.incarnation.number for process in simulation.processes()]


# -- stop and start


def test_a_stopped_service_has_no_process_until_it_is_started() -> None:
    simulation, web = running()
    stop = command(simulation, msg.OperatorStop(web))
    assert result(simulation, stop) == ""
    simulation.advance(1000.0)
    assert simulation.processes() == []
    assert service(simulation).held
    assert {w.goal for w in service(simulation).workers} == {Goal.DOWN}
    assert simulation.exit_status is None
    start = command(simulation, msg.OperatorStart(web))
    assert result(simulation, start) is None
    simulation.all_ready()
    assert result(simulation, start) == ""
    assert incarnations(simulation) == [2, 2]


def test_a_stop_is_fulfilled_when_the_last_process_is_gone() -> None:
    simulation, web = running()
    disobey(simulation)
    stop = command(simulation, msg.OperatorStop(web))
    first, second = simulation.processes()
    simulation.end(first)
    assert result(simulation, stop) is None
    simulation.end(second)
    assert result(simulation, stop) == ""


def test_a_stop_does_not_reach_the_restart_policy() -> None:
    simulation, web = running(decide=give_up)
    command(simulation, msg.OperatorStop(web))
    assert not service(simulation).given_up


@pytest.mark.parametrize("manner", msg.Manner)
def test_a_reload_does_not_start_what_was_stopped(manner: msg.Manner) -> None:
    simulation, web = running()
    command(simulation, msg.OperatorStop(web, ONE))
    spec = replace(simulation.specs[web], revision=1)
    reload = command(simulation, msg.AskReload()) if manner is msg.Manner.TELL else 0
    simulation.reload(msg.Change(spec, manner, afresh=True))
    for process in simulation.processes():
        simulation.say_reloaded(process)
    simulation.all_ready()
    assert [p.incarnation.worker_id for p in simulation.processes()] == [0]
    assert simulation.events_of(events.ManagerReloaded)
    assert not reload or result(simulation, reload) == ""


def test_a_scale_does_not_start_what_was_stopped() -> None:
    simulation, web = running()
    command(simulation, msg.OperatorStop(web))
    scale = command(simulation, msg.Scale(web, 4))
    assert simulation.processes() == []
    assert result(simulation, scale) == ""
    command(simulation, msg.OperatorStart(web, WorkerId(3)))
    assert [p.incarnation.worker_id for p in simulation.processes()] == [3]


def test_a_stopped_worker_stays_so_when_its_service_shrinks_and_grows() -> None:
    simulation, web = running()
    command(simulation, msg.OperatorStop(web, ONE))
    simulation.scale(web, 1)
    simulation.scale(web, 3)
    assert [p.incarnation.worker_id for p in simulation.processes()] == [0, 2]
    assert service(simulation).workers[1].held


def test_a_stop_is_kept_when_a_removal_is_undone() -> None:
    simulation, web = running()
    other = simulation.add("other")
    simulation.settle()
    command(simulation, msg.OperatorStop(web))
    simulation.send(msg.RemoveService(web))
    simulation.send(msg.AddService(simulation.specs[web]))
    simulation.settle()
    assert {p.incarnation.service_id for p in simulation.processes()} == {other}


def test_a_start_during_the_stop_follows_its_end() -> None:
    simulation, web = running(1)
    disobey(simulation)
    stop = command(simulation, msg.OperatorStop(web))
    start = command(simulation, msg.OperatorStart(web))
    assert "started it meanwhile" in (result(simulation, stop) or "")
    assert incarnations(simulation) == [1]
    simulation.end(simulation.process(web))
    simulation.all_ready()
    assert incarnations(simulation) == [2]
    assert result(simulation, start) == ""


@pytest.mark.parametrize("decide", [give_up, never, later])
@pytest.mark.parametrize("which", [None, ONE])
@pytest.mark.parametrize("kind", [msg.OperatorStart, msg.OperatorRestart])
def test_a_start_brings_back_what_has_ended(decide: Any, which: Any, kind: Any) -> None:
    simulation, web = running(decide=decide)
    other = simulation.add("other")
    simulation.settle()
    simulation.end(simulation.process(web, 1))
    start = command(simulation, kind(web, which))
    simulation.all_ready()
    assert result(simulation, start) == ""
    assert not service(simulation).given_up
    assert simulation.process(web, 1).incarnation.number == 2
    assert len(simulation.processes(web)) == 2
    assert len(simulation.processes(other)) == 1


def test_a_stop_ends_a_back_off() -> None:
    simulation, web = running(1, decide=later)
    simulation.end(simulation.process(web))
    assert worker(simulation, 0).restart_at == simulation.clock.monotonic + 50.0
    assert result(simulation, command(simulation, msg.OperatorStop(web, WorkerId(0)))) == ""
    simulation.advance(100.0)
    assert simulation.processes() == []
    assert worker(simulation, 0).restart_at is None
    assert worker(simulation, 0).state is State.STOPPED


def test_a_service_that_was_stopped_before_it_was_ready_is_not_waited_for() -> None:
    simulation = Simulation()
    web = simulation.add("web")
    simulation.add("other")
    simulation.start(ready=False)
    command(simulation, msg.OperatorStop(web))
    simulation.all_ready()
    (ready,) = simulation.events_of(events.ManagerReady)
    assert ready.workers == 1


def test_a_service_that_waits_for_others_is_not_started_when_it_was_stopped() -> None:
    simulation = Simulation()
    first = simulation.add("first")
    second = simulation.add("second", start_after=(first,))
    simulation.start(ready=False)
    command(simulation, msg.OperatorStop(second))
    simulation.all_ready()
    simulation.settle()
    assert simulation.processes(second) == []
    command(simulation, msg.OperatorStart(second))
    assert len(simulation.processes(second)) == 1


def test_a_service_that_was_given_up_while_stopped_workers_are_left_is_over() -> None:
    simulation, web = running(decide=give_up)
    command(simulation, msg.OperatorStop(web, ONE))
    simulation.end(simulation.process(web, 0))
    assert simulation.exit_status == 3


# -- restart


def test_a_restart_at_once() -> None:
    simulation, web = running(3, decide=give_up)
    restart = command(simulation, msg.OperatorRestart(web))
    assert incarnations(simulation) == [2, 2, 2]
    assert result(simulation, restart) is None
    simulation.all_ready()
    assert result(simulation, restart) == ""
    assert not service(simulation).given_up


def test_a_rolling_restart_keeps_to_the_budget() -> None:
    simulation, web = running(3, max_unavailable=Share(1))
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    for expected in ([2, 1, 1], [2, 2, 1], [2, 2, 2]):
        assert sorted(incarnations(simulation)) == sorted(expected)
        assert result(simulation, restart) is None
        simulation.all_ready()
        simulation.settle()
    assert result(simulation, restart) == ""


def test_a_rolling_restart_with_a_surge_and_a_proof() -> None:
    simulation, web = running(1, max_unavailable=Share(0), max_surge=Share(1), min_ready_time=5.0)
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    assert incarnations(simulation) == [1, 2]
    assert [w.pending for w in service(simulation).workers] == ["", "replacement"]
    assert [w.double for w in service(simulation).workers] == [True, False]
    simulation.all_ready()
    simulation.settle()
    assert result(simulation, restart) is None
    simulation.advance(5.0)
    assert incarnations(simulation) == [2]
    assert result(simulation, restart) == ""


def test_stopped_workers_do_not_count_as_missing() -> None:
    simulation, web = running(3, max_unavailable=Share(1))
    command(simulation, msg.OperatorStop(web, ONE))
    restart = command(simulation, msg.OperatorRestart(web, WorkerId(0), rolling=True))
    assert simulation.process(web, 0).incarnation.number == 2
    simulation.all_ready()
    assert result(simulation, restart) == ""
    assert worker(simulation, 1).held


def test_a_restart_of_one_worker() -> None:
    simulation, web = running()
    restart = command(simulation, msg.OperatorRestart(web, ONE))
    assert incarnations(simulation) == [1, 2]
    assert result(simulation, restart) is None
    simulation.all_ready()
    assert result(simulation, restart) == ""


def test_a_restart_of_one_that_hangs_does_not_reach_the_policy() -> None:
    simulation, web = running(1, decide=give_up, watchdog_timeout=2.0)
    process = simulation.process(web)
    process.beating = False
    disobey(simulation)
    for _ in range(100):
        if worker(simulation, 0).state is State.STOPPING:
            break
        simulation.advance(0.1)
    assert worker(simulation, 0).ending == "hung"
    command(simulation, msg.OperatorRestart(web))
    simulation.end(process)
    assert incarnations(simulation) == [2]


def test_a_rolling_restart_that_does_not_come_forward_has_failed() -> None:
    simulation, web = running(3, max_unavailable=Share(1), replacement_timeout=9.0)
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    simulation.advance(10.0)
    assert "replacement_timeout" in (result(simulation, restart) or "")
    simulation.all_ready()
    simulation.settle()
    assert incarnations(simulation) == [2, 1, 1]


def test_a_rolling_restart_is_halted_by_a_reload_that_fails() -> None:
    simulation, web = running(3, max_unavailable=Share(1), decide=later)
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    changed = replace(simulation.specs[web], revision=1)
    simulation.prepare = lambda: [simulation.changed(msg.Change(changed, msg.Manner.REPLACE))]
    reload = command(simulation, msg.AskReload())
    simulation.end(simulation.process(web, 0))
    assert "was not ready" in (result(simulation, reload) or "")
    assert "a reload has failed" in (result(simulation, restart) or "")


# -- results


@pytest.mark.parametrize("decide", [give_up, never])
@pytest.mark.parametrize("which", [None, WorkerId(0)])
def test_a_start_fails_with_a_worker_that_is_lost(decide: Any, which: Any) -> None:
    simulation, web = running(decide=decide)
    simulation.add("other")
    simulation.settle()
    command(simulation, msg.OperatorStop(web))
    start = command(simulation, msg.OperatorStart(web, which))
    simulation.end(simulation.process(web, 0))
    assert result(simulation, start) not in (None, "")


def test_a_worker_that_has_finished_does_not_hold_up_the_result() -> None:
    simulation, web = running(decide=lambda death: Stop("done"))
    restart = command(simulation, msg.OperatorRestart(web))
    simulation.say_ready(simulation.process(web, 0))
    simulation.end(simulation.process(web, 1), ExitStatus(code=0))
    assert result(simulation, restart) == ""


def test_a_scale_is_fulfilled_when_all_are_ready_and_the_surplus_is_gone() -> None:
    simulation, web = running()
    grow = command(simulation, msg.Scale(web, 3))
    assert result(simulation, grow) is None
    simulation.all_ready()
    assert result(simulation, grow) == ""
    disobey(simulation)
    shrink = command(simulation, msg.Scale(web, 1))
    again = command(simulation, msg.Scale(web, 1))
    other = command(simulation, msg.Scale(web, 2))
    assert "another size" in (result(simulation, shrink) or "")
    assert "another size" in (result(simulation, again) or "")
    assert result(simulation, other) is None


def test_a_later_stop_supersedes_a_start() -> None:
    simulation, web = running()
    restart = command(simulation, msg.OperatorRestart(web))
    wait = command(simulation, msg.Await(web))
    one = command(simulation, msg.Await(web, WorkerId(0)))
    command(simulation, msg.OperatorStop(web, ONE))
    assert result(simulation, wait) is None
    command(simulation, msg.OperatorStop(web))
    for number in (restart, wait, one):
        assert "stopped it meanwhile" in (result(simulation, number) or "")


def test_commands_that_cannot_be_obeyed_are_refused() -> None:
    simulation, web = running(decide=give_up)
    after = simulation.add("after", start_after=(web,))
    simulation.settle()
    unknown = ServiceId(type(web)(int=77))
    for message in (
        msg.OperatorStop(unknown),
        msg.OperatorStart(web, WorkerId(2)),
        msg.Scale(unknown, 2),
    ):
        assert result(simulation, command(simulation, message)) not in (None, "")
    simulation.send(msg.RemoveService(after))
    simulation.send(msg.StopNoticed())
    for kind in (msg.OperatorStop, msg.OperatorStart, msg.OperatorRestart, msg.Await):
        assert "stopping" in (result(simulation, command(simulation, kind(web))) or "")
    assert "stopping" in (result(simulation, command(simulation, msg.Scale(web, 3))) or "")
    assert not simulation.events_of(events.ServiceScaled)
    assert "stopping" in (result(simulation, command(simulation, msg.AskReload())) or "")


def test_what_is_pending_fails_when_the_manager_stops() -> None:
    simulation, web = running()
    simulation.scale(web, 3)
    numbers = [
        command(simulation, message)
        for message in (msg.Await(web), msg.Scale(web, 3), msg.OperatorRestart(web))
    ]
    forgotten = command(simulation, msg.Await(web))
    simulation.send(msg.Forget(forgotten))
    simulation.shut_down()
    assert {result(simulation, number) for number in numbers} == {"the manager is stopping"}
    assert result(simulation, forgotten) is None


def test_what_is_pending_fails_when_the_service_is_removed() -> None:
    simulation, web = running()
    disobey(simulation)
    stop = command(simulation, msg.OperatorStop(web, ONE))
    wait = command(simulation, msg.OperatorRestart(web, WorkerId(0)))
    simulation.send(msg.RemoveService(web))
    assert "removed" in (result(simulation, wait) or "")
    for process in simulation.processes():
        simulation.end(process)
    assert result(simulation, stop) == ""


def test_each_reload_has_its_own_result() -> None:
    simulation, web = running()
    simulation.prepare = simulation.everything_again
    first = command(simulation, msg.AskReload())
    spec = replace(simulation.specs[web], revision=8)
    simulation.send(msg.Reloaded(simulation.process(web, 0).incarnation))
    assert result(simulation, first) is None
    simulation.send(msg.Reloaded(simulation.process(web, 1).incarnation))
    assert result(simulation, first) == ""
    simulation.prepare = lambda: [simulation.changed(msg.Change(spec, msg.Manner.REPLACE))]
    second = command(simulation, msg.AskReload())
    simulation.prepare = lambda: [msg.RefuseReload("a mistake")]
    third = command(simulation, msg.AskReload())
    assert (result(simulation, second), result(simulation, third)) == (None, None)
    while result(simulation, second) is None:
        simulation.all_ready()
        simulation.settle()
    assert (result(simulation, second), result(simulation, third)) == ("", "a mistake")


def test_commands_are_told_as_events() -> None:
    simulation, web = running()
    command(simulation, msg.OperatorStop(web))
    command(simulation, msg.OperatorStart(web, ONE))
    command(simulation, msg.OperatorRestart(web, rolling=True))
    told = [
        (event.command, event.worker) for event in simulation.events_of(events.ServiceCommanded)
    ]
    assert told == [("stop", None), ("start", 1), ("rolling restart", None)]


# -- what would never be answered


@pytest.mark.parametrize("stopped", [(None, 0), (0, 0), (None, None)])
def test_what_an_operator_has_stopped_is_not_waited_for(stopped: tuple[Any, Any]) -> None:
    simulation, web = running()
    held, awaited = stopped
    command(simulation, msg.OperatorStop(web, held))
    wait = command(simulation, msg.Await(web, awaited))
    assert "an operator has stopped it" in (result(simulation, wait) or "")


def test_the_last_worker_is_stopped_while_the_service_is_waited_for() -> None:
    simulation, web = running()
    simulation.end(simulation.process(web, 0))
    wait = command(simulation, msg.Await(web))
    command(simulation, msg.OperatorStop(web, ONE))
    assert result(simulation, wait) is None
    command(simulation, msg.OperatorStop(web, WorkerId(0)))
    assert "an operator has stopped it" in (result(simulation, wait) or "")


def test_others_are_waited_for_beside_a_stopped_worker() -> None:
    simulation, web = running()
    command(simulation, msg.OperatorStop(web, ONE))
    assert result(simulation, command(simulation, msg.Await(web))) == ""


def test_a_reload_in_place_does_not_take_the_place_of_a_restart() -> None:
    simulation, web = running(3, max_unavailable=Share(1))
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    simulation.reload()
    for _ in range(3):
        for process in simulation.processes():
            if process.received[-1:] == [Request.RELOAD]:
                simulation.say_reloaded(process)
        simulation.all_ready()
        simulation.settle()
    assert incarnations(simulation) == [2, 2, 2]
    assert result(simulation, restart) == ""
    assert simulation.events_of(events.ManagerReloaded)


# -- a rolling restart whose new process fails


@pytest.mark.parametrize("which", [None, WorkerId(0)])
@pytest.mark.parametrize("decide", [give_up, never, later, lambda death: Restart()])
def test_a_rolling_restart_fails_with_its_first_loss(decide: Any, which: Any) -> None:
    simulation, web = running(3, max_unavailable=Share(1), decide=decide, replacement_timeout=0.0)
    simulation.add("other")
    simulation.settle()
    restart = command(simulation, msg.OperatorRestart(web, which, rolling=True))
    other = command(simulation, msg.OperatorRestart(web, WorkerId(2), rolling=True))
    simulation.end(simulation.process(web, 0))
    assert result(simulation, restart) not in (None, "")
    simulation.advance(100.0)
    simulation.all_ready()
    simulation.settle()
    assert result(simulation, other) not in (None, "")
    (failed,) = simulation.events_of(events.ServiceRestartFailed)
    assert failed.service == "web"
    assert failed.reason.startswith("worker web(0) was not ready")
    assert [simulation.process(web, i).incarnation.number for i in (1, 2)] == [1, 1]


@pytest.mark.parametrize("decide", [give_up, never, later, lambda death: Restart()])
def test_the_loss_of_the_only_worker_fails_a_rolling_restart(decide: Any) -> None:
    simulation, web = running(1, decide=decide)
    simulation.add("other")
    simulation.settle()
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    simulation.end(simulation.process(web))
    assert result(simulation, restart) not in (None, "")
    assert len(simulation.events_of(events.ServiceRestartFailed)) == 1


@pytest.mark.parametrize("decide", [give_up, never, later, lambda death: Restart()])
def test_the_loss_of_the_only_worker_fails_a_reload(decide: Any) -> None:
    simulation, web = running(1, decide=decide)
    simulation.add("other")
    simulation.settle()
    changed = replace(simulation.specs[web], revision=1)
    simulation.reload(msg.Change(changed, msg.Manner.REPLACE))
    simulation.end(simulation.process(web))
    assert len(simulation.events_of(events.ReloadFailed)) == 1
    assert not simulation.events_of(events.ServiceRestartFailed)


def test_a_rolling_restart_fails_within_min_ready_time() -> None:
    simulation, web = running(3, max_unavailable=Share(1), min_ready_time=5.0)
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    simulation.all_ready()
    simulation.advance(1.0)
    simulation.end(simulation.process(web, 0))
    assert "min_ready_time" in (result(simulation, restart) or "")
    simulation.all_ready()
    simulation.advance(10.0)
    assert incarnations(simulation) == [3, 1, 1]


def test_a_surge_that_fails_leaves_the_old_process() -> None:
    simulation, web = running(2, max_unavailable=Share(0), max_surge=Share(1), decide=later)
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    simulation.end(simulation.process(web, 0))
    assert "was not ready" in (result(simulation, restart) or "")
    simulation.advance(100.0)
    assert incarnations(simulation) == [1, 1]
    assert len(simulation.events_of(events.ServiceRestartFailed)) == 1


def test_an_old_process_that_ends_by_itself_does_not_end_a_rolling_restart() -> None:
    simulation, web = running(3, max_unavailable=Share(1))
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    simulation.end(simulation.process(web, 2))
    for _ in range(3):
        simulation.all_ready()
        simulation.settle()
    assert incarnations(simulation) == [2, 2, 2]
    assert result(simulation, restart) == ""


def test_a_restart_at_once_is_tried_as_long_as_the_policy_does() -> None:
    simulation, web = running(2)
    restart = command(simulation, msg.OperatorRestart(web))
    simulation.end(simulation.process(web, 0))
    assert result(simulation, restart) is None
    simulation.all_ready()
    assert result(simulation, restart) == ""


def test_the_next_restart_after_one_that_has_failed() -> None:
    simulation, web = running(2, max_unavailable=Share(1))
    command(simulation, msg.OperatorRestart(web, rolling=True))
    simulation.end(simulation.process(web, 0))
    restart = command(simulation, msg.OperatorRestart(web, rolling=True))
    for _ in range(3):
        simulation.all_ready()
        simulation.settle()
    assert result(simulation, restart) == ""


@pytest.mark.parametrize("first", [0, 2])
def test_a_restart_of_one_worker_leaves_a_rolling_one_what_it_is(first: int) -> None:
    """Its loss ends it, whatever else was asked for meanwhile."""
    simulation, web = running(4, max_unavailable=Share(1), decide=later)
    rolling = command(simulation, msg.OperatorRestart(web, rolling=True))
    command(simulation, msg.OperatorRestart(web, WorkerId(first)))
    simulation.end(simulation.process(web, 0))
    assert "was not ready" in (result(simulation, rolling) or "")
    for _ in range(5):
        simulation.advance(100.0)
        simulation.all_ready()
        simulation.settle()
    assert [simulation.process(web, i).incarnation.number for i in (1, 3)] == [1, 1]

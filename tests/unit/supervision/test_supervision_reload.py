"""Reloads, told as stories: what is there after each step."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus, GiveUp, Restart, Stop
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import CallReloadHooks, Request, Spawn, UndoReload
from cotyledon_core.supervision.messages import Manner
from cotyledon_core.supervision.share import Share
from cotyledon_core.supervision.stopping import DUMP_PATIENCE
from cotyledon_core.testing.simulation import Simulation
from cotyledon_core.types import ServiceId

from reload_story import Story  # isort: skip  # beside this file

SURGE = {"max_unavailable": "0", "max_surge": "1"}


def later(death: Death) -> Decision:
    return Restart(5.0)


def never(death: Death) -> Decision:
    return Stop("never")


def give_up(death: Death) -> Decision:
    return GiveUp("enough")


# -- a few at a time


def test_eight_workers_two_at_a_time() -> None:
    story = Story(8, max_unavailable="25%")
    assert story.line() == "0 0 0 0 0 0 0 0"
    story.replace()
    assert story.line() == "1? 1? 0 0 0 0 0 0"
    story.ready(1)
    assert story.line() == "1? 1 1? 0 0 0 0 0"
    story.ready(0)
    assert story.line() == "1 1 1? 1? 0 0 0 0"
    assert story.told() == ["begun"]
    story.finish()
    assert story.line() == "1 1 1 1 1 1 1 1"
    assert story.told() == ["begun", "over: 0 in place, 8 replaced"]


@pytest.mark.parametrize(("workers", "line"), [(1, "1?"), (3, "1? 0 0"), (4, "1? 0 0 0")])
def test_at_least_one_at_a_time(workers: int, line: str) -> None:
    story = Story(workers)
    story.replace()
    assert story.line() == line


def test_one_that_ends_slowly_counts_as_missing() -> None:
    story = Story(3, max_unavailable="1")
    story.at(0).obedient = False
    story.replace()
    assert story.line() == "0! 0 0"
    story.crash(0)
    assert story.line() == "1? 0 0"
    story.ready(0)
    assert story.line() == "1 1? 0"


def test_one_that_is_missing_for_another_reason_counts() -> None:
    story = Story(3, max_unavailable="1", decide=later)
    story.crash(2)
    story.replace()
    assert story.line() == "0 0"
    story.advance(5.0)
    assert story.line() == "0 0 1?"
    story.ready(2)
    assert story.line() == "1? 0 1"
    story.finish()
    assert story.line() == "1 1 1"


def test_those_that_the_policy_left_ended_are_not_waited_for() -> None:
    story = Story(3, max_unavailable="1", decide=never)
    story.crash(2)
    story.replace()
    assert story.line() == "1? 0"
    story.finish()
    assert story.line() == "1 1"
    assert story.told() == ["begun", "over: 0 in place, 2 replaced"]


def test_one_that_is_not_ready_is_replaced_at_once() -> None:
    story = Story(3, max_unavailable="1")
    story.crash(0)
    assert story.line() == "0? 0 0"
    story.replace()
    assert story.line() == "1? 0 0"


def test_all_at_once() -> None:
    story = Story(4, max_unavailable="100%")
    story.replace()
    assert story.line() == "1? 1? 1? 1?"
    story.finish()
    assert story.told() == ["begun", "over: 0 in place, 4 replaced"]


def test_it_has_to_stay_ready_for_a_while() -> None:
    story = Story(3, max_unavailable="1", min_ready_time=10.0)
    story.replace()
    story.ready(0)
    story.advance(9.0)
    assert story.line() == "1 0 0"
    story.advance(1.0)
    assert story.line() == "1 1? 0"
    story.ready(1)
    story.advance(10.0)
    story.ready(2)
    story.advance(9.0)
    assert story.told() == ["begun"]
    story.advance(1.0)
    assert story.told() == ["begun", "over: 0 in place, 3 replaced"]


def test_a_service_without_workers() -> None:
    story = Story(0)
    story.replace()
    assert story.told() == ["begun", "over: 0 in place, 0 replaced"]


def test_nothing_changes() -> None:
    story = Story(2)
    story.prepare = lambda: [msg.Reload()]
    story.reload()
    assert story.line() == "0 0"
    assert story.told() == ["begun", "over: 0 in place, 0 replaced"]


def test_other_services_are_left_alone() -> None:
    story = Story(1, begin=False)
    other = story.add_service("other", 2)
    story.start()
    story.replace()
    story.finish()
    assert (story.line(), story.line(other)) == ("1", "0 0")


def test_how_long_it_took() -> None:
    story = Story(1, min_ready_time=2.0)
    story.replace()
    story.advance(1.0)
    story.ready(0)
    story.advance(5.0)
    (over,) = story.events_of(events.ManagerReloaded)
    assert over.duration == 3.0


# -- the gate


def test_a_new_worker_that_crashes_stops_the_rollout_and_it_is_undone() -> None:
    story = Story(4, max_unavailable="1", decide=later)
    story.replace()
    story.ready(0)
    assert story.line() == "1 1? 0 0"
    story.crash(1)
    assert story.told() == ["begun", "failed in web"]
    assert "worker web(1) was not ready: exited" in story.error()
    assert story.line() == "1 0 0", "one is missing already"
    story.advance(5.0)
    assert story.line() == "1 0? 0 0"
    story.ready(1)
    assert story.line() == "0? 0 0 0"
    assert story.told() == ["begun", "failed in web"]
    story.ready(0)
    assert story.line() == "0 0 0 0"
    assert story.told() == ["begun", "failed in web", "undone"]


def test_a_crash_within_min_ready_time() -> None:
    story = Story(3, max_unavailable="1", min_ready_time=10.0)
    story.replace()
    story.ready(0)
    story.advance(2.0)
    story.crash(0)
    assert "web(0) ended within min_ready_time after it was ready" in story.error()
    assert story.line() == "0? 0 0"
    story.ready(0)
    story.advance(10.0)
    assert story.told() == ["begun", "failed in web", "undone"]


def test_a_start_that_is_refused() -> None:
    story = Story(2, max_unavailable="1", decide=later)
    story.kernel.refusals = 1
    story.replace()
    assert "worker web(0) was not ready: spawn failed" in story.error()
    assert "Resource temporarily unavailable" in story.error()


def test_a_hang_with_a_start_timeout() -> None:
    story = Story(2, max_unavailable="1", start_timeout=3.0)
    story.replace()
    story.advance(10.0)
    assert "worker web(0) was not ready: start timeout" in story.error()


def test_a_hang_with_a_replacement_timeout() -> None:
    story = Story(2, max_unavailable="1", replacement_timeout=10.0)
    story.replace()
    story.advance(9.0)
    assert story.told() == ["begun"]
    story.advance(1.0)
    assert story.error() == (
        "worker web(0) did not become ready within 10 seconds (replacement_timeout)"
    )
    hung = story.at(0)
    story.advance(DUMP_PATIENCE)
    assert hung.received == [Request.DUMP, Request.ABORT], "it has no work to finish"
    assert story.line() == "0? 0"
    story.finish()
    assert story.told() == ["begun", "failed in web", "undone"]


def test_each_step_has_its_own_time() -> None:
    story = Story(4, max_unavailable="2", replacement_timeout=10.0)
    story.replace()
    for worker_id in range(4):
        story.advance(9.0)
        story.ready(worker_id)
    assert story.told() == ["begun", "over: 0 in place, 4 replaced"]
    assert story.supervisor.deadline() is None


def test_a_death_that_moves_nothing_gives_a_hang_no_more_time() -> None:
    story = Story(4, max_unavailable="1", replacement_timeout=10.0, decide=never)
    story.replace()
    story.ready(0)
    story.advance(8.0)
    story.crash(0)
    story.advance(2.0)
    assert story.told()[:2] == ["begun", "failed in web"]


def test_one_that_dies_before_its_turn_is_replaced() -> None:
    story = Story(4, max_unavailable="1", decide=never)
    story.replace()
    story.crash(3)
    for worker_id in (0, 3, 1, 2):
        story.ready(worker_id)
    assert story.told() == ["begun", "over: 0 in place, 4 replaced"]


def test_time_to_stay_ready_is_no_hang() -> None:
    story = Story(2, max_unavailable="1", min_ready_time=30.0, replacement_timeout=10.0)
    story.replace()
    story.ready(0)
    story.advance(30.0)
    assert story.line() == "1 1?"
    story.ready(1)
    story.advance(30.0)
    assert story.told() == ["begun", "over: 0 in place, 2 replaced"]


def test_nobody_can_be_replaced() -> None:
    story = Story(2, max_unavailable="1", replacement_timeout=3.0, decide=later)
    story.crash(0)
    story.replace()
    story.advance(3.0)
    assert "no worker of web could be replaced, as 1 are not ready" in story.error()


def test_halt() -> None:
    story = Story(4, max_unavailable="1", decide=later)
    story.rollback = False
    story.replace()
    story.ready(0)
    story.crash(1)
    assert story.told() == ["begun", "failed in web"]
    story.advance(5.0)
    story.ready(1)
    story.advance(100.0)
    assert story.line() == "1 1 0 0", "as far as it came"
    assert story.told() == ["begun", "failed in web"]
    story.replace()
    story.finish()
    assert story.line() == "2 2 2 2"


def test_an_undo_that_fails() -> None:
    story = Story(3, max_unavailable="1")
    story.replace()
    story.crash(0)
    assert story.line() == "0? 0 0"
    story.crash(0)
    assert story.told() == ["begun", "failed in web", "not undone"]
    story.replace()
    story.finish()
    assert story.line() == "1 1 1"


def test_a_give_up_on_the_way_fails_it() -> None:
    story = Story(3, max_unavailable="1", decide=give_up)
    story.add_service("other", 1)
    story.all_ready()
    story.replace()
    story.crash(0)
    assert story.told() == ["begun", "failed in web", "undone"]
    assert story.line() == "0 0", "what was given up stays so"


def test_a_stop_on_the_way_fails_it() -> None:
    story = Story(3, max_unavailable="1", decide=never)
    story.replace()
    story.crash(0)
    assert story.told() == ["begun", "failed in web", "undone"]
    assert story.line() == "0 0"


def test_the_death_of_one_that_was_not_its_turn_is_no_failure() -> None:
    story = Story(4, max_unavailable="1")
    story.replace()
    story.crash(3)
    assert story.line() == "1? 0 0 1?"
    story.finish()
    assert story.line() == "1 1 1 1"
    assert story.told() == ["begun", "over: 0 in place, 4 replaced"]


def test_a_death_in_a_service_that_is_not_concerned_is_no_failure() -> None:
    story = Story(2, max_unavailable="1", begin=False)
    other = story.add_service("other", 2)
    story.start()
    story.ask_to_leave(story.at(0, other))
    story.replace()
    story.end(story.at(0, other), ExitStatus(code=1))
    assert story.told() == ["begun"]
    story.finish()
    assert story.told() == ["begun", "over: 0 in place, 2 replaced"]


def test_one_that_has_asked_to_leave_elsewhere_is_not_forgotten_by_a_failure() -> None:
    story = Story(2, max_unavailable="1", begin=False)
    other = story.add_service("other", 2, max_unavailable="1")
    story.start()
    first = [story.at(0, other), story.at(1, other)]
    for process in first:
        story.ask_to_leave(process)
    assert story.line(other) == "0? 0"
    story.replace()
    story.crash(0)
    story.finish()
    assert all(process.asked for process in first)


def test_a_service_that_hangs_does_not_keep_others_from_their_undoing() -> None:
    story = Story(1, begin=False)
    other = story.add_service("other", 1, replacement_timeout=5.0)
    story.start()
    story.replace(story.web, other)
    story.ready(0)
    assert (story.line(), story.line(other)) == ("1", "1?")
    story.advance(5.0)
    assert story.told() == ["begun", "failed in other"]
    story.advance(DUMP_PATIENCE)
    story.finish()
    assert (story.line(), story.line(other)) == ("0", "0")
    assert story.told() == ["begun", "failed in other", "undone"]


def test_one_that_becomes_ready_makes_room_for_one_that_waits() -> None:
    story = Story(2, begin=False, max_unavailable="1")
    story.start(ready=False)
    story.say_ready(story.at(0))
    story.leave(0)
    assert story.line() == "0 0?", "one is missing"
    story.ready(1)
    assert story.line() == "0? 0"


# -- with a surge


def test_the_new_one_first() -> None:
    story = Story(2, **SURGE)
    story.replace()
    assert story.line() == "0+1? 0"
    story.ready(0)
    assert story.line() == "1 0+1?"
    story.ready(1)
    assert story.line() == "1 1"
    assert story.told() == ["begun", "over: 0 in place, 2 replaced"]


def test_the_old_one_goes_when_the_new_one_has_stayed_ready() -> None:
    story = Story(1, **SURGE, min_ready_time=5.0)
    story.replace()
    story.ready(0)
    story.advance(4.0)
    assert story.line() == "0+1"
    story.advance(1.0)
    assert story.line() == "1"


def test_it_is_not_over_before_the_old_ones_are_gone() -> None:
    story = Story(1, **SURGE)
    old = story.at(0)
    old.obedient = False
    story.replace()
    story.ready(0)
    assert story.line() == "0!+1"
    assert story.told() == ["begun"]
    story.end(old)
    assert story.told() == ["begun", "over: 0 in place, 1 replaced"]


def test_surge_and_unavailable_together() -> None:
    story = Story(4, max_surge="1", max_unavailable="1")
    story.replace()
    assert story.line() == "0+1? 1? 0 0"


def test_half_of_the_workers_rounded_up() -> None:
    story = Story(3, max_surge="50%", max_unavailable="0")
    story.replace()
    assert story.line() == "0+1? 0+1? 0"


@pytest.mark.parametrize("decide", [later, never, give_up, lambda death: Restart()])
def test_a_surge_that_fails_gives_the_slot_back(decide: Callable[[Death], Decision]) -> None:
    story = Story(2, **SURGE, decide=decide)
    old = story.at(0)
    story.replace()
    story.crash(0)
    assert story.line() == "0 0"
    assert story.at(0) is old
    assert story.told() == ["begun", "failed in web", "undone"]
    story.advance(100.0)
    assert story.line() == "0 0"
    assert not old.asked


def test_a_surge_that_hangs_gives_the_slot_back() -> None:
    story = Story(2, **SURGE, replacement_timeout=5.0)
    old = story.at(0)
    story.replace()
    story.at(0).obedient = False
    story.advance(5.0)
    assert story.line() == "0+1? 0"
    story.advance(DUMP_PATIENCE)
    assert story.line() == "0 0"
    assert story.told() == ["begun", "failed in web", "undone"]
    story.crash(0)
    assert story.line() == "0? 0"
    assert story.process(story.web, 0).incarnation.number == old.incarnation.number + 2


@pytest.mark.parametrize("refusals", [1, 2])
def test_new_ones_that_cannot_be_started_together(refusals: int) -> None:
    """What became of the second is known when the first has failed the reload already."""
    story = Story(2, max_unavailable="0", max_surge="2", decide=later)
    story.kernel.refusals = refusals
    story.replace()
    assert story.line() == "0 0"
    assert story.told() == ["begun", "failed in web", "undone"]
    story.shut_down()
    assert story.exit_status == 0


def test_an_old_one_that_is_on_its_way_out_does_not_get_the_slot_back() -> None:
    story = Story(2, **SURGE, decide=never)
    old = story.at(0)
    old.obedient = False
    story.replace()
    story.ready(0)
    assert story.line() == "0!+1 0"
    story.crash(0)
    story.end(old)
    assert story.line() == "0+1?", "of the other one"
    first = story.supervisor.snapshot().services[0].workers[0]
    assert (first.worker_id, first.state.value) == (0, "exited")


def test_the_old_one_dies_before_the_new_one_is_ready() -> None:
    story = Story(2, **SURGE)
    old = story.at(0)
    story.replace()
    story.end(old)
    assert story.line() == "1? 0+1?", "there is room for another new one"
    story.finish()
    assert story.line() == "1 1"
    assert story.told() == ["begun", "over: 0 in place, 2 replaced"]


def test_a_new_one_that_wants_to_leave_before_it_counts() -> None:
    story = Story(2, **SURGE, min_ready_time=5.0)
    story.replace()
    story.ready(0)
    story.leave(0)
    assert story.line() == "0+1? 0", "another new one, and still the old one"
    story.ready(0)
    story.advance(5.0)
    assert story.line() == "1 0+1?"


def test_one_that_leaves_by_itself_is_started_beside_too() -> None:
    story = Story(2, **SURGE, decide=later)
    story.leave(0)
    assert story.line() == "0+0? 0"
    story.crash(0)
    story.advance(5.0)
    assert story.line() == "0+0? 0"
    story.ready(0)
    assert story.line() == "0 0"
    assert story.told() == []


# -- in place


def test_all_reload_in_place() -> None:
    story = Story(3)
    story.tell()
    assert [p.received for p in story.processes()] == [[Request.RELOAD]] * 3
    story.answer(0, 1)
    assert story.told() == ["begun"]
    story.answer(2)
    assert story.told() == ["begun", "over: 3 in place, 0 replaced"]


def test_some_cannot_and_leave() -> None:
    story = Story(4, max_unavailable="1")
    story.tell()
    story.leave(0, 1)
    story.answer(2)
    assert story.line() == "1? 0 0 0"
    story.ready(0)
    assert story.line() == "1 1? 0 0"
    story.ready(1)
    assert story.told() == ["begun"]
    story.answer(3)
    assert story.told() == ["begun", "over: 2 in place, 2 replaced"]


def test_some_cannot_and_stay() -> None:
    story = Story(2)
    story.bring(Manner.TELL_OR_LEAVE)
    story.answer(0)
    story.leave(1)
    assert story.line() == "0 0"
    assert story.told() == ["begun", "over: 1 in place, 0 replaced"]


def test_a_told_worker_that_dies_fails_the_reload() -> None:
    story = Story(3, decide=later, max_unavailable="1")
    story.tell()
    story.answer(0)
    story.crash(1)
    assert "worker web(1) ended while it was to reload: exited" in story.error()
    assert story.told() == ["begun", "failed in web"]
    story.advance(5.0)
    story.finish()
    assert story.line() == "0 0 0"
    numbers = [process.incarnation.number for process in story.processes()]
    assert numbers == [2, 2, 2], "one has reloaded, one may have done so"
    assert story.told() == ["begun", "failed in web", "undone"]


def test_a_told_worker_that_hangs() -> None:
    story = Story(2, replacement_timeout=10.0)
    story.tell()
    story.answer(1)
    story.advance(10.0)
    assert story.error() == "worker web(0) did not reload within 10 seconds (replacement_timeout)"


def test_one_that_has_hung_in_a_reload_is_replaced_by_the_next() -> None:
    story = Story(3, max_unavailable="1", replacement_timeout=10.0)
    story.rollback = False
    story.tell()
    story.answer(2)
    story.advance(10.0)
    story.say_reloaded(story.at(1))  # late
    story.bring(Manner.TELL_OR_LEAVE)
    assert story.line() == "2? 0 0"
    story.ready(0)
    story.answer(1, 2)
    assert story.told()[-1] == "over: 2 in place, 1 replaced"


def test_one_that_was_told_while_it_started() -> None:
    story = Story(1, begin=False)
    story.start(ready=False)
    story.tell()
    story.answer(0)
    assert story.told() == ["begun", "over: 1 in place, 0 replaced"]


def test_two_in_place_beside_each_other() -> None:
    story = Story(2)
    story.tell()
    story.tell()
    assert story.told() == ["begun", "over: 0 in place, 0 replaced", "begun"]
    assert [p.received for p in story.processes()] == [[Request.RELOAD] * 2] * 2
    story.answer(0, 1)
    assert story.told()[-1] == "over: 2 in place, 0 replaced"


def test_a_new_one_that_does_not_count_yet_is_replaced_by_a_newer_one() -> None:
    story = Story(1, **SURGE)
    story.leave(0)
    assert story.line() == "0+0?"
    story.tell()
    assert story.line() == "0+1?"
    story.ready(0)
    assert story.line() == "1"
    assert story.told() == ["begun", "over: 0 in place, 1 replaced"]


# -- at any time


def test_during_the_start() -> None:
    story = Story(3, begin=False, spawn_interval=1.0)
    story.start(ready=False)
    assert story.line() == "0?"
    story.replace()
    story.advance(10.0)
    assert story.line() == "1? 1? 1?"
    assert story.told() == ["begun"]
    story.all_ready()
    assert story.told() == ["begun", "over: 0 in place, 3 replaced"]


def test_during_a_back_off() -> None:
    story = Story(1, decide=later)
    story.crash(0)
    story.replace()
    assert story.told() == ["begun", "over: 0 in place, 0 replaced"]
    story.advance(5.0)
    assert story.line() == "1?"


def test_a_change_ends_a_back_off() -> None:
    story = Story(1, decide=later)
    story.crash(0)
    story.replace(afresh=True)
    assert story.line() == "1?"
    assert story.told() == ["begun"]
    story.crash(0)
    assert story.told()[:2] == ["begun", "failed in web"]


def test_a_service_that_was_given_up_begins_afresh() -> None:
    story = Story(2, decide=give_up, begin=False)
    story.add_service("other", 1)
    story.start()
    story.crash(0, 1)
    assert story.line() == ""
    story.replace(decide=later, afresh=True)
    assert story.line() == "1? 1?"
    assert story.told() == ["begun"]
    story.finish()
    assert story.told() == ["begun", "over: 0 in place, 2 replaced"]


def test_those_that_were_given_up_with_it_begin_afresh_with_it() -> None:
    story = Story(1, begin=False, decide=give_up)
    second = story.add_service("second", 1, start_after=(story.web,))
    third = story.add_service("third", 1, start_after=(second,))
    story.add_service("other", 1)
    story.start(ready=False)
    story.crash(0)
    assert [event.service for event in story.events_of(events.ServiceGivenUp)] == [
        "web",
        "second",
        "third",
    ]
    story.replace(afresh=True)
    assert len(story.processes(second)) == 0
    story.finish()
    assert len(story.processes(second)) == len(story.processes(third)) == 1


@pytest.mark.parametrize("manner", Manner)
def test_one_that_has_finished_is_run_again_only_if_it_is_made_anew(manner: Manner) -> None:
    story = Story(2, begin=False, decide=never)
    story.add_service("other", 1)
    story.start()
    story.end(story.at(0), ExitStatus(code=0))
    story.end(story.at(1), ExitStatus(code=1))
    story.bring(manner, afresh=True)
    left_alone = manner is Manner.TELL_OR_LEAVE
    assert story.line() == ("1?" if left_alone else "1? 1?")


def test_during_a_stop() -> None:
    story = Story(1)
    story.at(0).obedient = False
    story.shut_down()
    story.replace()
    assert story.line() == "0!"
    assert story.told() == []


@pytest.mark.parametrize("surge", [{}, SURGE])
def test_a_stop_during_a_rollout(surge: dict[str, str]) -> None:
    story = Story(4, **surge)
    story.replace()
    story.ready(0)
    story.shut_down()
    assert story.line() == ""
    assert story.exit_status == 0
    assert story.told() == ["begun"]


def test_during_another() -> None:
    story = Story(3, max_unavailable="1")
    story.replace()
    story.ready(0)
    story.replace()
    assert story.line() == "1 1? 0", "the other comes to its end first"
    story.ready(1)
    story.ready(2)
    assert story.told() == ["begun", "over: 0 in place, 3 replaced", "begun"]
    assert story.line() == "2? 1 1"
    story.finish()
    assert story.line() == "2 2 2"
    assert len(story.told()) == 4


def test_during_one_that_fails() -> None:
    story = Story(2, max_unavailable="1")
    story.replace()
    story.replace()
    story.crash(0)
    assert story.told() == ["begun", "failed in web"]
    story.ready(0)
    assert story.told() == ["begun", "failed in web", "undone", "begun"]
    story.finish()
    assert story.line() == "1 1"


def test_nobody_is_started_while_one_is_being_undone() -> None:
    story = Story(2, replacement_timeout=5.0)
    other = story.add_service("other", 1, decide=later)
    story.settle()
    story.replace()
    story.end(story.process(other))
    story.clock.advance_to(story.clock.monotonic + 5.0)
    actions = [type(action) for action in story.send(msg.DeadlineReached())]
    assert UndoReload in actions
    assert Spawn not in actions
    story.settle()
    assert len(story.processes(other)) == 1


def test_fifty_are_asked_for_during_one() -> None:
    story = Story(3, max_unavailable="1")
    story.replace()
    hooks = 0
    for _ in range(50):
        hooks += story.send(msg.AskReload()).count(CallReloadHooks())
    story.finish()
    assert hooks == 50
    assert story.line() == "2 2 2", "one more, for all of them"
    assert story.told() == ["begun", "over: 0 in place, 3 replaced"] * 2


def test_fifty_in_place() -> None:
    story = Story(2)
    for _ in range(50):
        story.tell()
    assert story.told().count("begun") == 50
    story.answer(0, 1)
    assert story.told().count("begun") == 50
    assert len(story.told()) == 100


def test_one_that_brings_a_service_that_is_only_being_added() -> None:
    story = Story(2)
    added = replace(story.specs[story.web], service_id=ServiceId(UUID(int=9)), name="added")
    story.specs[added.service_id] = added
    story.tell(story.web, added.service_id)
    for process in story.processes():
        story.say_reloaded(process)
    assert story.told() == ["begun", "over: 2 in place, 0 replaced"]
    story.send(msg.AddService(added))
    story.settle()
    assert len(story.processes(added.service_id)) == 2


def test_refused() -> None:
    story = Story(2)
    story.prepare = lambda: [msg.RefuseReload("no such file")]
    story.reload()
    assert story.told() == ["begun", "refused"]
    assert story.error() == "no such file"
    assert story.line() == "0 0"
    story.replace()
    story.finish()
    assert story.line() == "1 1"


# -- sizes


def test_more_workers_on_the_way() -> None:
    story = Story(3, max_unavailable="1")
    story.replace()
    story.scale(story.web, 5)
    assert story.line() == "1? 0 0 1? 1?"
    story.finish()
    assert story.line() == "1 1 1 1 1"
    assert story.told()[-1].startswith("over")


def test_fewer_workers_on_the_way() -> None:
    story = Story(4, max_unavailable="1")
    story.replace()
    story.scale(story.web, 2)
    assert story.line() == "1? 0"
    story.finish()
    assert story.line() == "1 1"
    assert story.told()[-1] == "over: 0 in place, 2 replaced"


def test_none_at_all_on_the_way() -> None:
    story = Story(4, max_unavailable="1")
    story.replace()
    story.scale(story.web, 0)
    assert story.line() == ""
    assert story.told()[-1] == "over: 0 in place, 0 replaced"


def test_the_one_that_is_being_replaced_is_not_wanted_any_more() -> None:
    story = Story(2, **SURGE, min_ready_time=3.0)
    story.replace()
    story.scale(story.web, 0)
    assert story.line() == ""
    story.scale(story.web, 1)
    assert story.line() == "1?"


def test_fewer_and_more_again_while_both_of_a_slot_end() -> None:
    story = Story(1, **SURGE)
    old = story.at(0)
    old.obedient = False
    story.replace()
    new = story.at(0)
    new.obedient = False
    story.scale(story.web, 0)
    assert story.line() == "0!+1!"
    story.scale(story.web, 1)
    story.end(new)
    assert story.line() == "0!+1?"
    story.end(old)
    story.finish()
    assert story.line() == "1"


# -- services that go


def test_a_service_is_removed() -> None:
    story = Story(2, begin=False)
    other = story.add_service("other", 2)
    story.start()
    slow = story.at(0, other)
    slow.obedient = False
    story.prepare = lambda: [msg.RemoveService(other), msg.Reload()]
    story.reload()
    assert story.line(other) == "0!"
    assert story.told() == ["begun"]
    story.end(slow)
    assert story.told() == ["begun", "other removed", "over: 0 in place, 0 replaced"]
    assert [service.name for service in story.supervisor.snapshot().services] == ["web"]


def test_a_service_is_added_again_before_it_is_gone() -> None:
    story = Story(3)
    slow = story.at(0)
    slow.obedient = False
    story.send(msg.RemoveService(story.web))
    story.settle()
    assert story.line() == "0!"
    story.send(msg.AddService(replace(story.specs[story.web], workers=2)))
    story.settle()
    assert story.line() == "0! 0?"
    story.end(slow)
    assert story.line() == "0? 0?"
    assert "web removed" not in story.told()


def test_a_service_that_is_going_is_not_scaled() -> None:
    story = Story(2)
    story.at(0).obedient = False
    story.send(msg.RemoveService(story.web))
    story.scale(story.web, 4)
    assert story.line() == "0!"


def test_a_service_is_removed_on_its_way() -> None:
    story = Story(3, **SURGE)
    story.replace()
    story.prepare = lambda: [msg.RemoveService(story.web), msg.Reload()]
    story.reload()
    story.finish()
    assert story.told()[-3:] == ["begun", "web removed", "over: 0 in place, 0 replaced"]


def test_the_removal_of_the_last_service_leaves_a_manager_that_waits() -> None:
    story = Story(1)
    story.send(msg.RemoveService(story.web))
    story.settle()
    assert story.exit_status is None


def test_the_removal_of_the_last_that_was_not_over_ends_the_manager() -> None:
    story = Story(1, begin=False)
    done = story.add_service("done", 1, decide=lambda death: Stop("done", clean=True))
    story.start()
    story.end(story.at(0, done))
    story.send(msg.RemoveService(story.web))
    story.settle()
    assert story.exit_status == 0


def test_those_after_a_removed_service_do_not_wait_for_it() -> None:
    simulation = Simulation(spawn_interval=100.0)
    simulation.add("first")
    before = simulation.add("before")
    after = simulation.add("after", start_after=(before,))
    simulation.start()
    assert simulation.processes(after) == []
    simulation.send(msg.RemoveService(before))
    simulation.advance(200.0)
    assert len(simulation.processes(after)) == 1


def test_a_removed_service_has_its_place_in_a_stop() -> None:
    simulation = Simulation(grace=0.0)
    first = simulation.add("first")
    going = simulation.add("going", start_after=(first,))
    last = simulation.add("last", start_after=(going,))
    simulation.start()
    simulation.all_ready()
    simulation.settle()
    simulation.all_ready()
    simulation.settle()
    simulation.all_ready()
    slow = simulation.process(going)
    slow.obedient = simulation.process(last).obedient = False
    simulation.send(msg.RemoveService(going))
    simulation.shut_down()
    simulation.end(slow)
    assert [p.asked for p in simulation.processes(first)] == [False], "it comes last"
    simulation.end(simulation.process(last))
    assert simulation.exit_status == 0


# -- beside recycling and the watchdog


def test_recycling_waits_for_the_rollout() -> None:
    story = Story(4, max_unavailable="1", max_recycling="4")
    story.replace()
    story.send(msg.RecycleAsked(story.at(3).incarnation, "too large"))
    story.settle()
    assert story.line() == "1? 0 0 0"
    story.ready(0)
    story.send(msg.RecycleAsked(story.at(0).incarnation, "too large"))
    story.settle()
    assert story.line() == "1 1? 0 0"
    story.ready(1)
    story.ready(2)
    story.ready(3)
    assert story.told()[-1] == "over: 0 in place, 4 replaced"
    assert story.line() == "1? 1 1 1", "the new one that had asked"


def test_an_old_one_beside_a_new_one_is_not_recycled() -> None:
    story = Story(2, **SURGE, max_recycling="2", decide=later)
    story.leave(0)
    old = story.processes()[0]
    story.crash(0)
    story.send(msg.RecycleAsked(old.incarnation, "too large"))
    story.settle()
    assert not old.asked
    assert story.line() == "0 0"


def test_a_reload_of_one_that_is_being_recycled() -> None:
    story = Story(2, max_unavailable="1")
    slow = story.at(0)
    slow.obedient = False
    story.send(msg.RecycleAsked(slow.incarnation, "too large"))
    story.replace()
    assert story.line() == "0! 0"
    story.end(slow)
    assert story.line() == "1? 0"
    story.finish()
    assert story.told() == ["begun", "over: 0 in place, 2 replaced"]


@pytest.mark.parametrize(("old", "new"), [(9.0, 0.0), (9.0, 1.0)])
def test_a_process_keeps_the_watchdogs_time_that_it_was_told(old: float, new: float) -> None:
    story = Story(2, max_unavailable="1", watchdog_timeout=old)
    beating = story.at(1)
    story.replace(watchdog_timeout=new)
    for _ in range(20):
        beating.beating = False
        story.advance(1.0)
        story.send(msg.Beat(beating.incarnation, story.clock.monotonic))
    assert not beating.asked
    assert story.events_of(events.WorkerHung) == []


def test_a_hung_process_is_no_standby() -> None:
    simulation = Simulation()
    web = simulation.add(
        "web",
        max_unavailable=Share(0),
        max_surge=Share(1),
        min_ready_time=2.0,
        watchdog_timeout=3.0,
    )
    simulation.start()
    first = simulation.process(web)
    first.beating = first.obedient = False
    simulation.advance(2.5)
    simulation.ask_to_leave(first)
    simulation.all_ready()
    while Request.DUMP not in first.received:
        simulation.advance(0.1)
    second = simulation.process(web)
    simulation.ask_to_leave(second)
    assert not second.asked, "it is the only one that works"
    simulation.end(first)
    simulation.all_ready()
    simulation.advance(2.0)
    assert second.asked
    assert [process.incarnation.number for process in simulation.processes()] == [3]

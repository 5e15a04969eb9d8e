"""What the events amount to. That states agree with the supervisor's, its models check."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core import events
from cotyledon_core.ledger import Ledger, Stage
from cotyledon_core.outcomes import OUTCOMES, outcome
from cotyledon_core.plugins.restart_policy import Cause, ExitStatus, Phase
from cotyledon_core.record import replace
from cotyledon_core.standing import START_BOUNDS, ServiceStanding
from cotyledon_core.supervision.states import State
from cotyledon_core.testing import every_event
from cotyledon_core.testing.samples import SERVICE_ID
from cotyledon_core.types import WorkerId

SAMPLES: dict[str, Any] = {event.kind: event for event in every_event()}


def worker(kind: str, worker_id: int = 0, **fields: Any) -> Any:
    given = {"service": "web", "worker_id": WorkerId(worker_id), "pid": 100 + worker_id}
    return replace(SAMPLES[kind], **(given | fields))


def added(workers: int) -> Any:
    return replace(SAMPLES["service_added"], service="web", workers=workers)


def ledger_of(*told: events.Event) -> Ledger:
    ledger = Ledger()
    for event in told:
        ledger.note(event)
    return ledger


def states(ledger: Ledger) -> list[str]:
    return [found.state.value for found in ledger.services["web"].workers.values()]


def test_a_death_from_the_spawn_to_the_restart() -> None:
    ledger = ledger_of(added(2), worker("worker_spawned"), worker("worker_ready"))
    assert states(ledger) == ["running", "stopped"]
    died = worker("worker_exited", at=5.0, status=ExitStatus(signal=11), detail="it fell")
    ledger.note(died)
    assert states(ledger) == ["stopped", "stopped"]
    ledger.note(worker("worker_restarting", at=5.0, delay=2.0))
    web = ledger.services["web"]
    first = web.workers[WorkerId(0)]
    assert (first.state, first.restart_at, first.restarts) == (State.BACKOFF, 7.0, 1)
    assert first.end is not None
    assert (first.end.outcome, first.end.signal) == ("signal", 11)
    assert first.end.text == "signal 11: it fell"
    assert (web.restarts, web.ends) == ({"signal": 1}, {"signal": 1})
    ledger.note(worker("worker_spawned", incarnation=2))
    assert (first.state, first.restart_at) == (State.STARTING, None)


def test_during_a_replacement_with_surge_the_worker_stays_ready() -> None:
    ledger = ledger_of(added(1), worker("worker_spawned"), worker("worker_ready"))
    ledger.note(worker("worker_spawned", incarnation=2))
    assert states(ledger) == ["running"]
    ledger.note(worker("worker_exited", incarnation=1, asked=True))
    assert states(ledger) == ["starting"]
    ledger.note(worker("worker_ready", incarnation=2))
    assert states(ledger) == ["running"]
    assert ledger.services["web"].ready == 1


def test_who_is_scaled_away_is_gone_with_its_last_process() -> None:
    ledger = ledger_of(added(3), *(worker("worker_spawned", n) for n in (0, 1)))
    ledger.note(replace(SAMPLES["service_scaled"], service="web", old_workers=3, workers=1))
    assert states(ledger) == ["starting", "starting"]
    ledger.note(worker("worker_exited", 1, asked=True))
    assert states(ledger) == ["starting"]
    assert +ledger.services["web"].states == {State.STARTING: 1}


def test_given_up_and_revived() -> None:
    ledger = ledger_of(added(2), worker("worker_spawned"), worker("worker_ready"))
    ledger.note(replace(SAMPLES["service_given_up"], service="web", reason="too many"))
    assert (states(ledger), ledger.services["web"].given_up) == (["running", "fatal"], "too many")
    ledger.note(worker("worker_exited"))
    assert states(ledger) == ["fatal", "fatal"]
    ledger.note(replace(SAMPLES["service_revived"], service="web"))
    assert (states(ledger), ledger.services["web"].given_up) == (["stopped", "stopped"], "")


@pytest.mark.parametrize("clean", [True, False])
def test_left_ended_by_its_policy(clean: bool) -> None:
    ledger = ledger_of(added(1), worker("worker_spawned"), worker("worker_exited"))
    ledger.note(worker("worker_stopped", clean=clean))
    assert states(ledger) == ["exited"]
    assert ledger.services["web"].workers[WorkerId(0)].clean is clean


def test_a_removed_service_leaves_nothing() -> None:
    ledger = ledger_of(added(1), replace(SAMPLES["service_removed"], service="web"))
    assert ledger.services == {}


def test_the_manager_from_its_start_to_its_end() -> None:
    ledger = ledger_of(SAMPLES["manager_started"])
    assert (ledger.stage, ledger.name, ledger.pid) == (Stage.STARTING, "text", 1)
    ledger.note(SAMPLES["manager_ready"])
    ledger.note(SAMPLES["manager_reloading"])
    assert (ledger.stage, ledger.reloading) == (Stage.READY, True)
    ledger.note(replace(SAMPLES["manager_reloaded"], duration=2.0))
    ledger.note(replace(SAMPLES["reload_failed"], service=""))
    ledger.note(replace(SAMPLES["reload_failed"], service="web"))
    assert ledger.reloads == {"succeeded": 1, "refused": 1, "failed": 1}
    assert (ledger.reload_seconds, ledger.reloading) == (2.0, False)
    assert ledger.last_reload is not None
    assert ledger.last_reload.result == "failed"
    ledger.note(added(1))
    ledger.note(worker("worker_restarting", at=1.0, delay=1.0))
    ledger.note(SAMPLES["manager_stopping"])
    assert (ledger.stage, states(ledger)) == (Stage.STOPPING, ["stopped"])
    ledger.note(SAMPLES["manager_stopped"])
    assert ledger.stage is Stage.STOPPED


def test_start_durations_are_counted_in_classes() -> None:
    ledger = ledger_of(
        *(worker("worker_ready", start_duration=seconds) for seconds in (0.01, 0.011, 1e6))
    )
    durations = ledger.services["web"].start_durations
    assert (durations.counts[0], durations.counts[1], durations.counts[-1]) == (1, 1, 1)
    assert len(durations.counts) == len(START_BOUNDS) + 1
    assert durations.total == pytest.approx(1e6 + 0.021)


EVENTS = st.one_of(
    st.sampled_from(list(SAMPLES.values())),
    st.builds(
        worker,
        st.sampled_from([kind for kind in SAMPLES if kind.startswith("worker_")]),
        st.integers(0, 3),
        incarnation=st.integers(1, 3),
    ),
    st.builds(
        lambda old, new: events.ServiceScaled(1.0, 1.0, "web", SERVICE_ID, old, new),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
)


def plain(value: Any) -> Any:
    """The object and all that it holds, to be compared."""
    if isinstance(value, dict):
        return {key: plain(held) for key, held in value.items()}
    slots = getattr(value, "__slots__", None)
    if slots is None and type(value) not in (Ledger, ServiceStanding):
        return value
    return {name: plain(getattr(value, name)) for name in slots or vars(value)}


@given(st.lists(EVENTS, max_size=30))
def test_no_events_upset_it_and_its_copies_go_on_alike(told: list[events.Event]) -> None:
    """As for one that has missed some."""
    ledger, copy = Ledger(), Ledger()
    for event in told:
        ledger.note(event)
        copy = pickle.loads(pickle.dumps(copy))
        copy.note(event)
    assert plain(copy) == plain(ledger)
    for service in ledger.services.values():
        assert sum(service.states.values()) == len(service.workers)
        assert all(count >= 0 for count in service.states.values())


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("status", [ExitStatus(), ExitStatus(code=0), ExitStatus(signal=9)])
def test_each_end_has_one_of_the_outcomes(cause: Cause, asked: bool, status: ExitStatus) -> None:
    end = worker("worker_exited", cause=cause, asked=asked, status=status, phase=Phase.RUN)
    assert outcome(end) in OUTCOMES

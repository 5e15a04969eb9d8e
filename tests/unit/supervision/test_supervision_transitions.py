"""The transition table, cell by cell, and every message in every state."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from uuid import UUID

import pytest

from cotyledon_core.plugins.restart_policy import Decision, ExitStatus, GiveUp, Restart, Stop
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import (
    Action,
    CallReloadHooks,
    Exit,
    PrepareReload,
    Publish,
    Signal,
    Spawn,
)
from cotyledon_core.supervision.exceptions import ImpossibleMessage
from cotyledon_core.supervision.messages import Incarnation, Message, ServiceSpec
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.snapshot import WorkerSnapshot
from cotyledon_core.supervision.states import ALIVE, TRANSITIONS, Occurrence, State, next_state
from cotyledon_core.supervision.worker import Worker
from cotyledon_core.testing.simulation import Simulation, restart_at_once
from cotyledon_core.types import ServiceId, WorkerId

TABLE = """
             STOPPED  STARTING RUNNING  STOPPING BACKOFF  EXITED  FATAL
START        STARTING -        -        -        STARTING -       -
SPAWNED      -        STARTING -        -        -        -       -
SPAWN_FAILED -        end      -        -        -        -       -
READY        -        RUNNING  RUNNING  STOPPING -        -       -
LEAVE        -        STOPPING STOPPING STOPPING -        -       -
STOP         STOPPED  STOPPING STOPPING STOPPING STOPPED  STOPPED STOPPED
HANG         -        STOPPING STOPPING -        -        -       -
OVERRUN      -        -        -        STOPPING -        -       -
EXITED       -        end      end      end      -        -       -
GIVE_UP      FATAL    STARTING RUNNING  STOPPING FATAL    FATAL   FATAL
REVIVE       -        -        -        -        -        STOPPED STOPPED
"""
"""A dash: impossible. ``end``: the deciders say what follows."""


def parse(table: str) -> dict[tuple[str, str], str]:
    """The cells by state, which is the column, and occurrence."""
    header, *rows = (line.split() for line in table.strip().splitlines())
    return {
        (column, row[0]): cell for row in rows for column, cell in zip(header, row[1:], strict=True)
    }


CELLS = parse(TABLE)
UNKNOWN = ServiceId(UUID(int=99))


@pytest.mark.parametrize(("state", "occurrence"), list(product(State, Occurrence)))
def test_the_table(state: State, occurrence: Occurrence) -> None:
    cell = CELLS[state.name, occurrence.name]
    if cell == "-":
        assert (state, occurrence) not in TRANSITIONS
        with pytest.raises(ImpossibleMessage, match=f"{occurrence.value} in state {state.value}"):
            next_state(state, occurrence)
    else:
        assert next_state(state, occurrence) is (None if cell == "end" else State[cell])


@pytest.mark.parametrize(
    ("state", "occurrence"), [key for key in product(State, Occurrence) if key not in TRANSITIONS]
)
def test_what_is_impossible_changes_no_worker(state: State, occurrence: Occurrence) -> None:
    spec = ServiceSpec(UNKNOWN, "service", 1, restart_at_once)
    worker = Worker(SupervisedService(spec), WorkerId(0))
    worker.state = state
    before = {name: getattr(worker, name) for name in Worker.__slots__}
    for attempt in (worker.check, worker.enter):
        with pytest.raises(ImpossibleMessage):
            attempt(occurrence)
    assert {name: getattr(worker, name) for name in Worker.__slots__} == before


def test_a_process_ends_only_where_there_is_one() -> None:
    ends = {state for (state, _), following in TRANSITIONS.items() if following is None}
    assert ends == set(ALIVE)


# -- every message in every state, through the supervisor


def always(decision: Decision) -> Callable[[object], Decision]:
    return lambda death: decision


class Subject:
    """A simulation and the worker in it that is looked at.

    :param worker_id: the only worker, or the second of two.
    """

    def __init__(self, simulation: Simulation, service_id: ServiceId, worker_id: int = 0) -> None:
        self.simulation = simulation
        self.service_id = service_id
        self.worker_id = worker_id

    @property
    def snapshot(self) -> WorkerSnapshot | None:
        service, *_ = self.simulation.supervisor.snapshot().services
        found = {worker.worker_id: worker for worker in service.workers}
        return found.get(WorkerId(self.worker_id))

    @property
    def incarnation(self) -> Incarnation:
        number = self.snapshot.incarnation if self.snapshot else 0
        return Incarnation(self.service_id, WorkerId(self.worker_id), number)


def waiting() -> Subject:
    simulation = Simulation(spawn_interval=10.0)
    service_id = simulation.add(workers=2)
    simulation.start()
    return Subject(simulation, service_id, 1)


def started(ready: bool) -> Subject:
    simulation = Simulation()
    service_id = simulation.add(grace=5.0)
    simulation.start(ready=ready)
    return Subject(simulation, service_id)


def stopping() -> Subject:
    subject = started(ready=True)
    process = subject.simulation.process(subject.service_id)
    process.obedient = False
    subject.simulation.send(msg.LeaveAsked(process.incarnation))
    return subject


def ended(decision: Decision) -> Subject:
    simulation = Simulation()
    service_id = simulation.add(decide=always(decision))
    simulation.add("without workers", workers=0)
    simulation.start()
    simulation.end(simulation.process(service_id))
    return Subject(simulation, service_id)


IN_STATE: dict[State, Callable[[], Subject]] = {
    State.STOPPED: waiting,
    State.STARTING: lambda: started(ready=False),
    State.RUNNING: lambda: started(ready=True),
    State.STOPPING: stopping,
    State.BACKOFF: lambda: ended(Restart(5.0)),
    State.EXITED: lambda: ended(Stop("enough")),
    State.FATAL: lambda: ended(GiveUp("enough")),
}


def answer(subject: Subject, message: Message) -> Message:
    """The message, after a reload was asked for."""
    subject.simulation.supervisor.handle(msg.AskReload(), subject.simulation.clock.now())
    return message


def changed(subject: Subject, manner: msg.Manner) -> msg.Reload:
    spec = subject.simulation.specs[subject.service_id]
    return msg.Reload((msg.Change(replace(spec, revision=1), manner),))


MESSAGES: dict[str, Callable[[Subject], Message]] = {
    "Spawned": lambda subject: msg.Spawned(subject.incarnation, 77),
    "SpawnFailed": lambda subject: msg.SpawnFailed(subject.incarnation, "no room"),
    "Ready": lambda subject: msg.Ready(subject.incarnation),
    "GraceAnnounced": lambda subject: msg.GraceAnnounced(subject.incarnation, 7.0),
    "StatusTold": lambda subject: msg.StatusTold(subject.incarnation, "busy"),
    "LeaveAsked": lambda subject: msg.LeaveAsked(subject.incarnation),
    "RecycleAsked": lambda subject: msg.RecycleAsked(subject.incarnation, "old"),
    "Exited": lambda subject: msg.Exited(subject.incarnation, ExitStatus(code=1)),
    "DeadlineReached": lambda subject: msg.DeadlineReached(),
    "Scale(same)": lambda subject: msg.Scale(subject.service_id, subject.worker_id + 1),
    "Scale(0)": lambda subject: msg.Scale(subject.service_id, 0),
    "AskReload": lambda subject: msg.AskReload(),
    "Reload(none)": lambda subject: answer(subject, msg.Reload()),
    "Reload(tell)": lambda subject: answer(subject, changed(subject, msg.Manner.TELL)),
    "Reload(replace)": lambda subject: answer(subject, changed(subject, msg.Manner.REPLACE)),
    "Reload(unasked)": lambda subject: msg.Reload(),
    "Reload(undo)": lambda subject: answer(subject, msg.Reload(undo=True)),
    "RefuseReload": lambda subject: answer(subject, msg.RefuseReload("no such file")),
    "RefuseReload(unasked)": lambda subject: msg.RefuseReload("no such file"),
    "Reloaded": lambda subject: msg.Reloaded(subject.incarnation),
    "RemoveService": lambda subject: msg.RemoveService(subject.service_id),
    "SetPace": lambda subject: msg.SetPace(1.0, 1.0),
    "SetGrace": lambda subject: msg.SetGrace(9.0),
    "StopNoticed": lambda subject: msg.StopNoticed(),
    "ShutDown": lambda subject: msg.ShutDown(subject.simulation.clock.monotonic),
    "Abort": lambda subject: msg.Abort(),
}

OUTCOMES = """
  STOPPED    DeadlineReached  same
  STOPPED    Scale(same)      same
  STOPPED    Scale(0)         gone      service_scaled manager_ready
  STOPPED    AskReload        same      manager_reloading HOOKS PREPARE
  STOPPED    Reload(none)     same      manager_reloaded
  STOPPED    Reload(tell)     same
  STOPPED    Reload(replace)  same
  STOPPED    RefuseReload     same      reload_failed
  STOPPED    RemoveService    gone      manager_ready
  STOPPED    SetPace          same
  STOPPED    SetGrace         same
  STOPPED    StopNoticed      same
  STOPPED    ShutDown         same      manager_stopping
  STOPPED    Abort            same      manager_stopping

  STARTING   Ready            RUNNING   worker_ready manager_ready
  STARTING   GraceAnnounced   same
  STARTING   StatusTold       same      worker_status
  STARTING   LeaveAsked       STOPPING  STOP
  STARTING   RecycleAsked     STOPPING  STOP
  STARTING   Exited           BACKOFF   worker_exited worker_restarting
  STARTING   DeadlineReached  same
  STARTING   Scale(same)      same
  STARTING   Scale(0)         STOPPING  service_scaled STOP
  STARTING   AskReload        same      manager_reloading HOOKS PREPARE
  STARTING   Reload(none)     same      manager_reloaded
  STARTING   Reload(tell)     same      RELOAD
  STARTING   Reload(replace)  STOPPING  STOP
  STARTING   RefuseReload     same      reload_failed
  STARTING   Reloaded         same
  STARTING   RemoveService    STOPPING  STOP
  STARTING   SetPace          same
  STARTING   SetGrace         same
  STARTING   StopNoticed      same
  STARTING   ShutDown         STOPPING  manager_stopping STOP
  STARTING   Abort            STOPPING  manager_stopping INTERRUPT

  RUNNING    Ready            same
  RUNNING    GraceAnnounced   same
  RUNNING    StatusTold       same      worker_status
  RUNNING    LeaveAsked       STOPPING  STOP
  RUNNING    RecycleAsked     STOPPING  STOP
  RUNNING    Exited           BACKOFF   worker_exited worker_restarting
  RUNNING    DeadlineReached  same
  RUNNING    Scale(same)      same
  RUNNING    Scale(0)         STOPPING  service_scaled STOP
  RUNNING    AskReload        same      manager_reloading HOOKS PREPARE
  RUNNING    Reload(none)     same      manager_reloaded
  RUNNING    Reload(tell)     same      RELOAD
  RUNNING    Reload(replace)  STOPPING  STOP
  RUNNING    RefuseReload     same      reload_failed
  RUNNING    Reloaded         same
  RUNNING    RemoveService    STOPPING  STOP
  RUNNING    SetPace          same
  RUNNING    SetGrace         same
  RUNNING    StopNoticed      same
  RUNNING    ShutDown         STOPPING  manager_stopping STOP
  RUNNING    Abort            STOPPING  manager_stopping INTERRUPT

  STOPPING   Ready            same
  STOPPING   GraceAnnounced   same
  STOPPING   StatusTold       same      worker_status
  STOPPING   LeaveAsked       same
  STOPPING   RecycleAsked     same
  STOPPING   Exited           STOPPED   worker_exited
  STOPPING   DeadlineReached  same
  STOPPING   Scale(same)      same
  STOPPING   Scale(0)         same      service_scaled
  STOPPING   AskReload        same      manager_reloading HOOKS PREPARE
  STOPPING   Reload(none)     same      manager_reloaded
  STOPPING   Reload(tell)     same
  STOPPING   Reload(replace)  same
  STOPPING   RefuseReload     same      reload_failed
  STOPPING   Reloaded         same
  STOPPING   RemoveService    same
  STOPPING   SetPace          same
  STOPPING   SetGrace         same
  STOPPING   StopNoticed      same
  STOPPING   ShutDown         same      manager_stopping
  STOPPING   Abort            same      manager_stopping INTERRUPT

  no_process DeadlineReached  same
  no_process Scale(same)      same
  no_process Scale(0)         gone      service_scaled
  no_process AskReload        same      manager_reloading HOOKS PREPARE
  no_process Reload(none)     same      manager_reloaded
  no_process Reload(tell)     same      manager_reloaded
  no_process Reload(replace)  same      manager_reloaded
  no_process RefuseReload     same      reload_failed
  no_process RemoveService    gone      service_removed
  no_process SetPace          same
  no_process SetGrace         same
  no_process StopNoticed      same
  no_process ShutDown         STOPPED   manager_stopping manager_stopped EXIT=0
  no_process Abort            STOPPED   manager_stopping manager_stopped EXIT=1
"""
"""State, message, state that follows, actions; ``no_process`` is BACKOFF, EXITED and FATAL.

What is not here is impossible. Actions that concern the other worker are left out.
"""


def outcomes() -> dict[tuple[State, str], tuple[str, list[str]]]:
    found = {}
    for line in filter(None, map(str.split, OUTCOMES.splitlines())):
        name, message, following, *actions = line
        of = ("BACKOFF", "EXITED", "FATAL") if name == "no_process" else (name,)
        found.update({(State[state], message): (following, actions) for state in of})
    return found


POSSIBLE = outcomes()


def brief(action: Action) -> str:
    if isinstance(action, Publish):
        return action.event.kind
    if isinstance(action, Exit):
        return f"EXIT={action.status}"
    if isinstance(action, Signal):
        return action.request.name
    return {CallReloadHooks: "HOOKS", PrepareReload: "PREPARE", Spawn: "SPAWN"}[type(action)]


def of_the_other(action: Action, subject: Subject) -> bool:
    return isinstance(action, Signal | Spawn) and action.incarnation.worker_id != subject.worker_id


@pytest.mark.parametrize("state", State)
def test_the_worker_comes_into_each_state(state: State) -> None:
    snapshot = IN_STATE[state]().snapshot
    assert snapshot is not None
    assert snapshot.state is state


@pytest.mark.parametrize(("state", "name"), POSSIBLE)
def test_possible_messages(state: State, name: str) -> None:
    subject = IN_STATE[state]()
    simulation = subject.simulation
    actions = simulation.supervisor.handle(MESSAGES[name](subject), simulation.clock.now())
    following, wanted = POSSIBLE[state, name]
    found = subject.snapshot.state.name if subject.snapshot else "gone"
    assert found == (state.name if following == "same" else following)
    assert [brief(action) for action in actions if not of_the_other(action, subject)] == wanted


def impossible(subject: Subject, message: Message) -> None:
    """The message is refused and has changed nothing."""
    simulation = subject.simulation
    supervisor, now = simulation.supervisor, simulation.clock.now()
    before = supervisor.snapshot(), supervisor.deadline()
    with pytest.raises(ImpossibleMessage):
        supervisor.handle(message, now)
    assert (supervisor.snapshot(), supervisor.deadline()) == before
    assert supervisor.handle(msg.SetGrace(60.0), now) == [], "left over from the refused message"


@pytest.mark.parametrize(
    ("state", "name"), [key for key in product(State, MESSAGES) if key not in POSSIBLE]
)
def test_impossible_messages(state: State, name: str) -> None:
    subject = IN_STATE[state]()
    impossible(subject, MESSAGES[name](subject))


OF_A_PROCESS = (
    "Spawned",
    "SpawnFailed",
    "Ready",
    "GraceAnnounced",
    "StatusTold",
    "LeaveAsked",
    "Reloaded",
    "RecycleAsked",
    "Exited",
)


@pytest.mark.parametrize("name", OF_A_PROCESS)
@pytest.mark.parametrize("state", State)
def test_messages_of_other_incarnations_are_impossible(state: State, name: str) -> None:
    subject = IN_STATE[state]()
    service_id, worker_id, number = subject.incarnation
    for other in (
        Incarnation(service_id, worker_id, number + 1),
        Incarnation(service_id, worker_id, number - 1),
        Incarnation(service_id, WorkerId(9), number),
        Incarnation(UNKNOWN, worker_id, number),
    ):
        impossible(subject, replace(MESSAGES[name](subject), incarnation=other))


def test_the_removal_of_an_unknown_service_is_impossible() -> None:
    subject = started(ready=True)
    impossible(subject, msg.RemoveService(UNKNOWN))


def test_a_reload_passes_over_a_service_that_is_only_being_added() -> None:
    subject = started(ready=True)
    known = changed(subject, msg.Manner.TELL).changes
    unknown = msg.Change(replace(known[0].spec, service_id=UNKNOWN))
    actions = subject.simulation.send(answer(subject, msg.Reload((*known, unknown))))
    assert [brief(action) for action in actions] == ["RELOAD"]


def test_a_service_is_added_once() -> None:
    subject = started(ready=True)
    spec = ServiceSpec(subject.service_id, "again", 1, restart_at_once)
    impossible(subject, msg.AddService(spec))


def test_the_supervisor_is_started_once() -> None:
    impossible(started(ready=True), msg.Start(1, "again", ()))


def test_services_to_start_with_are_different() -> None:
    spec = ServiceSpec(UNKNOWN, "service", 1, restart_at_once)
    fresh = Subject(Simulation(), UNKNOWN)
    impossible(fresh, msg.Start(1, "manager", (spec, spec)))

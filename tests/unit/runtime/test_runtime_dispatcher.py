"""Whatever hooks, notifiers and policies do is contained."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from cotyledon_core import events
from cotyledon_core.ledger import Ledger, Stage
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import (
    Death,
    ExitStatus,
    GiveUp,
    Restart,
    RestartPolicy,
    Stop,
)
from cotyledon_core.record import replace
from cotyledon_core.runtime.dispatcher import Dispatcher, ForeignCode, contained_policy
from cotyledon_core.runtime.hooks import Hooks
from cotyledon_core.runtime.services import is_decision
from cotyledon_core.testing import every_death, every_event

EVENTS: dict[str, Any] = {event.kind: event for event in every_event()}
EVENTS["manager_stopping"] = replace(EVENTS["manager_stopping"], graceful=True)
ERRORS = [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException("x")]
OPPORTUNITY = {
    "terminate": "manager_stopping",
    "reload": "manager_reloading",
    "dead_worker": "worker_exited",
}


class Listener(Notifier):
    """Notes what it is told; raises what it is given.

    :param outcomes: for each call an exception or None; after the last it does not raise.
    """

    blocking = False

    def __init__(self, *outcomes: BaseException | None) -> None:
        self.told: list[events.Event] = []
        self.ledgers: list[Ledger] = []
        self.closed = False
        self._outcomes = list(outcomes)

    def notify(self, event: events.Event) -> None:
        self.told.append(event)
        outcome = self._outcomes.pop(0) if self._outcomes else None
        if outcome is not None:
            raise outcome

    def synchronize(self, ledger: Ledger) -> None:
        self.ledgers.append(ledger)

    def close(self) -> None:
        self.closed = True

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]


class Unprintable(Exception):
    """An exception that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("not even this")

    __str__ = __repr__


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def dispatcher(hooks: Hooks) -> Dispatcher:
    return Dispatcher(hooks, ForeignCode(lambda: True))


def listening(dispatcher: Dispatcher, *outcomes: BaseException | None) -> Listener:
    listener = Listener(*outcomes)
    dispatcher.add_notifier(f"n{id(listener)}", listener, may_host=True)
    return listener


def publish(dispatcher: Dispatcher, event: events.Event) -> None:
    """As at the end of a turn."""
    dispatcher.publish(event)
    if isinstance(event, events.ManagerReloading):
        dispatcher.call_reload_hooks()
    dispatcher.flush()


# -- hooks


def test_hooks_are_told_what_they_stand_for(dispatcher: Dispatcher, hooks: Hooks) -> None:
    calls: list[Any] = []
    hooks.terminate.append(lambda: calls.append("terminate"))
    hooks.reload.append(lambda: calls.append("reload"))
    hooks.dead_worker.append(lambda *args: calls.append(args))
    for event in EVENTS.values():
        publish(dispatcher, event)
    exited = EVENTS["worker_exited"]
    assert sorted(calls, key=str) == sorted(
        ["terminate", "reload", (exited.service_id, exited.worker_id, 1)], key=str
    )


@pytest.mark.parametrize(
    ("status", "told"),
    [(ExitStatus(code=3), [3]), (ExitStatus(signal=9), [-9]), (ExitStatus(), [None])],
)
def test_dead_workers_have_the_notation_of_multiprocessing(
    dispatcher: Dispatcher, hooks: Hooks, status: ExitStatus, told: list[int | None]
) -> None:
    """One that never lived is no dead worker."""
    codes: list[int | None] = []
    hooks.dead_worker.append(lambda service_id, worker_id, code: codes.append(code))
    exited = EVENTS["worker_exited"]
    publish(dispatcher, replace(exited, status=status))
    publish(dispatcher, replace(exited, status=ExitStatus(), pid=None))
    assert codes == told


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("kind", OPPORTUNITY)
def test_a_hook_that_raises_ends_the_round_of_its_kind_and_is_an_event(
    dispatcher: Dispatcher, hooks: Hooks, kind: str, error: BaseException
) -> None:
    calls: list[str] = []

    def failing(*args: Any) -> None:
        calls.append("failing")
        raise error

    getattr(hooks, kind).extend(
        [lambda *args: calls.append("first"), failing, lambda *args: calls.append("third")]
    )
    listener = listening(dispatcher)
    publish(dispatcher, EVENTS[OPPORTUNITY[kind]])
    assert calls == ["first", "failing"]
    assert listener.kinds() == [OPPORTUNITY[kind], "hook_failed"]
    failed: Any = listener.told[1]
    assert (failed.hook, failed.error) == (kind, repr(error))


def test_an_interrupt_waits_for_no_hook(dispatcher: Dispatcher, hooks: Hooks) -> None:
    calls: list[Any] = []
    hooks.terminate.append(lambda: calls.append("terminate"))
    hooks.dead_worker.append(lambda *args: calls.append(args))
    publish(dispatcher, replace(EVENTS["manager_stopping"], graceful=False))
    publish(dispatcher, EVENTS["worker_exited"])
    assert calls == []


def test_a_hook_may_register_another(dispatcher: Dispatcher, hooks: Hooks) -> None:
    calls: list[int] = []

    def registering() -> None:
        calls.append(1)
        hooks.reload.append(lambda: calls.append(2))

    hooks.reload.append(registering)
    publish(dispatcher, EVENTS["manager_reloading"])
    assert calls == [1]


# -- notifiers


def test_events_arrive_in_their_order(dispatcher: Dispatcher) -> None:
    first, second = listening(dispatcher), listening(dispatcher)
    for event in every_event():
        publish(dispatcher, event)
    dispatcher.close()
    for listener in (first, second):
        assert listener.told == list(every_event())
        assert listener.closed


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_notifier_is_disabled_after_three_failures_in_a_row(
    dispatcher: Dispatcher, error: BaseException
) -> None:
    bad, good = listening(dispatcher, *[error] * 10), listening(dispatcher)
    event = EVENTS["manager_ready"]
    for _ in range(5):
        publish(dispatcher, event)
    assert bad.told == [event] * 3
    assert sorted(good.kinds()) == ["manager_ready"] * 5 + ["notifier_disabled"]
    disabled: Any = next(told for told in good.told if told.kind == "notifier_disabled")
    assert disabled.error == repr(error)


def test_a_success_between_failures_counts(dispatcher: Dispatcher) -> None:
    error = ValueError("x")
    listener = listening(dispatcher, *[error, error, None] * 3)
    for _ in range(20):
        publish(dispatcher, EVENTS["manager_ready"])
    assert len(listener.told) == 20


def test_notifiers_that_fail_together_are_disabled_together(dispatcher: Dispatcher) -> None:
    error = ValueError("x")
    listeners = [listening(dispatcher, *[error] * 20) for _ in range(3)]
    good = listening(dispatcher)
    for _ in range(5):
        publish(dispatcher, EVENTS["manager_ready"])
    assert good.kinds().count("notifier_disabled") == 3
    assert good.kinds().count("manager_ready") == 5
    assert [len(listener.told) for listener in listeners] == [3, 3, 3]


def test_a_notifier_that_fails_at_its_end_is_no_harm(dispatcher: Dispatcher) -> None:
    class Bad(Listener):
        def close(self) -> None:
            raise SystemExit(1)

    dispatcher.add_notifier("bad", Bad(), may_host=True)
    good = listening(dispatcher)
    dispatcher.close()
    assert good.closed


@pytest.mark.parametrize("blocking", [False, True])
def test_every_notifier_prepares_what_workers_need(dispatcher: Dispatcher, blocking: bool) -> None:
    class Preparing(Listener):
        def prepare(self) -> dict[str, str]:
            return {"PLACE": "here"}

    Preparing.blocking = blocking
    listening(dispatcher)
    dispatcher.add_notifier("preparing", Preparing(), may_host=True)
    given: list[Any] = []
    dispatcher.prepare(given.append)
    assert given == [{}, {"PLACE": "here"}]


@pytest.mark.parametrize("error", ERRORS)
def test_a_notifier_that_fails_to_prepare_is_no_harm(
    dispatcher: Dispatcher, error: BaseException
) -> None:
    class Bad(Listener):
        def prepare(self) -> dict[str, str]:
            raise error

    bad = Bad()
    dispatcher.add_notifier("bad", bad, may_host=False)
    listening(dispatcher)
    given: list[Any] = []
    dispatcher.prepare(given.append)
    assert given == [{}]
    publish(dispatcher, EVENTS["manager_ready"])
    assert bad.kinds() == ["manager_ready"]


def test_a_blocking_notifier_gets_a_host_where_there_can_be_one(dispatcher: Dispatcher) -> None:
    class Blocking(Listener):
        blocking = True

    hosted, inline = Blocking(), Blocking()
    dispatcher.add_notifier("hosted", hosted, may_host=True)
    dispatcher.add_notifier("inline", inline, may_host=False)
    publish(dispatcher, EVENTS["manager_ready"])
    assert list(dispatcher.hosts) == ["hosted"]
    assert dispatcher.hosts["hosted"].waiting == 1
    assert (len(hosted.told), len(inline.told)) == (0, 1)


# -- policies


class Answering(RestartPolicy):
    """Answers or raises what it is given."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def decide(self, death: Death) -> Any:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


DEATH = next(iter(every_death()))
DEFAULT = Restart(42.0)


def contained(answer: Any, service: str = "web") -> Callable[[Death], Any]:
    return contained_policy(
        Answering(answer).decide,
        lambda death: DEFAULT,
        is_decision,
        service,
        ForeignCode(lambda: True),
    )


@pytest.mark.parametrize("answer", [Restart(), Restart(3), Stop("x"), GiveUp("x")], ids=str)
def test_answers_that_are_decisions(answer: Any) -> None:
    assert contained(answer)(DEATH) is answer


RUBBISH = [
    None,
    True,
    3.0,
    "Restart",
    Restart,
    Restart(-1.0),
    Restart(float("nan")),
    Restart(float("inf")),
    Restart(None),  # type: ignore[arg-type]
    Restart("3"),  # type: ignore[arg-type]
    *ERRORS,
]


@pytest.mark.parametrize("answer", RUBBISH, ids=repr)
def test_anything_else_counts_as_the_default_policys_decision(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    decide = contained(answer, "web")
    with caplog.at_level(logging.DEBUG):
        assert [decide(DEATH) for _ in range(5)] == [DEFAULT] * 5
    (record,) = [found for found in caplog.records if found.name == "cotyledon_core"]
    assert record.levelname == "ERROR"
    assert "web" in record.getMessage()


def test_an_error_that_cannot_be_shown_is_contained() -> None:
    assert contained(Unprintable())(DEATH) is DEFAULT


@pytest.mark.parametrize("where", ["hook", "notifier"])
def test_an_error_that_cannot_be_shown_ends_nothing(
    dispatcher: Dispatcher, hooks: Hooks, where: str
) -> None:
    logging.disable()
    try:
        if where == "hook":
            hooks.terminate.append(lambda: contained_raise())
        else:
            listening(dispatcher, *[Unprintable()] * 3)
        for _ in range(3):
            publish(dispatcher, EVENTS["manager_stopping"])
    finally:
        logging.disable(logging.NOTSET)


def contained_raise() -> None:
    raise Unprintable


# -- foreign code


def test_foreign_code_is_known_while_it_runs(hooks: Hooks) -> None:
    """What must not wait for it, acts then."""
    foreign_code = ForeignCode(lambda: True)
    dispatcher = Dispatcher(hooks, foreign_code)
    seen: list[bool] = []

    class Looking(Listener):
        def notify(self, event: events.Event) -> None:
            seen.append(foreign_code.running)
            raise ValueError("x")

    hooks.reload.append(lambda: seen.append(foreign_code.running))
    dispatcher.add_notifier("looking", Looking(), may_host=False)
    publish(dispatcher, EVENTS["manager_reloading"])
    contained_policy(
        lambda death: seen.append(foreign_code.running),
        lambda death: seen.append(not foreign_code.running),
        is_decision,
        "web",
        foreign_code,
    )(DEATH)
    assert seen == [True] * 4
    assert not foreign_code.running


# -- a change of notifiers


def change(dispatcher: Dispatcher, unchanged: str = "", **notifiers: Notifier) -> None:
    dispatcher.change_notifiers(notifiers, unchanged.split(), may_host=True)


def test_a_removed_notifier_is_told_what_was_before_and_closed(dispatcher: Dispatcher) -> None:
    old, new = listening(dispatcher), Listener()
    dispatcher.publish(EVENTS["worker_ready"])
    change(dispatcher, new=new)
    assert (old.kinds(), old.closed) == (["worker_ready"], True)
    publish(dispatcher, EVENTS["worker_exited"])
    dispatcher.close()
    assert old.kinds() == ["worker_ready"]
    assert new.kinds() == ["worker_exited"]


def test_an_unchanged_notifier_stays_and_the_given_one_is_not_used(dispatcher: Dispatcher) -> None:
    kept, unused, new = Listener(), Listener(), Listener()
    change(dispatcher, a=kept)
    publish(dispatcher, EVENTS["manager_ready"])
    change(dispatcher, "a", b=new, a=unused)
    publish(dispatcher, EVENTS["worker_ready"])
    assert kept.kinds() == ["manager_ready", "worker_ready"]
    assert not kept.closed
    assert unused.told == []


def test_a_changed_notifier_is_replaced(dispatcher: Dispatcher) -> None:
    old, new = Listener(), Listener()
    change(dispatcher, a=old)
    change(dispatcher, a=new)
    publish(dispatcher, EVENTS["worker_ready"])
    assert (old.kinds(), old.closed) == ([], True)
    assert (new.kinds(), new.closed) == (["worker_ready"], False)


class Successor(Listener):
    """Notes whose place it takes, and what had been done with that one by then."""

    def __init__(self) -> None:
        super().__init__()
        self.taken_over: list[tuple[Notifier, bool, int]] = []

    def take_over(self, predecessor: Notifier) -> None:
        assert isinstance(predecessor, Successor)
        self.taken_over.append((predecessor, predecessor.closed, len(self.ledgers)))


def test_a_changed_notifier_may_go_on_where_the_one_before_it_was(dispatcher: Dispatcher) -> None:
    old, new, other = Successor(), Successor(), Successor()
    change(dispatcher, a=old)
    publish(dispatcher, EVENTS["manager_ready"])
    change(dispatcher, a=new, b=other)
    assert new.taken_over == [(old, False, 1)]
    assert other.taken_over == []
    assert old.closed


def test_one_of_another_kind_takes_nothing_over(dispatcher: Dispatcher) -> None:
    new = Successor()
    change(dispatcher, a=Listener())
    change(dispatcher, a=new)
    assert new.taken_over == []


def test_a_new_notifier_is_told_what_all_events_amount_to(dispatcher: Dispatcher) -> None:
    old, new = listening(dispatcher), Listener()
    for kind in ("manager_started", "service_added", "manager_ready"):
        publish(dispatcher, EVENTS[kind])
    assert old.ledgers == []
    change(dispatcher, a=new)
    publish(dispatcher, EVENTS["worker_spawned"])
    (ledger,) = new.ledgers
    assert new.kinds() == ["worker_spawned"]
    assert (ledger.stage, ledger.services["text"].spawns) == (Stage.READY, 0)
    assert dispatcher.ledger.services["text"].spawns == 1


def test_a_notifier_that_is_there_from_the_start_has_nothing_to_make_up_for(
    dispatcher: Dispatcher,
) -> None:
    new = Listener()
    change(dispatcher, a=new)
    assert new.ledgers == []


# -- a notifier that wants to be woken


class Waking(Listener):
    """Asks to be woken at ``due``."""

    def __init__(self, due: float | None) -> None:
        super().__init__()
        self.due = due
        self.woken: list[float] = []

    def deadline(self) -> float | None:
        return self.due

    def wake(self, now: float) -> None:
        self.woken.append(now)


def test_notifiers_are_woken_when_they_want_to_be(dispatcher: Dispatcher) -> None:
    later = time.monotonic() + 1000
    waking, never = Waking(later), Waking(None)
    dispatcher.add_notifier("waking", waking, may_host=False)
    dispatcher.add_notifier("never", never, may_host=False)
    assert dispatcher.deadline() is None
    publish(dispatcher, EVENTS["worker_ready"])
    assert dispatcher.deadline() == later
    dispatcher.wake(later - 1)
    assert waking.woken == []
    waking.due = later + 10
    dispatcher.wake(later)
    assert (waking.woken, never.woken) == ([later], [])
    assert dispatcher.deadline() == later + 10
    change(dispatcher)
    dispatcher.wake(later + 10)
    assert (waking.woken, dispatcher.deadline()) == ([later], None)


@pytest.mark.parametrize("due", [0.0, -math.inf, math.nan])
def test_no_deadline_keeps_the_manager_busy(dispatcher: Dispatcher, due: float) -> None:
    dispatcher.add_notifier("hasty", Waking(due), may_host=False)
    publish(dispatcher, EVENTS["worker_ready"])
    now = time.monotonic()
    dispatcher.wake(now)
    when = dispatcher.deadline()
    assert when is None or when > now


def test_events_in_between_put_no_waking_off(dispatcher: Dispatcher) -> None:
    waking = Waking(5.0)
    dispatcher.add_notifier("waking", waking, may_host=False)
    for _ in range(3):
        publish(dispatcher, EVENTS["worker_ready"])
        assert dispatcher.deadline() == 5.0
    dispatcher.wake(6.0)
    assert waking.woken == [6.0]


def test_a_notifier_whose_deadline_raises_is_disabled(dispatcher: Dispatcher) -> None:
    broken, other = Waking(None), listening(dispatcher)
    broken.deadline = lambda: 1 / 0  # type: ignore[method-assign]
    dispatcher.add_notifier("broken", broken, may_host=False)
    for _ in range(3):
        publish(dispatcher, EVENTS["worker_ready"])
    assert other.kinds()[-1] == "notifier_disabled"


def test_notifiers_are_told_in_their_new_order(dispatcher: Dispatcher) -> None:
    told: list[str] = []

    class Naming(Listener):
        def __init__(self, name: str) -> None:
            super().__init__()
            self._name = name

        def notify(self, event: events.Event) -> None:
            told.append(self._name)

    change(dispatcher, a=Naming("a"), b=Naming("b"))
    change(dispatcher, "a b", c=Naming("c"), b=Naming("b"), a=Naming("a"))
    publish(dispatcher, EVENTS["worker_ready"])
    assert told == ["c", "b", "a"]


def test_an_unchanged_notifier_that_was_disabled_stays_so(dispatcher: Dispatcher) -> None:
    failing, again = Listener(*ERRORS), Listener()
    change(dispatcher, a=failing)
    for _ in range(3):
        publish(dispatcher, EVENTS["worker_ready"])
    change(dispatcher, "a", a=again)
    publish(dispatcher, EVENTS["worker_ready"])
    assert len(failing.told) == 3
    assert again.told == []


def test_a_changed_notifier_begins_without_failures(dispatcher: Dispatcher) -> None:
    failing, new = Listener(*ERRORS[:2]), Listener(*ERRORS[:1])
    change(dispatcher, a=failing)
    for _ in range(2):
        publish(dispatcher, EVENTS["worker_ready"])
    change(dispatcher, a=new)
    for _ in range(2):
        publish(dispatcher, EVENTS["worker_ready"])
    assert new.kinds() == ["worker_ready"] * 2


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_removed_notifier_that_fails_at_its_end_is_contained(
    dispatcher: Dispatcher, error: BaseException
) -> None:
    class Failing(Listener):
        def close(self) -> None:
            raise error

    other = Listener()
    change(dispatcher, a=Failing(), b=other)
    change(dispatcher)
    assert other.closed


def test_hosts_of_unchanged_notifiers_stay(dispatcher: Dispatcher) -> None:
    class Blocking(Listener):
        blocking = True

    change(dispatcher, a=Blocking(), b=Blocking())
    before = dict(dispatcher.hosts)
    change(dispatcher, "a", a=Blocking(), b=Blocking(), c=Blocking())
    assert dispatcher.hosts["a"] is before["a"]
    assert dispatcher.hosts["b"] is not before["b"]
    assert list(dispatcher.hosts) == ["a", "b", "c"]

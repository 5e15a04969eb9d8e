"""The checks for plugin authors find what breaks a contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cotyledon_core import AsyncService, events
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import Restart, RestartPolicy, Stop
from cotyledon_core.service import Service
from cotyledon_core.testing import (
    check_notifier,
    check_restart_policy,
    check_service,
    every_death,
    every_event,
)


def deciding(answer: Callable[[Any], Any]) -> type[RestartPolicy]:
    class Policy(RestartPolicy):
        def decide(self, death: Any) -> Any:
            return answer(death)

    return Policy


def test_a_good_policy_is_returned() -> None:
    assert isinstance(check_restart_policy(deciding(lambda death: Restart(1.0))), RestartPolicy)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (lambda death: None, "returned None; it must return a Restart, a Stop or a GiveUp"),
        (lambda death: Restart(-1.0), "a delay must be 0 or more and finite"),
        (lambda death: Restart(float("inf")), "a delay must be 0 or more and finite"),
        (lambda death: Stop(7), "a reason must be a string"),  # type: ignore[arg-type]
        (lambda death: Stop("x", 7), "clean must be True, False or None"),  # type: ignore[arg-type]
        (lambda death: 1 / death.uptime, "raised ZeroDivisionError"),
    ],
)
def test_a_wrong_decision_is_found(answer: Callable[[Any], Any], wanted: str) -> None:
    with pytest.raises(AssertionError, match=wanted):
        check_restart_policy(deciding(answer))


def test_an_undeclared_option_is_found() -> None:
    with pytest.raises(AssertionError, match=r"options\(\) does not declare most; it must"):
        check_restart_policy(deciding(lambda death: Restart()), most=3)


def test_the_checks_at_the_door_are_made() -> None:
    class Incomplete(Notifier):
        pass

    with pytest.raises(AssertionError, match=r"Incomplete'> lacks notify\(\)"):
        check_notifier(Incomplete)


def test_a_service_of_coroutines_is_returned() -> None:
    class Asynchronous(AsyncService):
        async def run(self) -> None: ...

    assert isinstance(check_service(Asynchronous), Asynchronous)


def test_a_service_gets_the_number_of_workers_that_it_wants() -> None:
    class Dividing(Service):
        wants_workers = True

        def __init__(self, worker_id: Any, workers: int) -> None:
            super().__init__(worker_id)
            assert workers == 1

    assert isinstance(check_service(Dividing), Dividing)


def test_broken_options_are_found() -> None:
    class Rubbish(Service):
        @classmethod
        def options(cls) -> Any:
            return "greeting"

    with pytest.raises(AssertionError, match=r"options\(\) returned 'greeting'"):
        check_service(Rubbish)


def test_options_that_check_options_refuses_are_found() -> None:
    class Picky(Service):
        @classmethod
        def check_options(cls) -> None:
            raise ValueError("n: too small")

    with pytest.raises(AssertionError, match=r"check_options\(\) raised ValueError: n: too small"):
        check_service(Picky)


def test_a_service_with_a_wrong_program_is_found() -> None:
    class Wrong(Service):
        def program(self) -> Any:
            return "sleep 60"

    with pytest.raises(AssertionError, match=r"program\(\) returned 'sleep 60'"):
        check_service(Wrong)


def test_a_notifier_that_knows_some_events_only_is_found() -> None:
    class Knows(Notifier):
        def notify(self, event: events.Event) -> None:
            {known.kind: known for known in every_event()}[event.kind]

    with pytest.raises(AssertionError, match=r"notify\(\) of .*raised KeyError"):
        check_notifier(Knows)


@pytest.mark.parametrize("answer", [None, ["A"], {"A": 1}, {1: "a"}])
def test_a_notifier_that_gives_workers_no_strings_is_found(answer: Any) -> None:
    class Prepares(Notifier):
        def prepare(self) -> Any:
            return answer

        def notify(self, event: events.Event) -> None:
            pass

    with pytest.raises(AssertionError, match=r"prepare\(\) returned .* mapping of strings"):
        check_notifier(Prepares)


def test_a_notifier_that_cannot_be_closed_is_found() -> None:
    class Sticky(Notifier):
        def notify(self, event: events.Event) -> None: ...

        def close(self) -> None:
            raise OSError("stuck")

    with pytest.raises(AssertionError, match=r"close\(\) raised OSError: stuck"):
        check_notifier(Sticky)


def test_every_kind_of_event_has_its_sample() -> None:
    kinds = [event.kind for event in every_event()]
    assert len(kinds) == len(set(kinds))
    assert {"manager_ready", "worker_exited", "notifier_disabled"} <= set(kinds)


def test_the_deaths_are_of_all_kinds() -> None:
    deaths = list(every_death())
    assert {death.cause for death in deaths} == set(type(deaths[0].cause))
    assert {death.phase for death in deaths} == set(type(deaths[0].phase))

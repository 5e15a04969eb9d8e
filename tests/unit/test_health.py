"""Whether services do what they are for."""

from __future__ import annotations

from typing import Any

import pytest

from cotyledon_core.health import Health, Status, judge
from cotyledon_core.ledger import Ledger
from cotyledon_core.record import replace
from cotyledon_core.supervision.share import Share
from cotyledon_core.testing import every_event
from cotyledon_core.types import WorkerId

SAMPLES: dict[str, Any] = {event.kind: event for event in every_event()}


def ledger_of(wanted: int, ready: int, *more: Any, started: bool = True) -> Ledger:
    """Of a manager with one service, ``web``."""
    ledger = Ledger()
    ledger.note(replace(SAMPLES["service_added"], service="web", workers=wanted))
    for number in range(ready):
        ledger.note(worker("worker_ready", number))
    if started:
        ledger.note(SAMPLES["manager_ready"])
    for event in more:
        ledger.note(event)
    return ledger


def worker(kind: str, number: int, **fields: Any) -> Any:
    return replace(SAMPLES[kind], service="web", worker_id=WorkerId(number), **fields)


@pytest.mark.parametrize(
    ("wanted", "ready", "quorum", "status"),
    [
        (4, 4, "50%", "pass"),
        (4, 2, "50%", "warn"),
        (5, 2, "50%", "fail"),
        (4, 1, "1", "warn"),
        (4, 0, "0", "fail"),
        (4, 3, "100%", "fail"),
        (2, 2, "10", "pass"),
        (0, 0, "50%", "pass"),
    ],
)
def test_the_quorum_parts_a_warning_from_a_failure(
    wanted: int, ready: int, quorum: str, status: str
) -> None:
    health = judge(ledger_of(wanted, ready), Share.parse(quorum))
    assert health.status is Status(status)
    assert health.ready is (status != "fail")
    assert bool(health.text) is (status != "pass")


def test_a_quorum_of_its_own() -> None:
    ledger = ledger_of(4, 1)
    assert judge(ledger, quorums={"web": Share(1)}).status is Status.WARN
    assert judge(ledger, quorums={"other": Share(1)}).status is Status.FAIL


def test_a_service_that_was_given_up_fails_though_workers_run() -> None:
    ledger = ledger_of(1, 1, replace(SAMPLES["service_given_up"], service="web", reason="enough"))
    health = judge(ledger)
    assert health.status is Status.FAIL
    assert health.text == "web: given up: enough"


@pytest.mark.parametrize(("clean", "status", "fatal"), [(True, "pass", 0), (False, "fail", 1)])
def test_who_has_done_what_it_was_for_counts(clean: bool, status: str, fatal: int) -> None:
    health = judge(
        ledger_of(1, 1, worker("worker_exited", 0), worker("worker_stopped", 0, clean=clean))
    )
    assert (health.status, health.services[0].fatal) == (Status(status), fatal)


def test_a_worker_that_waits_for_its_restart_is_missing() -> None:
    health = judge(ledger_of(2, 2, worker("worker_exited", 1), worker("worker_restarting", 1)))
    (web,) = health.services
    assert (web.status, web.ready, web.restarting) == (Status.WARN, 1, 1)
    assert web.text == "1/2 workers ready"


def test_a_worker_that_is_started_again_is_restarting_until_it_is_ready() -> None:
    ledger = ledger_of(2, 2, worker("worker_exited", 1), worker("worker_restarting", 1))
    assert judge(ledger).services[0].restarting == 1
    ledger.note(worker("worker_spawned", 1, incarnation=2))
    assert judge(ledger).services[0].restarting == 1
    ledger.note(worker("worker_ready", 1, incarnation=2))
    assert judge(ledger).services[0].restarting == 0


def test_a_worker_that_is_replaced_is_not_restarting() -> None:
    ledger = ledger_of(2, 2, worker("worker_exited", 1, asked=True), worker("worker_spawned", 1))
    assert judge(ledger).services[0].restarting == 0


def test_a_manager_that_starts_is_not_ready_and_none_that_stops_is() -> None:
    starting = judge(ledger_of(1, 1, started=False))
    assert (starting.status, starting.ready) == (Status.WARN, False)
    stopping = judge(ledger_of(1, 1, SAMPLES["manager_stopping"]))
    assert (stopping.status, stopping.ready) == (Status.FAIL, False)


def test_as_health_json() -> None:
    health: Health = judge(ledger_of(2, 1))
    assert health.as_dict() == {
        "status": "warn",
        "output": "web: 1/2 workers ready",
        "notes": ["manager ready"],
        "checks": {
            "web:workers": [
                {
                    "componentType": "component",
                    "status": "warn",
                    "observedValue": 1,
                    "observedUnit": "workers",
                    "wanted": 2,
                    "ready": 1,
                    "restarting": 0,
                    "fatal": 0,
                    "output": "1/2 workers ready",
                }
            ]
        },
    }

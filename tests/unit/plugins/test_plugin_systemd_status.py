"""The line that ``systemctl status`` shows."""

from __future__ import annotations

from typing import Any

import pytest

from cotyledon_core import Event, events
from cotyledon_plugins.notifiers.systemd.status import status_line
from tests.unit.plugins.test_plugin_systemd import (
    ADDED,
    COUNTS,
    ID,
    READY,
    STARTED,
    STOPPING,
    UP,
    ended,
    is_ready,
    ledger_of,
    of_worker,
    restarting,
    spawned,
)


def of_service(kind: type[Event], **fields: Any) -> Any:
    return kind(at=5.0, wall_time=5.0, service="a", service_id=ID, **fields)


GIVEN_UP = of_service(events.ServiceGivenUp, reason="why")
SCALED = of_service(events.ServiceScaled, old_workers=2, workers=6)
LEFT = of_worker(events.WorkerStopped, 5.0, 1, reason="done", clean=True)
LOST = of_worker(events.WorkerStopped, 5.0, 1, reason="bad", clean=False)
HALF = "1 service, 1/2 workers ready"
ALL_FAIL = [
    event for worker_id in range(6) for event in (ended(6.0, worker_id), restarting(6.0, worker_id))
]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ([], COUNTS),
        ([ended(5.0, 1), restarting(5.0, 1)], f"{HALF}, 1 restarting: a(1) exit status 1"),
        ([ended(5.0, 1), restarting(5.0, 1), spawned(5.0, 1)], f"{HALF}, 1 restarting: a(1) exit"),
        ([ended(5.0, 1), restarting(5.0, 1), spawned(5.0, 1), is_ready(6.0, 1)], COUNTS),
        ([ended(5.0, 1, asked=True), spawned(5.0, 1)], HALF),
        ([ended(5.0, 1), LEFT], f"{HALF}, 1 finished"),
        ([ended(5.0, 1), LOST], f"{HALF}, 1 failed: a(1) exit status 1"),
        ([GIVEN_UP, ended(5.0, 1)], f"{HALF}, 1 given up: a (why)"),
        ([SCALED], "1 service, 2/6 workers ready"),
        (
            [SCALED, *ALL_FAIL],
            "1 service, 0/6 workers ready, 6 restarting: a(0) exit status 1, "
            "a(1) exit status 1, a(2) exit status 1, ...",
        ),
        ([STOPPING, ended(5.0, 1, asked=True)], "stopping; 1 left: a(0)"),
        ([STOPPING, ended(5.0, 0, asked=True), ended(5.0, 1, asked=True)], "stopping"),
    ],
)
def test_the_line(more: list[Event], line: str) -> None:
    found = status_line(ledger_of(STARTED, *UP, READY, *more))
    assert found.startswith(line)
    assert found == line or line.endswith("exit")


def test_a_start_and_news() -> None:
    ledger = ledger_of(STARTED, ADDED, spawned(0.0, 0))
    assert status_line(ledger, "news") == "news; starting: 1 service, 0/2 workers ready"

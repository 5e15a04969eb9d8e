"""Events as log records."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cotyledon_core import events
from cotyledon_core.event_log import EventLog
from cotyledon_core.record import replace
from cotyledon_core.testing import every_event

EVENTS = {event.kind: event for event in every_event()}


def logged(event: events.Event, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    with caplog.at_level(logging.DEBUG, logger="cotyledon_core.events"):
        EventLog().notify(event)
    (record,) = caplog.records
    return record


@pytest.mark.parametrize("kind", EVENTS)
def test_each_event_is_one_line_with_its_fields(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = EVENTS[kind]
    record: Any = logged(event, caplog)
    first, *more = record.getMessage().splitlines()
    assert first.removesuffix(":") == str(event)
    assert more == (["text"] if hasattr(event, "dump") else [])
    assert record.cotyledon_event == kind
    for name, value in event.as_dict().items():
        assert getattr(record, f"cotyledon_{name}") == value


LEVELS = {
    "worker_hung": "ERROR",
    "service_given_up": "ERROR",
    "reload_failed": "ERROR",
    "service_restart_failed": "ERROR",
    "hook_failed": "ERROR",
    "notifier_disabled": "ERROR",
    "manager_stopped": "ERROR",
    "reload_undone": "WARNING",
    "events_dropped": "WARNING",
    "worker_exited": "WARNING",
    "worker_spawned": "DEBUG",
    "worker_status": "DEBUG",
}


@pytest.mark.parametrize("kind", EVENTS)
def test_levels(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    assert logged(EVENTS[kind], caplog).levelname == LEVELS.get(kind, "INFO")


@pytest.mark.parametrize(
    ("asked", "forced", "level"),
    [(True, False, "INFO"), (True, True, "WARNING"), (False, False, "WARNING")],
)
def test_an_end_that_was_asked_for_is_no_warning(
    asked: bool, forced: bool, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = replace(EVENTS["worker_exited"], asked=asked, forced=forced)  # type: ignore[call-arg]
    assert logged(event, caplog).levelname == level


def test_an_end_by_a_decision_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    event = replace(EVENTS["manager_stopped"], error="", errno=None)  # type: ignore[call-arg]
    assert logged(event, caplog).levelname == "INFO"


def test_a_level_that_is_off_costs_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def costly(event: events.Event) -> dict[str, Any]:
        raise AssertionError("not needed")

    monkeypatch.setattr(events.Event, "as_dict", costly)
    with caplog.at_level(logging.CRITICAL, logger="cotyledon_core.events"):
        EventLog().notify(EVENTS["manager_started"])
    assert caplog.records == []

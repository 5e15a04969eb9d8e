"""Events as text and as plain values, and the public names."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

import cotyledon_core
from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Cause, ExitStatus, Phase
from cotyledon_core.record import replace
from cotyledon_core.testing import every_event

EVENTS: dict[str, Any] = {event.kind: event for event in every_event()}


def test_every_type_is_looked_at_and_its_kind_is_its_own() -> None:
    kinds = {
        cls.kind: cls
        for cls in vars(events).values()
        if isinstance(cls, type) and issubclass(cls, events.Event) and cls.kind
    }
    assert {kind: type(event) for kind, event in EVENTS.items()} == kinds
    bases = {events.Event, events.ServiceEvent, events.WorkerEvent}
    assert not bases & set(kinds.values())
    assert len(kinds) >= 15


def test_the_first_event_tells_the_version_of_the_set() -> None:
    started = events.ManagerStarted(at=0.0, wall_time=0.0, pid=1, name="it")
    assert started.as_dict()["events_version"] == 1


@pytest.mark.parametrize("kind", EVENTS)
def test_text(kind: str) -> None:
    text = str(EVENTS[kind])
    assert text
    assert "\n" not in text
    assert "object at" not in text
    if isinstance(EVENTS[kind], events.ServiceEvent):
        assert EVENTS[kind].service in text


@pytest.mark.parametrize("kind", EVENTS)
def test_plain_values(kind: str) -> None:
    event = EVENTS[kind]
    plain = event.as_dict()
    assert plain["event"] == kind
    assert set(plain) == {"event", *event.field_names}
    assert json.loads(json.dumps(plain)) == plain


@pytest.mark.parametrize("kind", EVENTS)
def test_events_are_values(kind: str) -> None:
    event = EVENTS[kind]
    assert pickle.loads(pickle.dumps(event)) == event
    assert replace(event) == event
    assert hash(event) == hash(replace(event))
    with pytest.raises(AttributeError):
        event.at = 1.0


def test_the_plain_values_of_what_is_no_plain_value() -> None:
    plain = EVENTS["worker_exited"].as_dict()
    assert plain["status"] == {"code": 1, "signal": None}
    assert plain["cause"] == "exited"
    assert plain["phase"] == "run"
    assert plain["service_id"] == str(EVENTS["worker_exited"].service_id)


EXITED = replace(
    EVENTS["worker_exited"],
    service="web",
    worker_id=3,
    pid=77,
    uptime=1.25,
    detail="",
    cpu_user=None,
    cpu_system=None,
    peak_memory=None,
)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "worker web(3) ended after 1.250 s, exit status 1, pid 77"),
        (
            {"cpu_user": 1.0, "cpu_system": 0.25, "peak_memory": 1536 * 1024, "detail": "why"},
            "worker web(3) ended after 1.250 s, exit status 1, pid 77, "
            "1.25 s of CPU, peak memory 1.5 MiB: why",
        ),
        ({"asked": True}, "worker web(3) ended after 1.250 s, exit status 1, asked for, pid 77"),
        (
            {"status": ExitStatus(signal=9)},
            "worker web(3) ended after 1.250 s, signal 9, pid 77",
        ),
        (
            {
                "status": ExitStatus(),
                "cause": Cause.SPAWN_FAILED,
                "phase": Phase.BOOT,
                "pid": None,
                "uptime": 0.0,
                "detail": "cannot fork",
            },
            "worker web(3) ended after 0.000 s, spawn failed, no exit status, pid None: "
            "cannot fork",
        ),
    ],
)
def test_the_text_of_an_end(changes: dict[str, Any], text: str) -> None:
    assert str(replace(EXITED, **changes)) == text


@pytest.mark.parametrize(
    ("exitcode", "status"),
    [(0, ExitStatus(code=0)), (3, ExitStatus(code=3)), (-9, ExitStatus(signal=9))],
)
def test_statuses_in_the_notation_of_multiprocessing(exitcode: int, status: ExitStatus) -> None:
    assert ExitStatus.from_exitcode(exitcode) == status
    assert status.exitcode == exitcode


def test_no_status_has_no_exit_code() -> None:
    assert ExitStatus().exitcode is None


# -- the public names


@pytest.mark.parametrize("name", cotyledon_core.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(cotyledon_core, name) is not None
    assert name in dir(cotyledon_core)


def test_all_public_names_can_be_imported_at_once() -> None:
    found: dict[str, Any] = {}
    exec("from cotyledon_core import *", found)
    assert set(cotyledon_core.__all__) <= set(found)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"cotyledon_core.*NoSuchName"):
        _ = cotyledon_core.NoSuchName

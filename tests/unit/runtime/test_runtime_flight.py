"""What feeds the flight recorder, and when its file is written."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.events import ManagerReloading
from cotyledon_core.runtime import flight
from cotyledon_core.runtime.flight import Flight
from cotyledon_core.runtime.helper import Helper
from cotyledon_core.runtime.recorder import Recorder
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.messages import Incarnation
from cotyledon_core.types import ServiceId, WorkerId

InChild = Callable[[Callable[[], Any]], Any]
WEB = ServiceId("1")


def made(path: Path | str = "", size: int = 3) -> Flight:
    settings = ControlSettings(flight_recorder_file=str(path), flight_recorder_size=size)
    definition = ServiceDefinition(WEB, "web", object, 1)
    found = Flight(settings, "of mine", {WEB: definition})
    found.recorder.note(ManagerReloading(at=0.0, wall_time=0.0))
    return found


def process(service_id: ServiceId) -> Any:
    incarnation = Incarnation(service_id, WorkerId(2), 3)
    return SimpleNamespace(incarnation=incarnation, child=SimpleNamespace(pid=4))


@pytest.mark.parametrize("request_", Request)
def test_a_signal_is_recorded(request_: Request) -> None:
    recorded = made()
    recorded.signalled(process(WEB), request_)
    _, entry = recorded.recorder.after(0)
    plain = entry.as_dict()
    assert plain.pop("at") > 0
    assert plain.pop("wall_time") > 0
    assert plain == {
        "number": 2,
        "line": f"worker web(2) is sent {request_.value}, pid 4",
        "event": "signalled",
        "service": "web",
        "service_id": "1",
        "worker_id": 2,
        "incarnation": 3,
        "pid": 4,
        "request": request_.value,
    }


def test_one_to_a_worker_of_a_service_that_is_gone() -> None:
    recorded = made()
    recorded.signalled(process(ServiceId("2")), Request.KILL)
    _, entry = recorded.recorder.after(0)
    assert entry.service is None
    assert entry.as_dict()["service_id"] == "2"


def test_its_size_is_the_configured_one() -> None:
    recorded = made(size=2)
    for _ in range(5):
        recorded.signalled(process(WEB), Request.STOP)
    assert [entry.number for entry in recorded.recorder.after(0)] == [5, 6]


def test_it_is_written_by_a_process_of_its_own(in_child: InChild, tmp_path: Path) -> None:
    path = tmp_path / "{name}.jsonl"
    written = tmp_path / "of mine.jsonl"

    def end() -> int:
        made(path).end(failed=True)
        return len(written.read_text().splitlines())

    assert in_child(end) == 1
    assert json.loads(written.read_text())["event"] == "manager_reloading"


@pytest.mark.parametrize("failed", [True, False])
def test_it_is_not_written_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failed: bool
) -> None:
    def write(self: Recorder, path: str) -> None:
        raise AssertionError

    monkeypatch.setattr(flight, "GUARDED", False)
    monkeypatch.setattr(Recorder, "write", write)
    made("" if failed else tmp_path / "flight").end(failed=failed)


def test_it_is_written_where_there_is_no_fork(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(flight, "GUARDED", False)
    made(tmp_path / "flight").end(failed=True)
    assert json.loads((tmp_path / "flight").read_text())["number"] == 1


def test_a_file_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(flight, "GUARDED", False)
    made(tmp_path / "absent" / "flight").end(failed=True)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert str(tmp_path / "absent" / "flight") in record.getMessage()


def test_a_disk_that_hangs_does_not_keep_the_manager(
    monkeypatch: pytest.MonkeyPatch, in_child: InChild, tmp_path: Path
) -> None:
    monkeypatch.setattr(flight, "PATIENCE", 0.05)
    monkeypatch.setattr(Recorder, "write", lambda self, path: time.sleep(3600))

    def end() -> int:
        made(tmp_path / "flight").end(failed=True)
        # the writer is over, and there is no other child
        return os.WTERMSIG(os.waitpid(-1, 0)[1])

    assert in_child(end) == 9


def test_no_room_for_a_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(self: Helper) -> int:
        raise OSError(errno.EAGAIN, "no room")

    monkeypatch.setattr(flight, "GUARDED", True)
    monkeypatch.setattr(Helper, "start", refuse)
    made(tmp_path / "flight").end(failed=True)
    assert os.listdir(tmp_path) == []

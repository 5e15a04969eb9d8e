"""The flight recorder's ring, against a list of everything."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core import events
from cotyledon_core.control import results
from cotyledon_core.plugins.restart_policy import Cause, ExitStatus, Phase
from cotyledon_core.runtime.recorder import LONGEST_DUMP, Commanded, Entry, Recorder, Signalled
from cotyledon_core.types import ServiceId, WorkerId

MOMENT = {"at": 1.0, "wall_time": 2.0}
OF_WORKER: dict[str, Any] = {
    **MOMENT,
    "service": "web",
    "service_id": ServiceId("web"),
    "worker_id": WorkerId(3),
    "incarnation": 4,
    "pid": 5,
}
RELOADING = events.ManagerReloading(**MOMENT)
SIGNALLED = Signalled(**OF_WORKER, request="stop")
COMMANDED = Commanded(**MOMENT, command="scale web 2", uid=6, pid=7)


def hung(dump: str) -> events.WorkerHung:
    return events.WorkerHung(**OF_WORKER, waited_for=events.Waited.END, dump=dump)


def exited(dump: str) -> events.WorkerExited:
    return events.WorkerExited(
        **OF_WORKER,
        status=ExitStatus(signal=9),
        cause=Cause.EXITED,
        phase=Phase.RUN,
        uptime=1.0,
        asked=False,
        dump=dump,
    )


def filled(size: int, count: int) -> Recorder:
    recorder = Recorder(size)
    for number in range(count):
        recorder.note(events.ManagerReloading(at=0.0, wall_time=float(number + 1)))
    return recorder


@given(
    st.integers(1, 8),
    st.integers(0, 20),
    st.integers(0, 25) | st.integers(2**63 - 2, 2**63 + 2),
)
def test_the_ring_has_the_last_of_all(size: int, count: int, after: int) -> None:
    recorder = filled(size, count)
    kept = list(range(1, count + 1))[-size:]
    assert recorder.count == count
    assert recorder.first == count - len(kept) + 1
    found = list(recorder.after(after))
    assert [entry.number for entry in found] == [number for number in kept if number > after]
    assert all(entry.what.wall_time == entry.number for entry in found)


@given(st.integers(1, 5), st.lists(st.integers(0, 7), max_size=10))
def test_who_asks_again_and_again_misses_what_was_forgotten(size: int, steps: list[int]) -> None:
    recorder, seen, read, missed = Recorder(size), 0, [], 0
    for step in steps:
        for _ in range(step):
            recorder.note(RELOADING)
        missed += max(recorder.first - seen - 1, 0)
        numbers = [entry.number for entry in recorder.after(seen)]
        read += numbers
        seen = numbers[-1] if numbers else seen
    assert read == sorted(set(read))
    assert len(read) + missed == recorder.count == sum(steps)


@pytest.mark.parametrize("made", [hung, exited])
def test_long_stacks_are_cut(made: Any) -> None:
    recorder = Recorder(3)
    just, more = made("x" * LONGEST_DUMP), made("y" * (LONGEST_DUMP + 1))
    recorder.note(just)
    recorder.note(more)
    first, second = recorder.after(0)
    assert first.what is just
    assert second.what == type(more)(**{**more.__dict__, "dump": "y" * LONGEST_DUMP + "\n..."})
    # others are told of the same event
    assert len(more.dump) == LONGEST_DUMP + 1


@pytest.mark.parametrize(
    ("what", "service"),
    [
        (RELOADING, None),
        (COMMANDED, None),
        (SIGNALLED, "web"),
        (hung(""), "web"),
        (events.ReloadFailed(**MOMENT, error="it is wrong"), None),
        (events.ReloadFailed(**MOMENT, error="it was lost", service="web"), "web"),
    ],
    ids=lambda value: getattr(value, "kind", str(value)),
)
def test_which_service_it_concerns(what: Any, service: str | None) -> None:
    assert Entry(1, what).service == service


def test_a_decision_as_plain_values() -> None:
    assert Entry(8, SIGNALLED).as_dict() == {
        "number": 8,
        "line": "worker web(3) is sent stop, pid 5",
        "event": "signalled",
        **OF_WORKER,
        "service_id": "web",
        "request": "stop",
    }
    assert Entry(9, COMMANDED).as_dict() == {
        "number": 9,
        "line": "scale web 2, asked for by uid 6, pid 7",
        "event": "commanded",
        **MOMENT,
        "command": "scale web 2",
        "uid": 6,
        "pid": 7,
    }


# -- its file


def test_what_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "flight"
    path.write_text("of another time")
    recorder = Recorder(3)
    for what in (RELOADING, hung("stack\n\udc80\u2028"), SIGNALLED, COMMANDED):
        recorder.note(what)
    recorder.write(str(path))
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    entries = [json.loads(line) for line in lines]
    assert entries == [entry.as_dict() for entry in recorder.after(0)]
    assert [entry["number"] for entry in entries] == [2, 3, 4]
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["flight"]


def test_an_empty_one(tmp_path: Path) -> None:
    Recorder(3).write(str(tmp_path / "flight"))
    assert (tmp_path / "flight").read_bytes() == b""


def test_a_file_that_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "flight").mkdir()
    with pytest.raises(OSError, match="flight"):
        filled(3, 3).write(str(tmp_path / "flight"))
    assert os.listdir(tmp_path) == ["flight"]


def test_no_directory_for_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        filled(3, 3).write(str(tmp_path / "absent" / "flight"))
    assert os.listdir(tmp_path) == []


def test_an_entry_has_a_line_beside_what_a_worker_says() -> None:
    recorder = Recorder(1)
    said = events.WorkerStatus(
        at=1.0, wall_time=2.0, service="web", service_id=ServiceId("web"), worker_id=WorkerId(3),
        incarnation=1, pid=5, text="at work",
    )  # fmt: skip
    recorder.note(said)
    (entry,) = recorder.after(0)
    assert entry.as_dict()["text"] == "at work"
    assert entry.as_dict()["line"] == "worker web(3): at work"
    assert results.Entry.of(entry.as_dict()).text == "worker web(3): at work"

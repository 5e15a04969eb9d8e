"""The notifier ``json-log``, made from keywords."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core import events
from cotyledon_core.record import replace
from cotyledon_core.testing import check_notifier, every_event
from cotyledon_plugins.notifiers.json_log import JsonLog, line

EVENTS: dict[str, Any] = {event.kind: event for event in every_event()}
READY = EVENTS["worker_ready"]
RELOADING = EVENTS["manager_reloading"]


def kinds(path: Path) -> list[str]:
    return [json.loads(text)["event"] for text in path.read_text().splitlines()]


def tell(notifier: JsonLog, *told: events.Event) -> None:
    for event in told:
        notifier.notify(event)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.json"


@pytest.mark.parametrize("kind", EVENTS)
def test_a_line_is_the_event_with_a_time_stamp(kind: str) -> None:
    event = replace(EVENTS[kind], wall_time=1_700_000_000.25)
    text = line(event)
    assert b"\n" not in text
    fields = json.loads(text)
    assert fields.pop("time") == "2023-11-14T22:13:20.250000Z"
    assert fields == event.as_dict()


def test_whatever_text_is_one_line_of_ascii() -> None:
    text = line(replace(EVENTS["worker_status"], text="a\nb\u2028\udcff\0é"))
    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["text"] == "a\nb\u2028\udcff\0é"


def test_the_contract(path: Path) -> None:
    assert check_notifier(JsonLog, file=str(path)).blocking
    assert len(kinds(path)) == len(EVENTS) + 1


def test_nothing_is_opened_before_the_first_event(path: Path) -> None:
    JsonLog(file=str(path)).close()
    assert not path.exists()


def test_it_appends_and_each_line_is_there_at_once(path: Path) -> None:
    path.write_text('{"event": "before"}\n')
    notifier = JsonLog(file=str(path))
    tell(notifier, READY)
    assert kinds(path) == ["before", "worker_ready"]


def test_a_file_that_was_moved_away_is_made_anew(path: Path) -> None:
    notifier = JsonLog(file=str(path))
    tell(notifier, READY)
    path.rename(path.with_suffix(".1"))
    tell(notifier, READY)
    path.unlink()
    tell(notifier, RELOADING)
    assert kinds(path) == ["manager_reloading"]
    assert kinds(path.with_suffix(".1")) == ["worker_ready"]


def test_a_reload_opens_the_file_again(path: Path) -> None:
    notifier = JsonLog(file=str(path))
    tell(notifier, READY)
    before = notifier._sink._descriptor  # type: ignore[attr-defined]
    held = os.dup(before)
    tell(notifier, RELOADING)
    os.close(held)
    assert kinds(path) == ["worker_ready", "manager_reloading"]


def test_a_missing_directory_is_told_once_and_made_up_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "later" / "events.json"
    notifier = JsonLog(file=str(path))
    tell(notifier, READY, READY, READY, READY)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert str(path) in caplog.text
    path.parent.mkdir()
    tell(notifier, READY)
    dropped, ready = (json.loads(text) for text in path.read_text().splitlines())
    assert (dropped["event"], dropped["count"]) == ("events_dropped", 4)
    assert "No such file" in dropped["reason"]
    assert ready["event"] == "worker_ready"
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    notifier.close()


def test_a_loss_that_cannot_be_told_is_part_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "later" / "events.json"
    notifier = JsonLog(file=str(path))
    tell(notifier, READY, replace(EVENTS["events_dropped"], count=10))
    path.parent.mkdir()
    notifier.close()
    assert json.loads(path.read_text())["count"] == 11


def test_a_loss_is_told_at_the_end_if_not_before(tmp_path: Path) -> None:
    path = tmp_path / "later" / "events.json"
    notifier = JsonLog(file=str(path))
    tell(notifier, READY)
    path.parent.mkdir()
    notifier.close()
    assert kinds(path) == ["events_dropped"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_contained(caplog: pytest.LogCaptureFixture) -> None:
    notifier = JsonLog(file="/dev/full")
    tell(notifier, READY, READY, READY, READY)
    notifier.close()
    assert len(caplog.records) == 1
    assert os.strerror(errno.ENOSPC) in caplog.text


def test_a_line_that_was_written_in_part_does_not_spoil_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifier = JsonLog(file=str(path))
    write, left = os.write, [10, 0]

    def fill(descriptor: int, data: bytes) -> int:
        room = left.pop(0)
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:room])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fill)
        tell(notifier, READY)
    tell(notifier, RELOADING)
    torn, *whole = path.read_text().splitlines()
    assert len(torn) == 10
    assert [json.loads(text)["event"] for text in whole] == ["events_dropped", "manager_reloading"]


def test_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    tell(JsonLog(), READY)
    assert json.loads(capfd.readouterr().err)["event"] == "worker_ready"


def test_a_descriptor_that_does_not_block_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    monkeypatch.setattr("cotyledon_plugins.notifiers.json_log.STDERR", writer)
    text = "x" * 200_000
    told = threading.Thread(
        target=tell, args=(JsonLog(), replace(EVENTS["worker_status"], text=text))
    )
    told.start()
    with os.fdopen(reader, "rb") as file:
        assert json.loads(file.readline())["text"] == text
    told.join(30)
    os.close(writer)


# -- syslog


@pytest.fixture
def daemon(tmp_path: Path) -> Any:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "log"))
        made.settimeout(30)
        yield made


def test_syslog(daemon: socket.socket) -> None:
    notifier = JsonLog(syslog=daemon.getsockname(), syslog_facility="local0", syslog_ident="acme")
    tell(notifier, READY, EVENTS["worker_hung"], RELOADING)
    heads = []
    for event in (READY, EVENTS["worker_hung"], RELOADING):
        head, _, text = daemon.recv(10_000).decode().partition(": ")
        assert json.loads(text)["event"] == event.kind
        heads.append(head)
    pid = os.getpid()
    assert heads == [f"<134>acme[{pid}]", f"<131>acme[{pid}]", f"<134>acme[{pid}]"]
    notifier.close()


def test_what_is_too_large_for_syslog_has_its_texts_cut(daemon: socket.socket) -> None:
    notifier = JsonLog(syslog=daemon.getsockname())
    tell(notifier, replace(EVENTS["worker_hung"], dump="x" * 2_000_000))
    fields = json.loads(daemon.recv(1_000_000).decode().partition(": ")[2])
    assert fields["dump"] == "x" * 1000 + "..."
    notifier.close()


def test_a_syslog_daemon_that_comes_back_is_found(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    notifier = JsonLog(syslog=path)
    tell(notifier, READY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(path)
        made.settimeout(30)
        tell(notifier, READY)
        assert b'"events_dropped"' in made.recv(10_000)
        assert b'"worker_ready"' in made.recv(10_000)
    notifier.close()


# -- options


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"file": "events.json"}, "file: 'events.json' must be an absolute path"),
        ({"file": ""}, "file: '' must be an absolute path"),
        ({"syslog": "@log"}, "syslog: '@log' must be an absolute path"),
        ({"file": "/a", "syslog": "/b"}, "syslog: cannot be given beside file; use two notifiers"),
        ({"syslog_facility": "x"}, "syslog_facility: 'x' must be one of user, daemon, local0"),
        ({"syslog_ident": "a b"}, "syslog_ident: 'a b' must be letters, digits"),
    ],
)
@pytest.mark.parametrize("use", [JsonLog, JsonLog.check_options])
def test_impossible_options(use: Callable[..., Any], options: dict[str, str], fault: str) -> None:
    with pytest.raises(ValueError, match="^" + fault.replace(".", r"\.")) as raised:
        use(**options)
    assert "\n" not in str(raised.value)

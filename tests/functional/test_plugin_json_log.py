"""The notifier ``json-log`` under a real manager, with sinks that fail, and a host that dies."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core.record import replace
from cotyledon_core.runtime.helper import QUEUE_LIMIT
from cotyledon_core.runtime.notifier_host import NotifierHost
from cotyledon_core.testing import every_event
from cotyledon_plugins.notifiers.json_log import JsonLog
from tests.functional import procfs
from tests.functional.harness import Application, Launch

CONFIG = """\
[cotyledon]
services = it
notifiers = tell-json, record
restart_policy = retry
restart_delay = 0.01
restart_delay_max = 0.01
[service:it]
service_type = gated
workers = 2
[notifier:tell-json]
"""


def run(launch: Launch, tmp_path: Path, sink: str = "", **options: Any) -> Application:
    file = tmp_path / "it.conf"
    file.write_text(f"{CONFIG}{sink}\n")
    application = launch("plugin_cli", "run", "--config-file", str(file), **options)
    application.wait_for("manager_ready")
    return application


def told(*paths: Path) -> list[dict[str, Any]]:
    """The events in these files, as far as their lines are whole."""
    text = "".join(path.read_text() for path in paths if path.exists())
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def has(path: Path, kind: str) -> bool:
    return any(event["event"] == kind for event in told(path))


def host(application: Application) -> int:
    """The pid of the notifier's process."""

    def found() -> int | None:
        for process in procfs.children(application.manager):
            if "notifier tell-json" in procfs.title(process.pid):
                return process.pid
        return None

    return application.until(found, "the notifier's process")


def kill_worker(application: Application, count: int) -> None:
    """End a worker by force; return when this and its replacement have been told."""
    ready = application.records("worker_ready")
    os.kill(next(r.pid for r in reversed(ready) if procfs.alive(r.pid)), signal.SIGKILL)
    application.wait_for("worker_ready", len(ready) + 1)
    application.wait_for("worker_exited", count)


def without_time(event: dict[str, Any]) -> dict[str, Any]:
    """As the other notifier notes it, whose records all have a pid."""
    return {key: value for key, value in event.items() if key != "time"}


def check_all_are_there(application: Application, events: list[dict[str, Any]]) -> None:
    """These must be all events that the other notifier was told, in order."""
    expected = [record for record in application.records() if "wall_time" in record]
    assert expected[-1].event == "manager_stopped"
    assert [event["event"] for event in events] == [record.event for record in expected]
    assert all(
        without_time(event).items() <= record.items()
        for event, record in zip(events, expected, strict=True)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.json"


def test_a_rotated_file_before_and_after_a_reload(
    launch: Launch, tmp_path: Path, path: Path
) -> None:
    application = run(launch, tmp_path, f"file = {path}")
    application.until(lambda: has(path, "manager_ready"), "the events in the file")
    first, second = tmp_path / "events.1", tmp_path / "events.2"
    path.rename(first)
    kill_worker(application, 1)
    application.until(lambda: has(path, "worker_ready"), "the events in a new file")
    path.rename(second)
    application.send(signal.SIGHUP)
    application.wait_for("manager_reloaded")
    assert application.stop() == 0
    assert told(first)[-1]["event"] == "manager_ready"
    assert has(second, "worker_exited")
    assert told(path)[0]["event"] == "manager_reloading"
    assert told(path)[-1]["event"] == "manager_stopped"
    check_all_are_there(application, told(first, second, path))


def test_a_host_that_is_killed_comes_back_and_misses_nothing(
    launch: Launch, tmp_path: Path, path: Path
) -> None:
    application = run(launch, tmp_path, f"file = {path}")
    application.until(lambda: has(path, "manager_ready"), "the events in the file")
    pid = host(application)
    os.kill(pid, signal.SIGSTOP)
    application.wait_for_state(pid, "T")
    for count in range(1, 4):
        kill_worker(application, count)
    os.kill(pid, signal.SIGKILL)
    application.wait_for_end_of(pid)
    kill_worker(application, 4)
    assert host(application) != pid
    application.until(
        lambda: sum(event["event"] == "worker_exited" for event in told(path)) == 4,
        "the events in the file",
    )
    assert application.stop() == 0
    check_all_are_there(application, told(path))


def test_a_directory_that_comes_later(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "later" / "events.json"
    application = run(launch, tmp_path, f"file = {path}")
    kill_worker(application, 1)
    path.parent.mkdir()
    kill_worker(application, 2)
    assert application.stop() == 0
    dropped, *written = told(path)
    assert dropped["event"] == "events_dropped"
    expected = [record.event for record in application.records() if "wall_time" in record]
    assert [event["event"] for event in written] == expected[dropped["count"] :]


class Pipe:
    """Somebody who reads the manager's standard error, or does not."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._read = b""

    def fill(self) -> None:
        writer = os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK)
        for size in (4096, 1):
            try:
                while True:
                    os.write(writer, b"\n" * size)
            except BlockingIOError:
                pass
        os.close(writer)

    def events(self) -> list[dict[str, Any]]:
        """The events that were read so far; reads what there is."""
        try:
            while data := os.read(self.reader, 65536):
                self._read += data
        except BlockingIOError:
            pass
        whole = self._read[: self._read.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b'{"time"')]

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def test_a_full_pipe_stalls_nothing_and_is_told_afterwards_what_it_missed(
    launch: Launch, tmp_path: Path, pipe: Pipe
) -> None:
    pipe.fill()
    application = run(launch, tmp_path, stderr=pipe.writer)
    kill_worker(application, 1)
    application.send(signal.SIGHUP)
    application.wait_for("manager_reloaded")
    application.until(
        lambda: {"manager_reloaded"} <= {event["event"] for event in pipe.events()},
        "the events in the pipe",
    )
    assert application.stop() == 0
    check_all_are_there(application, pipe.events())


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """What the logger of the core writes."""
    handler = logging.FileHandler(tmp_path / "log")
    logger = logging.getLogger("cotyledon_core")
    logger.addHandler(handler)
    yield tmp_path / "log"
    logger.removeHandler(handler)
    handler.close()


def test_what_a_full_sink_has_lost_is_counted_and_said_in_it_and_in_the_log(
    path: Path, log: Path
) -> None:
    os.mkfifo(path)
    notifier = NotifierHost("it", JsonLog(file=str(path)))
    pid = notifier.start()
    sample = next(event for event in every_event() if event.kind == "worker_spawned")
    total = 4 * QUEUE_LIMIT
    for number in range(total):
        notifier.put(replace(sample, incarnation=number))
        notifier.flush()
    written: list[int] = []
    lost = 0
    with path.open() as file:
        while not written or written[-1] != total - 1:
            notifier.flush()
            event = json.loads(file.readline())
            if event["event"] == "events_dropped":
                lost += event["count"]
            else:
                written.append(event["incarnation"])
        notifier.let_go()
        assert file.read() == ""
    assert os.waitpid(pid, 0)[1] == 0
    assert lost > 0
    assert len(written) + lost == total
    # it may have come in several pieces
    assert sum(map(int, re.findall(r"(\d+) events dropped", log.read_text()))) == lost

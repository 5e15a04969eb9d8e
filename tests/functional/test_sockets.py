"""Listening sockets: where they come from, and who gets them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.functional.harness import APPS, DEADLINE, Application, Launch

pytestmark = pytest.mark.portable

ACTIVATE = (sys.executable, str(APPS / "activate.py"))


def connect(directory: Path, name: str) -> socket.socket:
    """A connection to a Unix socket in the directory."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(DEADLINE)
    client.connect(str(directory / name))
    return client


def answering(application: Application, name: str) -> int:
    """The pid of the worker that answers."""
    with connect(application.directory, name) as client:
        return int(client.recv(32))


@pytest.fixture
def activated(launch: Launch, method: str) -> Application:
    """With ``http`` and ``admin``, and a service with two workers that asks for the former."""
    prefix = (*ACTIVATE, "http:admin")
    return launch("serving", "listen", "http", prefix=prefix, method=method)


def test_workers_accept_on_one_socket(activated: Application) -> None:
    serving = activated.wait_for("serving", 2, service="web")
    workers = {record.pid for record in serving}
    with (
        connect(activated.directory, "http.sock") as one,
        connect(activated.directory, "http.sock") as other,
    ):
        # each is held by one of them
        assert {int(one.recv(32)), int(other.recv(32))} == workers
    assert activated.stop() == 0
    assert (activated.directory / "http.sock").exists(), "it is not the manager's"


def test_who_gets_what(activated: Application) -> None:
    for record in activated.wait_for("serving", 2, service="web"):
        assert record.given == {"http": ["http.sock"]}
        assert record.listening == ["http.sock"]
        assert record.inheritable == [False]
        assert record.environment == []
    record = activated.wait_for_one("serving", service="other")
    assert (record.given, record.listening, record.environment) == ({}, [], [])
    assert activated.stop() == 0


def test_a_replacement_serves_on(activated: Application) -> None:
    activated.wait_for("serving", 2, service="web")
    pid = answering(activated, "http.sock")
    signalled = activated.wait_for_one("serving", pid=pid)
    os.kill(pid, signal.SIGKILL)
    activated.wait_for("serving", 2, worker_id=signalled.worker_id, service="web")
    assert answering(activated, "http.sock") != pid
    assert activated.stop() == 0


def test_what_is_for_another_process_is_ignored(launch: Launch) -> None:
    application = launch(
        "serving",
        "listen",
        "http",
        prefix=(*ACTIVATE, "http"),
        environment={"LISTEN_PID": "1"},
    )
    assert application.wait() == 1
    assert "service web: sockets: there is no socket 'http'; give it an address" in (
        application.output()
    )
    assert not application.records("serving")


def test_the_manager_listens_itself(launch: Launch, method: str) -> None:
    application = launch("serving", "listen", "own", method=method)
    for record in application.wait_for("serving", 2, service="web"):
        assert record.given == {"own": ["own.sock"]}
        assert record.listening == ["own.sock"]
    assert application.wait_for_one("serving", service="other").listening == []
    path = application.directory / "own.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    connect(application.directory, "own.sock").close()
    assert application.stop() == 0
    assert not path.exists()


def test_what_is_passed_wins(launch: Launch) -> None:
    application = launch("serving", "listen", "own", prefix=(*ACTIVATE, "own:own"))
    record = application.wait_for("serving", 2, service="web")[0]
    assert record.given == {"own": ["own.sock", "1.own.sock"]}
    assert application.stop() == 0


def test_a_socket_that_cannot_be_bound(launch: Launch, tmp_path: Path) -> None:
    application = launch("serving", "listen", "own", files={"own.sock": "a file"})
    assert application.wait() == 1
    assert "[socket:own] address: cannot listen on" in application.output()
    assert not application.records("serving")
    application.wait_until_gone()


def test_a_program_takes_what_it_is_passed_itself(launch: Launch) -> None:
    application = launch("serving", "unasked", prefix=(*ACTIVATE, "http"))
    assert application.wait_for_one("kept").own == "http.sock"
    assert application.stop() == 0


def test_services_that_come_later(launch: Launch) -> None:
    application = launch("serving", "late", files={"name": "absent"})
    application.wait_for("serving")
    for _ in range(2):  # the name is not taken
        before = time.monotonic()
        application.send(signal.SIGHUP)
        refused = application.wait_for_later(before, "refused")
        assert "service absent: sockets: there is no socket 'absent'" in refused.text
        assert not (application.directory / "own.sock").exists()
    application.write("name", "own")
    application.send(signal.SIGHUP)
    application.wait_for_one("added")
    assert application.wait_for_one("serving", service="web").given == {"own": ["own.sock"]}
    assert application.stop() == 0


CONFIG = """\
[cotyledon]
services = {services}
notifiers = record
restart_policy = leave
start_method = {method}
[service:it]
service_type = {service_type}
command = {command}
sockets = {sockets}
[socket:admin]
address = {directory}/1.admin, {directory}/2.admin
[socket:idle]
address = {directory}/idle
"""
PROGRAM = f"{sys.executable} {APPS / 'plugin_program.py'} serve"


def configuration(directory: Path, **values: str) -> str:
    defaults = {
        "services": "it",
        "service_type": "program",
        "command": PROGRAM,
        "sockets": "http, admin",
        "method": "fork",
    }
    return CONFIG.format(**{**defaults, **values}, directory=directory)


def test_a_program_is_passed_them(launch: Launch, method: str, tmp_path: Path) -> None:
    file = tmp_path / "it.conf"
    file.write_text(configuration(tmp_path, method=method))
    prefix = (*ACTIVATE, "http:unused")
    application = launch("plugin_cli", "run", "--config-file", str(file), prefix=prefix)
    program = application.wait_for_one("program")
    assert program.listen == [str(program.pid), "3", "http:admin:admin"]
    assert program.passed == ["http.sock", "1.admin", "2.admin"]
    application.wait_for("manager_ready")
    assert not (tmp_path / "idle").exists(), "nobody asks for it"
    assert application.stop() == 0
    assert not (tmp_path / "1.admin").exists()


def test_a_program_that_asks_for_none(launch: Launch, method: str, tmp_path: Path) -> None:
    file = tmp_path / "it.conf"
    file.write_text(configuration(tmp_path, method=method, sockets=""))
    prefix = (*ACTIVATE, "http")
    application = launch("plugin_cli", "run", "--config-file", str(file), prefix=prefix)
    program = application.wait_for_one("program")
    assert (program.listen, program.passed) == ([None, None, None], [])
    assert application.stop() == 0


def test_a_program_that_cannot_be_executed(launch: Launch, method: str, tmp_path: Path) -> None:
    """What tells it has made room for the sockets, and still tells."""
    file = tmp_path / "it.conf"
    (tmp_path / "broken").write_text("#! /no/such/interpreter\n")
    (tmp_path / "broken").chmod(0o755)
    command = str(tmp_path / "broken")
    text = configuration(tmp_path, method=method, sockets="admin", command=command)
    more = "".join(f", {tmp_path}/more{number}" for number in range(40))
    file.write_text(text.replace("2.admin", f"2.admin{more}"))
    application = launch("plugin_cli", "run", "--config-file", str(file))
    assert "cannot execute" in application.wait_for_one("worker_exited").detail
    assert application.wait() == 3


def reload(application: Application, file: Path, text: str) -> str:
    """Have it read this; return what became of that."""
    file.write_text(text)
    before = time.monotonic()
    application.send(signal.SIGHUP)

    def ended() -> str | None:
        for record in application.records():
            if record.at > before and record.event in ("manager_reloaded", "reload_failed"):
                return str(record.get("error", "reloaded"))
        return None

    return application.until(ended, "the end of a reload")


def test_a_reload_opens_and_closes(launch: Launch, tmp_path: Path) -> None:
    file = tmp_path / "it.conf"
    more = f"[service:more]\nservice_type = program\ncommand = {PROGRAM}\nsockets = idle\n"
    file.write_text(configuration(tmp_path, sockets="admin"))
    application = launch("plugin_cli", "run", "--config-file", str(file))
    application.wait_for("manager_ready")
    changed = configuration(tmp_path, services="it, more", sockets="admin") + more
    assert reload(application, file, changed) == "reloaded"
    application.wait_for("program", passed=["idle"])
    changed = configuration(tmp_path, services="more") + more
    assert reload(application, file, changed) == "reloaded"
    application.until(lambda: not (tmp_path / "1.admin").exists(), "the end of a socket")
    connect(tmp_path, "idle").close()
    assert application.stop() == 0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("2.admin", "3.admin", "[socket:admin] address: a change needs a restart of the manager"),
        ("socket:admin", "socket:other", "service it: sockets: there is no socket 'admin'"),
        ("= admin", "= admin, idle, taken", "[socket:taken] address: cannot listen on"),
    ],
)
def test_a_reload_that_is_refused(
    launch: Launch, tmp_path: Path, old: str, new: str, why: str
) -> None:
    file = tmp_path / "it.conf"
    taken = f"[socket:taken]\naddress = {tmp_path}/idle2, {file}\n"
    text = configuration(tmp_path, sockets="admin") + taken
    file.write_text(text)
    application = launch("plugin_cli", "run", "--config-file", str(file))
    application.wait_for("manager_ready")
    assert why in reload(application, file, text.replace(old, new))
    assert not (tmp_path / "3.admin").exists()
    assert not (tmp_path / "idle").exists()
    assert not (tmp_path / "idle2").exists()
    assert reload(application, file, text) == "reloaded"
    connect(tmp_path, "2.admin").close()
    assert application.stop() == 0


SECTIONS = """\
[service:web]
sockets = {}
[socket:http]
address = {}
[socket:admin]
address = admin.sock
"""


def test_a_program_s_own_services_are_configured(launch: Launch, tmp_path: Path) -> None:
    file, http = tmp_path / "it.conf", f"@{tmp_path}/http"
    text = SECTIONS.replace("admin.sock", f"{tmp_path}/admin")
    file.write_text(text.format("http", http))
    application = launch("serving", "configured", str(file))
    assert list(application.wait_for_one("serving").given) == ["http"]
    changed = text.format("http", f"{tmp_path}/other")
    assert "[socket:http] address: a change needs" in reload(application, file, changed)
    assert reload(application, file, text.format("http, admin", http)) == "reloaded"
    assert list(application.wait_for("serving", 2)[1].given) == ["http", "admin"]
    assert application.stop() == 0

"""Sockets that a real systemd passes and keeps."""

from __future__ import annotations

import socket

import pytest

from tests.functional.harness import DEADLINE
from tests.systemd.conftest import RunUnit
from tests.systemd.machine import until
from tests.systemd.unit import CONFIG_FILE, Unit

CONFIG = """\
[cotyledon]
services = serves
[service:serves]
workers = 2
sockets = http
"""
OWN = CONFIG + "[socket:http]\naddress = /run/{}.sock\n"
SOCKET_UNIT = """\
[Socket]
ListenStream=/run/http.sock
FileDescriptorName=http
"""
HELD = "ExecStartPre=/bin/sh -c 'while test -e /srv/gate-start; do sleep 0.02; done'"


def connect(made: Unit, name: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(DEADLINE)
    try:
        client.connect(str(made.machine.path(f"/run/{name}.sock")))
    except OSError:
        client.close()
        raise
    return client


def answer(client: socket.socket) -> int:
    """The pid of the worker that answers."""
    with client:
        return int(client.recv(32))


def test_a_connection_starts_the_service(unit: RunUnit) -> None:
    made = unit()
    made.machine.write(CONFIG_FILE, CONFIG)
    made.machine.write("/etc/systemd/system/cotyledon.socket", SOCKET_UNIT)
    for command in (["daemon-reload"], ["start", "cotyledon.socket"]):
        done = made.machine.run("systemctl", *command)
        assert done.returncode == 0, done.stdout
    assert made.get("ActiveState") == "inactive"
    assert answer(connect(made, "http")) in made.wait_for_workers(2)
    made.wait_for("ActiveState", "active")
    before = made.running()
    assert made.call("restart") == 0
    after = made.wait_for_workers(2)
    assert not before & after
    assert answer(connect(made, "http")) in after
    assert made.call("stop") == 0


PROGRAM = """\
[cotyledon]
services = program
[service:program]
service_type = command
command = /bin/sh -c 'env > /srv/draft; mv /srv/draft /srv/environment; exec sleep 1000'
sockets = http
"""
MANAGER_S_OWN = ("WATCHDOG_USEC", "WATCHDOG_PID", "FDSTORE")


def test_a_program_is_passed_them_and_nothing_of_the_manager_s(unit: RunUnit) -> None:
    made = unit("FileDescriptorStoreMax=4")
    made.machine.write(CONFIG_FILE, PROGRAM)
    made.machine.write("/etc/systemd/system/cotyledon.socket", SOCKET_UNIT)
    for command in (["daemon-reload"], ["start", "cotyledon.socket"]):
        assert made.machine.run("systemctl", *command).returncode == 0
    assert made.call("start") == 0
    file = made.machine.path("/srv/environment")
    until(file.exists, lambda: "the program has not started")
    found = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    assert (found["LISTEN_FDS"], found["LISTEN_FDNAMES"]) == ("1", "http")
    title = made.machine.run("cat", f"/proc/{found['LISTEN_PID']}/cmdline").stdout
    assert title.split("\0")[0] == "sleep"
    assert not found.keys() & {*MANAGER_S_OWN}
    # it is the manager whom it may tell something
    assert found["NOTIFY_SOCKET"] != "/run/systemd/notify"
    assert made.call("stop") == 0


def test_no_connection_is_refused_while_the_manager_is_started_anew(unit: RunUnit) -> None:
    made = unit("FileDescriptorStoreMax=4", HELD)
    made.machine.write(CONFIG_FILE, OWN.format("one"))
    assert made.call("start") == 0
    first = made.wait_for_workers(2)
    assert made.get("NFileDescriptorStore") == "1"
    for _ in range(2):  # the second time with what was kept
        made.gate("start").touch()
        restart = made.begin("restart")
        made.wait_for("SubState", "start-pre")
        assert not made.running()
        client = connect(made, "one")
        made.gate("start").unlink()
        assert made.machine.end(restart).returncode == 0
        second = made.wait_for_workers(2)
        assert answer(client) in second - first
        assert made.get("NFileDescriptorStore") == "1"
    assert made.call("stop") == 0
    assert made.get("Result") == "success"


def test_another_address_after_a_restart(unit: RunUnit) -> None:
    made = unit("FileDescriptorStoreMax=4")
    made.machine.write(CONFIG_FILE, OWN.format("one"))
    assert made.call("start") == 0
    made.machine.write(CONFIG_FILE, OWN.format("two"))
    assert made.call("restart") == 0
    assert answer(connect(made, "two")) in made.wait_for_workers(2)
    with pytest.raises(ConnectionRefusedError):
        connect(made, "one")
    made.wait_for("NFileDescriptorStore", "1")
    assert made.call("stop") == 0


def test_a_manager_that_is_killed_leaves_its_sockets(unit: RunUnit) -> None:
    made = unit("FileDescriptorStoreMax=4", HELD, "Restart=on-failure", "RestartSec=100ms")
    made.machine.write(CONFIG_FILE, OWN.format("one"))
    assert made.call("start") == 0
    first = made.wait_for_workers(2)
    made.gate("start").touch()
    made.send(9)
    made.wait_for("SubState", "start-pre")
    client = connect(made, "one")
    made.gate("start").unlink()
    made.wait_for("NRestarts", "1")
    assert answer(client) in made.wait_for_workers(2) - first

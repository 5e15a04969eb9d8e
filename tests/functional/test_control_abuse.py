"""Clients that misbehave: supervision does not notice."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.functional import procfs
from tests.functional.configured import sections
from tests.functional.controlled import Controlled
from tests.functional.harness import Launch

MORE_KIB = 16 * 1024
"""Memory of its own that a manager may take for clients: 64 of them, with a request and a read."""
USERS = 300_000
"""No user of the machine has a number above this; each test process takes its own."""


@pytest.fixture
def shared(launch: Launch) -> Iterator[Controlled]:
    running = Controlled(launch, sections(web={"workers": 2}), {"idle_timeout": 0.5})
    yield running
    with running.client() as client:
        assert client.status().as_wanted
    running.stop()


def replaced(running: Controlled, number: int = 0) -> None:
    """A worker that is killed is replaced."""
    worker = "web", number
    pid = running.pids()[worker]
    os.kill(pid, signal.SIGKILL)
    running.application.until(lambda: running.pids().get(worker, pid) != pid, "the replacement")


@pytest.mark.parametrize(
    "garbage",
    [b"\0" * 1000 + b"\n", b"GET / HTTP/1.1\r\n", b"{\n", b"[[[[[[\n", os.urandom(1000) + b"\n"],
    ids=["zeros", "http", "brace", "brackets", "random"],
)
def test_garbage(shared: Controlled, garbage: bytes) -> None:
    with shared.connect() as raw:
        raw.send(garbage)
        assert raw.line()["error"]["code"] == "bad_request"


def test_a_frame_of_10_mb(shared: Controlled) -> None:
    with shared.connect() as raw:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            raw.send(b"x" * 10_000_000)
        assert raw.line()["error"]["code"] == "too_large"
        assert raw.is_closed()


def test_half_a_request_is_not_waited_for(shared: Controlled) -> None:
    with shared.connect() as raw:
        raw.send(b'{"version": 1')
        replaced(shared)
        assert raw.is_closed()


def test_who_says_nothing_is_let_go(shared: Controlled) -> None:
    with shared.connect() as raw:
        assert raw.is_closed()


def test_who_does_not_read_is_let_go(shared: Controlled) -> None:
    with shared.connect() as raw:
        raw.socket.settimeout(0.1)
        request = b'{"version": 1, "id": 1, "command": "status"}\n'
        with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            while True:
                raw.send(request)
        replaced(shared)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                raw.send(request)
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("it is still listened to")


def test_too_many_clients(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}), {"max_clients": 2})
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(running.connect()) for _ in range(2)]
        assert all(client.ask("hello")["result"] for client in clients)
        with running.connect() as third:
            assert third.line()["error"]["code"] == "too_many"
            assert third.is_closed()
    running.application.until(lambda: _welcome(running), "room for another")
    running.stop()


def _welcome(running: Controlled) -> bool:
    with running.connect() as raw:
        answer = raw.ask("hello")
        return answer is not None and "result" in answer


def test_many_connections_and_a_crash_loop(launch: Launch) -> None:
    configuration = sections(web={"workers": 2}, loop={"behaviour": "crash"})
    running = Controlled(launch, configuration)
    before = _descriptors(running)
    for _ in range(1000):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as each:
            each.settimeout(30)
            each.connect(running.path)
            each.send(b'{"version": 1, "command": "hel')
    replaced(running)
    running.application.wait_for("worker_restarting", 2, service="loop")
    running.application.until(lambda: _descriptors(running) <= before, "the old descriptors")
    running.stop()


PESTERING = """
import contextlib, socket, sys
path, kind = sys.argv[1:]
kept = []
for count in range(sys.maxsize):
    one = socket.socket(socket.AF_UNIX)
    one.connect(path)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if kind == "half":
            one.sendall(b'{"version": 1, "command": "hel')
        elif kind == "frame":
            one.sendall(b"x" * 10_000_000)
    if kind == "half":
        kept = [*kept[-200:], one]
    else:
        one.close()
    if count == 10:
        print("going on", flush=True)
"""


@contextlib.contextmanager
def pestered(running: Controlled, *kinds: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A client of each kind does the same again and again, as fast as it can."""
    with contextlib.ExitStack() as stack:
        clients = []
        for kind in kinds:
            command = [sys.executable, "-I", "-c", PESTERING, running.path, kind]
            client = subprocess.Popen(command, stdout=subprocess.PIPE)
            stack.enter_context(client)
            stack.callback(client.kill)
            clients.append(client)
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline()
        yield clients


def test_clients_at_a_high_rate(launch: Launch) -> None:
    """Who connects and goes, who sends half a request, and who sends what is far too long."""
    running = Controlled(launch, sections(web={"workers": 6}), {"idle_timeout": 0.5})
    running.wait_for_counts(web=6)
    pid = running.application.pid
    before, memory = procfs.descriptors(pid), procfs.private_kib(pid)
    with pestered(running, "close", "half", "frame") as clients:
        for number in range(6):
            replaced(running, number)
            assert procfs.private_kib(pid) < memory + MORE_KIB
        assert [client.poll() for client in clients] == [None] * 3
    running.application.until(lambda: len(procfs.descriptors(pid)) <= len(before), "the old ones")
    with running.client() as client:
        assert client.status().as_wanted
    running.stop()


def _descriptors(running: Controlled) -> int:
    return len(os.listdir(f"/proc/{running.application.pid}/fd"))


def test_without_descriptors_it_is_tried_again(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    pid = running.application.pid
    used = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={used}:"], check=True)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(running.connect()) for _ in range(used)]
        subprocess.run(["prlimit", f"--pid={pid}", "--nofile=1000:"], check=True)
        assert clients[-1].ask("hello")["result"]
    running.stop()


STRANGER = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
except PermissionError:
    sys.exit("cannot connect")
try:
    s.sendall(json.dumps({"version": 1, "command": sys.argv[2],
        "arguments": json.loads(sys.argv[3])}).encode() + b"\\n")
except BrokenPipeError:
    pass
answer = json.loads(s.makefile().readline())
sys.exit(answer["error"]["code"] if "error" in answer else "granted")
"""


@pytest.mark.parametrize(
    ("control", "look", "change"),
    [
        ({}, "cannot connect", "cannot connect"),
        ({"mode": "0666"}, "not_allowed", "not_allowed"),
        ({"mode": "0666", "read_only_uids": "{user}"}, "granted", "not_allowed"),
        ({"mode": "0666", "read_only_gids": "{group}"}, "granted", "not_allowed"),
        ({"mode": "0660", "group": "{group}", "read_write_gids": "{group}"}, "granted", "granted"),
    ],
)
def test_other_users(launch: Launch, control: dict[str, str], look: str, change: str) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv to become another user")
    user = USERS + os.getpid()
    options = {key: value.format(user=user, group=user + 1) for key, value in control.items()}
    running = Controlled(launch, sections(web={}), options)

    def ask(command: str, arguments: str = "{}") -> str:
        done = subprocess.run(
            [
                "setpriv",
                f"--reuid={user}",
                f"--regid={user}",
                f"--groups={user + 1}",
                *(sys.executable, "-I", "-c", STRANGER, running.path, command, arguments),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stderr.strip()

    assert ask("status") == look
    assert ask("scale", '{"service": "web", "workers": 2}') == change
    running.wait_for_counts(web=2 if change == "granted" else 1)
    running.stop()


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize(
    "where", ["absent/control.sock", "x" * 120, "test.conf", "closed/control.sock"]
)
def test_no_socket_can_be_had(launch: Launch, where: str, required: bool) -> None:
    options = {"socket": where, "required": str(required)}
    running = Controlled(launch, sections(web={}), options, wait=not required)
    if required:
        assert running.application.wait() == 1
        assert not running.application.records("worker_spawned")
    else:
        running.stop()
    (line,) = [
        line for line in running.application.output().splitlines() if "[control] socket" in line
    ]
    assert "cannot listen" in line
    assert ("required" in line) == required


def test_no_home_and_a_read_only_directory(launch: Launch) -> None:
    environment = {"HOME": "", "XDG_RUNTIME_DIR": ""}
    running = Controlled(
        launch, sections(web={}), {"socket": "/proc/control.sock"}, environment=environment
    )
    assert "cannot listen" in running.application.output()
    running.stop()


def test_workers_have_nothing_of_it(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with running.connect() as raw, running.client() as client:
        assert raw.ask("hello")
        client.scale("web", 2)
        pid = running.wait_for_counts(web=2)["web", 1]
        targets = {os.readlink(path) for path in _links(pid)}
        inodes = {str(os.stat(running.path).st_ino)}
        assert not {target for target in targets if target.strip("socket:[]") in inodes}
        own = {os.readlink(path) for path in _links(running.application.pid)}
        shared = {link for link in own & targets if link.startswith("socket:")}
        assert not shared
    running.stop()


def _links(pid: int) -> Iterator[str]:
    for name in os.listdir(f"/proc/{pid}/fd"):
        yield f"/proc/{pid}/fd/{name}"


def test_a_socket_of_somebody_else_is_left(launch: Launch) -> None:
    """Only what is ours is removed at the end."""
    running = Controlled(launch, sections(web={}))
    os.unlink(running.path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(running.path)
        running.stop()
        assert os.path.exists(running.path)

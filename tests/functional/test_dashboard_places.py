"""Where a dashboard listens, and which manager it shows."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.functional.configured import Running, sections, text
from tests.functional.controlled import Controlled
from tests.functional.dashboards import BEARER, TOKEN, Browser, Dashboard, free_port
from tests.functional.harness import DEADLINE, Launch, import_path

USERS = 400_000
"""No user of the machine has a number above this; each test process takes its own."""
CAPABILITIES = "-all,+dac_override,+dac_read_search"


def status_texts(running: Controlled) -> list[str]:
    with running.client() as client:
        (service,) = client.status("dashboard").services
    return [worker.status_text for worker in service.workers]


def told(running: Controlled, word: str, count: int = 1) -> list[str]:
    """Wait until so many workers say something with that word; what they all say."""

    def found() -> list[str] | None:
        texts = status_texts(running)
        return texts if sum(word in each for each in texts) == count else None

    return running.application.until(found, f"{count} x {word!r}")


# -- where it listens


def test_workers_share_a_port(launch: Launch) -> None:
    port = free_port()
    options = {"address": f"127.0.0.1:{port}", "workers": 2}
    running = Dashboard(launch, options)
    assert set(told(running, "at", 2)) == {f"at http://127.0.0.1:{port}/"}
    answers_whoever_is_left(running, Browser(port))
    running.stop()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_share_a_socket(launch: Launch, method: str) -> None:
    more = {"socket:http": {"address": "127.0.0.1:0, [::1]:0"}}
    options = {"sockets": "http", "workers": 2, "address": "127.0.0.1:1"}
    running = Dashboard(launch, options, more=more, method=method)
    texts = told(running, "at", 2)
    assert texts[0] == texts[1]
    assert "http://[::1]:" in texts[0]
    answers_whoever_is_left(running, running.browser())
    running.stop()


def answers_whoever_is_left(running: Dashboard, browser: Browser) -> None:
    for worker in (0, 1):
        with running.client() as client:
            client.stop("dashboard", worker, wait=True)
        told(running, "at", 1)
        for _ in range(5):
            assert browser.get("/api/session").status == 200
        with running.client() as client:
            client.start("dashboard", worker, wait=True)
        told(running, "at", 2)


def test_a_unix_socket(launch: Launch) -> None:
    with tempfile.TemporaryDirectory(prefix="cotyledon-test-") as directory:
        path = os.path.join(directory, "http.sock")
        more = {"socket:http": {"address": path}}
        running = Dashboard(launch, {"sockets": "http", "hosts": "dash.example.org"}, more=more)
        told(running, "at")
        ask_by_unix_socket(path)
        running.stop()


def ask_by_unix_socket(path: str) -> None:
    for host, status in ((b"dash.example.org", b"200"), (b"evil.example", b"421")):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            connection.connect(path)
            connection.sendall(b"GET /api/session HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
            assert connection.recv(12) == b"HTTP/1.1 " + status


def test_a_socket_that_others_reach_takes_a_token(launch: Launch) -> None:
    more = {"socket:http": {"address": "0.0.0.0:0"}}
    options = {"sockets": "http", "restart_policy": "never"}
    running = Dashboard(launch, options, more=more, wait=False)
    end = running.application.wait_for_one("worker_exited", service="dashboard")
    assert "sockets: 0.0.0.0:" in end.detail
    assert "set token or token_file" in end.detail
    running.application.stop()


def test_a_port_that_is_taken_is_waited_for(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        running = Dashboard(launch, {"address": f"127.0.0.1:{port}"})
        told(running, f"waits for 127.0.0.1:{port}, which another process has")
    told(running, f"at http://127.0.0.1:{port}/")
    assert Browser(port).get("/api/session").status == 200
    running.stop()


def test_another_worker_without_sockets_waits_for_the_port(launch: Launch) -> None:
    port = free_port()
    running = Dashboard(launch, {"address": f"127.0.0.1:{port}"})
    told(running, "at http://")
    with running.client() as client:
        client.scale("dashboard", 2)
    waiting = f"waits for 127.0.0.1:{port}, which another process has"
    assert told(running, waiting) == [f"at http://127.0.0.1:{port}/", waiting]
    assert Browser(port).get("/api/session").status == 200
    with running.client() as client:
        client.stop("dashboard", 0, wait=True)
    told(running, "at http://")
    with running.client() as client:
        texts = [entry.text for entry in client.events() if "waits for" in entry.text]
    assert len(texts) == 1
    running.stop()


def test_a_stop_while_a_port_is_waited_for(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        options = {
            "address": f"127.0.0.1:{other.getsockname()[1]}",
            "graceful_shutdown_timeout": 1000,
        }
        running = Dashboard(launch, options)
        told(running, "waits for")
        running.stop()


def test_ipv6(launch: Launch) -> None:
    running = Dashboard(launch, {"address": "[::1]:0"})
    (address,) = told(running, "at http://[::1]:")
    port = int(address.rpartition(":")[2].strip("/"))
    with socket.create_connection(("::1", port), DEADLINE) as connection:
        connection.sendall(b"GET /api/session HTTP/1.1\r\nHost: [::1]:%d\r\n\r\n" % port)
        assert connection.recv(12) == b"HTTP/1.1 200"
    running.stop()


# -- which manager it shows


def test_no_manager_can_be_asked(launch: Launch) -> None:
    """Its own has no control socket."""
    port = free_port()
    own = {"service_type": "dashboard", "address": f"127.0.0.1:{port}", "token": TOKEN}
    running = Running(launch, sections(dashboard=own))
    running.application.wait_for("worker_status", service="dashboard")
    browser = Browser(port, **BEARER)
    answer = browser.get("/api/status")
    assert answer.code == (503, "no_manager")
    assert "[control]" in answer.value["error"]["text"]
    assert browser.act("reload").code == (503, "no_manager")
    assert browser.get("/api/preview").code == (503, "no_manager")
    assert browser.get("/api/history").value["manager"] == []
    with browser.stream() as stream:
        assert "[control]" in stream.next("lost")["text"]
    running.stop()


def test_a_manager_that_is_restarted_is_found_again(launch: Launch) -> None:
    own = Dashboard(launch, {"socket": "other.sock", "token": TOKEN})
    path = os.path.join(own.application.directory, "other.sock")
    browser = own.browser()
    browser.headers.update(BEARER)
    with browser.stream() as stream:
        assert "other.sock" in stream.next("lost")["text"]
        for _ in range(2):
            other = Controlled(launch, sections(worked={}), {"socket": path})
            seen = stream.next("status")
            assert seen["manager"]["pid"] == other.application.pid
            assert "worked" in [each["name"] for each in seen["services"]]
            while stream.next("entry")["event"] != "manager_ready":
                pass
            assert browser.act("scale", service="worked", workers=2).status == 202
            other.wait_for_counts(worked=2)
            other.stop()
            stream.next("lost")
            answer = browser.get("/api/status")
            assert answer.code == (503, "no_manager")
    own.stop()


@pytest.mark.parametrize("allowed", [None, "read_only_uids", "read_write_uids"])
def test_another_users_manager(launch: Launch, allowed: str | None) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv to become another user")
    user = USERS + os.getpid()
    control = {"mode": "0666", **({allowed: user} if allowed else {})}
    other = Controlled(launch, sections(theirs={}), control)
    prefix = (
        "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--clear-groups",
        f"--inh-caps={CAPABILITIES}",
        f"--ambient-caps={CAPABILITIES}",
    )
    own = Dashboard(launch, {"socket": other.path, "token": TOKEN}, prefix=prefix)
    browser = own.browser()
    browser.headers.update(BEARER)
    with browser.stream() as stream:
        if allowed is None:
            assert str(user) in stream.next("lost")["text"]
            assert browser.get("/api/status").code == (503, "no_manager")
        else:
            assert stream.next("status")["may_act"] is (allowed == "read_write_uids")
    answer = browser.act("scale", service="theirs", workers=2)
    if allowed == "read_write_uids":
        assert answer.status == 202
    else:
        assert answer.code == (403, "not_allowed")
    other.wait_for_counts(theirs=2 if allowed == "read_write_uids" else 1)
    assert browser.get("/api/session").value["may_act"] is (allowed == "read_write_uids")
    own.stop()
    other.stop()


# -- what the check finds


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"address": "0.0.0.0:9180"}, "[service:dashboard] address: 0.0.0.0:9180 can be reached"),
        ({"address": "[::]:9180"}, "[service:dashboard] address: [::]:9180 can be reached"),
        ({"address": "nowhere"}, "[service:dashboard] address: 'nowhere' must be an IP address"),
        ({"token_file": "absent"}, "[service:dashboard] token_file: absent cannot be read"),
        ({"token": "sesame"}, "[service:dashboard] token: must have 8 characters"),
        ({"interval": "0"}, "[service:dashboard] interval: "),
        ({"address": "0.0.0.0:9180", "token": TOKEN}, None),
        ({}, None),
    ],
)
def test_check(tmp_path: Path, options: dict[str, Any], fault: str | None) -> None:
    file = tmp_path / "test.conf"
    own = {"service_type": "dashboard", **options}
    file.write_text(text(sections({"notifiers": "log"}, dashboard=own)))
    command = [sys.executable, "-m", "cotyledon_core", "check", "--config-file", str(file)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": import_path()},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == (1 if fault else 0), done.stderr
    if fault:
        (line,) = done.stderr.splitlines()
        assert fault in line
        assert "sesame" not in line

"""The commands for a running manager: the installed command, a real socket."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.functional.commands import Done, ask, cotyledon, refused
from tests.functional.configured import FILE, sections, text
from tests.functional.controlled import SOCKET, Controlled
from tests.functional.harness import APPS, DEADLINE, Launch, import_path

CONTROL = {"control": {"socket": SOCKET}}
ESCAPE = "\x1b"


def on_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run it on a terminal of its own: the exit status and what it wrote there."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover
        os.environ.update({"TERM": "xterm", "PYTHONPATH": import_path(), **environment})
        os.execv(sys.executable, [sys.executable, "-m", "cotyledon_core", *arguments])
    written = b""
    try:
        while data := os.read(terminal, 65536):
            written += data
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), written.decode()


def test_status(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}, batch={}))
    plain = ask(running, "status")
    assert (plain.returncode, plain.stderr) == (0, "")
    assert ESCAPE not in plain.stdout
    pids = running.pids()
    for (service, worker), pid in pids.items():
        (line,) = [x for x in plain.stdout.splitlines() if x.startswith(f"{service}:{worker} ")]
        assert line.split()[1:3] == ["running", str(pid)]
    whole = json.loads(ask(running, "status", "--format", "json").stdout)
    assert whole["as_wanted"] is True
    assert whole["manager"]["pid"] == running.application.pid
    assert whole["services"][0]["workers"][0]["memory"] > 0
    one = yaml.safe_load(ask(running, "status", "web:1", "--format", "yaml").stdout)
    assert one["as_wanted"] is True
    (service,) = one["services"]
    assert [each["pid"] for each in service["workers"]] == [pids["web", 1]]
    rows = list(csv.DictReader(io.StringIO(ask(running, "status", "--format", "csv").stdout)))
    found = {(row["service"], int(row["worker"])): int(row["pid"]) for row in rows}
    assert found == pids
    refused(ask(running, "status", "absent"), 4, "'absent'")
    refused(ask(running, "status", "web:7"), 4, "7")
    running.stop()


def test_colours_are_for_terminals(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    status, written = on_terminal("status", "--socket", running.path, NO_COLOR="")
    assert status == 0
    assert f"{ESCAPE}[32mrunning" in written
    _, written = on_terminal("status", "--socket", running.path, NO_COLOR="1")
    assert "running" in written
    assert f"{ESCAPE}[32m" not in written
    running.stop()


def test_what_is_not_as_wanted(launch: Launch) -> None:
    slow = {"restart_delay": 3600, "restart_delay_max": 3600}
    running = Controlled(launch, sections(web={**slow, "behaviour": "crash"}, batch={}))
    running.wait_for_back_off("web")
    assert ask(running, "status").returncode == 1
    assert ask(running, "status", "batch").returncode == 0
    assert ask(running, "status", "web:0").returncode == 1
    running.stop()


def test_what_has_done_its_work_is_as_wanted(launch: Launch) -> None:
    job = {"service_type": "command", "command": "/bin/true", "restart_policy": "on-failure"}
    running = Controlled(launch, sections(web={}, job=job))
    running.application.wait_for("worker_stopped", service="job")
    for target in ((), ("job",), ("job:0",)):
        assert ask(running, "status", *target).returncode == 0
    assert _service(running, "job")[:2] == ["job", "exited"]
    assert ask(running, "health").returncode == 0
    running.stop()


def test_what_is_yet_to_be_replaced_is_told(launch: Launch) -> None:
    web = {"workers": 2, "value": "old", "max_unavailable": 1}
    running = Controlled(launch, sections(web=web))
    running.write(sections({}, web={**web, "value": "new", "behaviour": "hang"}) | CONTROL)
    running.application.send(signal.SIGHUP)
    with running.client() as client:

        def is_pending() -> bool:
            (service,) = client.status("web").services
            return [worker.pending for worker in service.workers] == ["replacement"] * 2

        running.application.until(is_pending, "a reload that waits for a worker")
    (line,) = (each for each in ask(running, "status").stdout.splitlines() if "web:1" in each)
    assert "replacement" in line.split()
    assert running.application.stop(signal.SIGINT) == 1


def test_what_was_stopped_is_as_wanted(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}, batch={}))
    assert ask(running, "stop", "web:1", "--wait").returncode == 0
    for target in ((), ("web",), ("web:0",), ("web:1",)):
        assert ask(running, "status", *target).returncode == 0
    assert _service(running, "web")[:2] == ["web", "running"]
    with running.client() as client:
        (web,) = client.status("web").services
    assert [worker.held for worker in web.workers] == [False, True]
    assert "1 stopped by an operator" in ask(running, "status").stdout
    assert ask(running, "stop", "web", "--wait").returncode == 0
    assert ask(running, "status").returncode == 0
    assert _service(running, "web")[:2] == ["web", "stopped"]
    assert ask(running, "wait").returncode == 0
    for target in ("web", "web:1"):
        waiting = ask(running, "wait", target)
        assert waiting.returncode == 1
        assert "an operator has stopped it" in waiting.stderr
    assert ask(running, "health").returncode == 1
    assert ask(running, "start", "web", "--wait").returncode == 0
    assert ask(running, "health").returncode == 0
    running.stop()


def _service(running: Controlled, name: str) -> list[str]:
    """A service's line of the table, in words."""
    lines = ask(running, "status").stdout.splitlines()
    return next(line.split() for line in lines if line.startswith(f"{name} "))


def test_orders_are_waited_for(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    done = ask(running, "scale", "web", "3", "--wait")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "web: 3 of 3 ready"
    before = running.pids()
    assert len(before) == 3
    assert ask(running, "restart", "web:0", "--wait").returncode == 0
    after = running.pids()
    assert {key for key in after if after[key] != before[key]} == {("web", 0)}
    assert ask(running, "restart", "web", "--rolling", "--wait").returncode == 0
    assert not set(running.pids().values()) & set(after.values())
    assert ask(running, "wait", "web", "--timeout", "20").returncode == 0
    status, written = on_terminal("scale", "web", "1", "--wait", "--socket", running.path)
    assert status == 0
    assert "1/1" in written
    refused(ask(running, "scale", "absent", "3"), 4, "'absent'")
    running.stop()


def test_what_does_not_come(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"behaviour": "hang"}), wait=False)
    running.application.wait_for("value")
    done = ask(running, "wait", "--timeout", "0.2")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("cotyledon: ")
    assert ask(running, "status").returncode == 1
    assert ask(running, "health").returncode == 1
    running.application.stop()


def test_reload(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}, batch={}))
    same = ask(running, "reload", "--dry-run")
    assert (same.returncode, same.stdout) == (0, "nothing would change\n")
    changed = sections(web={"workers": 2}, more={})
    changed["control"] = {"socket": SOCKET}
    running.write(changed)
    told = ask(running, "reload", "--dry-run").stdout.splitlines()
    assert told == [
        "+ service more",
        "- service batch",
        "~ service web: scaled; workers 1 -> 2",
    ]
    assert running.pids().keys() == {("web", 0), ("batch", 0)}
    assert ask(running, "reload", "--wait").returncode == 0
    running.wait_for_counts(web=2, more=1)
    running.write("[cotyledon]\nservices = absent\n")
    refused(ask(running, "reload", "--dry-run"), 1, "absent")
    done = ask(running, "reload", "--wait")
    assert done.returncode == 1
    assert "absent" in done.stderr.splitlines()[-1]
    running.stop()


def test_health_events_dump_and_log_level(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}, batch={}))
    assert ask(running, "health").stdout.startswith("pass")
    assert json.loads(ask(running, "health", "web", "--format", "json").stdout)["status"] == "pass"
    pid = running.pids()["batch", 0]
    os.kill(pid, signal.SIGKILL)
    running.application.wait_for("worker_ready", 2, service="batch")
    lines = ask(running, "events", "--service", "batch").stdout.splitlines()
    assert any(str(pid) in line for line in lines)
    assert not any("web(" in line for line in lines)
    entries = [
        json.loads(x) for x in ask(running, "events", "--format", "json").stdout.split("\n")[:-1]
    ]
    assert [each["number"] for each in entries] == list(range(1, len(entries) + 1))
    assert ask(running, "events", "--since", "2999-01-01").stdout == ""
    assert "lifecycle.py" in ask(running, "dump", "web:0").stdout
    assert ask(running, "dump", "--all").stdout.count("=== ") == 4
    assert ask(running, "log-level", "some.logger", "debug").stdout == "some.logger: DEBUG\n"
    refused(ask(running, "log-level", "some.logger", "loud"), 1, "level")
    running.stop()


def test_events_are_followed_to_the_end(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with subprocess.Popen(
        [sys.executable, "-m", "cotyledon_core", "events", "--follow", "--socket", running.path],
        env={**os.environ, "PYTHONPATH": import_path()},
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        try:
            assert follower.stdout is not None
            follower.stdout.readline()
            assert ask(running, "scale", "web", "2").returncode == 0
            assert any("scale" in line for line in iter(follower.stdout.readline, ""))
            assert ask(running, "shutdown", "--wait").returncode == 0
            assert follower.wait(DEADLINE) == 1
        finally:
            follower.kill()
    assert running.application.wait() == 0
    running.application.wait_until_gone()
    refused(ask(running, "status"), 3, running.path)


def test_where_the_socket_is_found(launch: Launch, tmp_path: Path) -> None:
    running = Controlled(launch, sections(web={}), {"socket": "{name}-{uid}.sock"})
    directory = str(running.application.directory)
    name = json.loads(
        cotyledon("status", "--format", "json", COTYLEDON_SOCKET=_only_socket(directory)).stdout
    )["manager"]["name"]
    assert _only_socket(directory).endswith(f"{name}-{os.getuid()}.sock")
    running.stop()
    named = sections({"name": "known"}, web={})
    running = Controlled(launch, named, {"socket": "{name}.sock"})
    directory = str(running.application.directory)
    elsewhere = {"COTYLEDON_SOCKET": str(tmp_path / "absent")}
    assert cotyledon("health", "--config-file", FILE, cwd=directory, **elsewhere).returncode == 0
    refused(cotyledon("health", **elsewhere), 3, "absent")
    running.stop()
    refused(cotyledon("health", "--config-file", FILE, cwd=directory), 3, "known.sock")
    empty = tmp_path / "empty.conf"
    empty.write_text("[cotyledon]\nservices = web\n")
    refused(cotyledon("health", "--config-file", str(empty)), 4, "--socket")
    empty.write_text("no section\n")
    refused(cotyledon("health", "--config-file", str(empty)), 4, "empty.conf")


def _only_socket(directory: str) -> str:
    (found,) = [x for x in os.listdir(directory) if x.endswith(".sock")]
    return os.path.join(directory, found)


def test_memory_by_share(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    (worker,) = _workers(ask(running, "status", "--pss", "--format", "json"))
    assert 0 < worker["memory"] < _workers(ask(running, "status", "--format", "json"))[0]["memory"]
    assert worker["cpu"] >= 0
    table = ask(running, "status", "--pss")
    assert (table.returncode, table.stderr) == (0, "")
    refused(ask(running, "status", "--pss", without="psutil"), 4, "--pss needs psutil")
    running.stop()


def _workers(done: Done) -> list[dict[str, Any]]:
    (service,) = json.loads(done.stdout)["services"]
    return list(service["workers"])


def test_status_without_what_is_not_needed(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    (worker,) = _workers(ask(running, "status", "--format", "json", without="psutil,rich"))
    assert (worker["cpu"], worker["memory"]) == (None, None)
    done = ask(running, "status", without="psutil")
    (line,) = [x for x in done.stdout.splitlines() if x.startswith("web:0 ")]
    assert line.split()[5:7] == ["-", "-"]
    refused(ask(running, "status", without="rich"), 4, "cotyledon-core[cli]")
    running.stop()


def test_shutdown_is_waited_for(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    running.application.write("gate-end", "")
    refused(ask(running, "shutdown", "--wait", "--timeout", "0.2"), 1, "has not ended yet")
    assert not running.application.ended
    (running.application.directory / "gate-end").unlink()
    assert running.application.wait() == 0
    refused(ask(running, "shutdown", "--wait"), 3, running.path)


@pytest.mark.parametrize("wait", [True, False])
def test_shutdown_now(launch: Launch, wait: bool) -> None:
    running = Controlled(launch, sections(web={}))
    # a graceful stop would take longer than the test may
    running.application.write("gate-end", "")
    done = ask(running, "shutdown", "--now", *(["--wait"] if wait else []))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    if wait:
        assert not os.path.exists(running.path)
    assert running.application.wait() == 1
    running.application.wait_until_gone()


def test_a_stop_that_has_begun_is_made_to_end(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    running.application.write("gate-end", "")
    assert ask(running, "shutdown").returncode == 0
    running.application.wait_for("terminate")
    assert ask(running, "status").returncode == 1
    refused(ask(running, "scale", "web", "2"), 1, "stopping")
    assert ask(running, "shutdown", "--now", "--wait").returncode == 0
    assert running.application.wait() == 1
    running.application.wait_until_gone()


def test_check_and_what_a_reload_would_change(launch: Launch, tmp_path: Path) -> None:
    running = Controlled(launch, sections(web={}, batch={}))
    directory = str(running.application.directory)

    def check(*more: str) -> Done:
        # plugins are found as the application finds them
        path = os.pathsep.join([import_path(), os.path.join(directory, "site"), str(APPS)])
        return cotyledon("check", "--config-file", *more, cwd=directory, PYTHONPATH=path)

    same = check(FILE, "--diff")
    valid = "configuration is valid: 2 services, 2 workers\n"
    assert (same.returncode, same.stdout) == (0, f"{valid}nothing would change\n")
    changed = sections(web={"workers": 2})
    changed["control"] = {"socket": SOCKET}
    running.write(changed)
    differs = check(FILE, "--diff")
    assert differs.returncode == 0
    assert differs.stdout.splitlines()[1:] == [
        "- service batch",
        "~ service web: scaled; workers 1 -> 2",
    ]
    assert running.pids().keys() == {("web", 0), ("batch", 0)}
    # the manager reads its own file, not the one that was checked
    running.application.write("other.conf", text(changed))
    running.write("[cotyledon]\nservices = absent\n")
    for file, output in (("other.conf", valid.replace("2 services", "1 services")), (FILE, "")):
        refusal = check(file, "--diff")
        assert (refusal.returncode, refusal.stdout) == (1, output)
        assert "absent" in refusal.stderr
    running.stop()
    gone = check("other.conf", "--diff")
    assert (gone.returncode, gone.stderr.count("\n")) == (3, 1)
    assert SOCKET in gone.stderr
    running.application.write("none.conf", text(sections(web={})))
    nowhere = check("none.conf", "--diff")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (4, 1)
    assert "names no control socket" in nowhere.stderr


def test_events_since(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    whole = ask(running, "events").stdout
    assert whole.count("\n") > 2
    soon, long_ago = datetime.now(UTC) + timedelta(minutes=30), datetime(1900, 1, 1)
    for since in ("3600s", "60m", "1.5h", "1d", "90000d", long_ago.isoformat(), "2026-01-01"):
        assert ask(running, "events", "--since", since).stdout == whole, since
    for since in ("0s", "2999-01-01", soon.isoformat(), soon.isoformat().replace("+00:00", "Z")):
        assert ask(running, "events", "--since", since).stdout == "", since
    # a time of the day that is yet to come is yesterday's
    clock = (datetime.now() + timedelta(minutes=30)).strftime("%H:%M")
    assert ask(running, "events", "--since", clock).stdout == whole
    running.stop()

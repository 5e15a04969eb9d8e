"""What the service manager is told: the truth, in the right order."""

from __future__ import annotations

import re
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.functional.harness import DEADLINE, Application

CONFIG = """\
[cotyledon]
services = it
notifiers = tell-systemd, record
restart_policy = retry
restart_delay = 0.01
restart_delay_max = 0.01
[service:it]
service_type = {}
workers = 2
"""


class ServiceManager:
    """Stands in for systemd."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(DEADLINE)

    def receive_any(self) -> list[str]:
        """The next message's lines; waits for it."""
        return self._socket.recv(4096).decode().splitlines()

    def receive(self) -> list[str]:
        """The next message of start, reload, stop or failure, without requests for time."""
        while not _is_of_state(lines := self.receive_any()):
            pass
        return [line for line in lines if not line.startswith("EXTEND_TIMEOUT_USEC=")]

    def receive_line(self, line: str) -> None:
        """Wait for a message with this line."""
        while line not in self.receive_any():
            pass

    def pending_any(self) -> bool:
        """Whether any message is there."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def receive_status(self, pattern: str) -> str:
        """The next status that is like that, all of it."""
        while True:
            for line in self.receive_any():
                name, _, status = line.partition("=")
                if name == "STATUS" and re.fullmatch(pattern, status):
                    return status

    def pending(self) -> bool:
        """Whether such a message as those of :meth:`receive` is there."""
        self._socket.setblocking(False)
        try:
            while not _is_of_state(self._socket.recv(4096, socket.MSG_PEEK).decode().splitlines()):
                self._socket.recv(4096)
        except BlockingIOError:
            return False
        finally:
            self._socket.settimeout(DEADLINE)
        return True

    def close(self) -> None:
        self._socket.close()


def _is_of_state(lines: list[str]) -> bool:
    names = {line.partition("=")[0] for line in lines}
    return not names.isdisjoint({"READY", "RELOADING", "STOPPING", "EXIT_STATUS"})


@pytest.fixture
def service_manager(tmp_path: Path) -> Iterator[ServiceManager]:
    manager = ServiceManager(str(tmp_path / "notify"))
    yield manager
    manager.close()


@pytest.fixture
def run_supervised(
    launch: Callable[..., Application], service_manager: ServiceManager, tmp_path: Path
) -> Callable[..., Application]:
    def run(service_type: str) -> Application:
        file = tmp_path / "it.conf"
        options = f"[notifier:tell-systemd]\nsocket = {service_manager.address}\n"
        file.write_text(CONFIG.format(service_type) + options)
        return launch("plugin_cli", "run", "--config-file", str(file))

    return run


def test_ready_when_all_workers_are_and_stopping_once(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    application = run_supervised("gated")
    gates = [application.directory / f"gate-worker-{worker_id}" for worker_id in range(2)]
    for gate in gates:
        gate.touch()
    application.wait_for("waiting", 2)
    assert not service_manager.pending()
    gates[0].unlink()
    application.wait_for("worker_ready", worker_id=0)
    assert not service_manager.pending()
    gates[1].unlink()
    ready, pid, status = service_manager.receive()
    assert (ready, status) == ("READY=1", "STATUS=1 service, 2/2 workers ready")
    assert pid == f"MAINPID={application.pid}"
    assert application.stop() == 0
    assert service_manager.receive()[0] == "STOPPING=1"
    assert not service_manager.pending()


def test_no_ready_from_workers_that_always_fail(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    application = run_supervised("failing")
    application.wait_for("worker_exited", 6)
    assert not service_manager.pending()
    assert application.stop() == 0
    assert service_manager.receive()[0] == "STOPPING=1"
    assert not service_manager.pending()


def run_ready(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> Application:
    application = run_supervised("gated")
    ready, pid, status = service_manager.receive()
    assert (ready, status) == ("READY=1", "STATUS=1 service, 2/2 workers ready")
    assert pid == f"MAINPID={application.pid}"
    return application


def test_reload_begins_after_the_signal_and_ends(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    application = run_ready(run_supervised, service_manager)
    for _ in range(2):
        before = time.monotonic_ns() // 1000
        application.send(signal.SIGHUP)
        begun, moment, status = service_manager.receive()
        assert begun == "RELOADING=1"
        assert status == "STATUS=reloading; 1 service, 2/2 workers ready"
        name, _, began = moment.partition("=")
        assert name == "MONOTONIC_USEC"
        assert before <= int(began) <= time.monotonic_ns() // 1000
        ready, status = service_manager.receive()
        assert ready == "READY=1"
        assert status.startswith("STATUS=reloaded")
    assert application.stop() == 0
    assert service_manager.receive()[0] == "STOPPING=1"
    assert not service_manager.pending()


def test_refused_reload_says_why(
    run_supervised: Callable[..., Application], service_manager: ServiceManager, tmp_path: Path
) -> None:
    application = run_ready(run_supervised, service_manager)
    with (tmp_path / "it.conf").open("a") as file:
        file.write("[service:it]\nworkers = many\n")
    before = time.monotonic_ns() // 1000
    application.send(signal.SIGHUP)
    begun, moment, _ = service_manager.receive()
    assert begun == "RELOADING=1"
    assert before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    ready, status = service_manager.receive()
    assert ready == "READY=1"
    assert "the running configuration stays" in status
    assert "[service:it] workers" in status
    assert application.stop() == 0
    assert service_manager.receive()[0] == "STOPPING=1"


def test_a_reload_does_not_end_the_start(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    """The manager has begun to reload, and says READY=1 when its workers are."""
    application = run_supervised("shut")
    application.wait_for("waiting", 2)
    application.send(signal.SIGHUP)
    service_manager.receive_status("reloading; starting: .*")
    (application.directory / "gate-open").touch()
    assert service_manager.receive()[0] == "READY=1"
    application.wait_for("worker_ready", 2)
    assert application.stop() == 0
    assert service_manager.receive()[0] == "STOPPING=1"


def test_a_reload_is_read_as_at_the_start(
    launch: Callable[..., Application],
    service_manager: ServiceManager,
    tmp_path: Path,
    method: str,
) -> None:
    """What notifiers there are by default depends on the environment; workers have none of it."""
    file = tmp_path / "it.conf"
    file.write_text(f"[cotyledon]\nservices = looks\nstart_method = {method}\n")
    environment = {"NOTIFY_SOCKET": service_manager.address, "WATCHDOG_USEC": "60000000"}
    application = launch("plugin_cli", "run", "--config-file", str(file), environment=environment)
    assert service_manager.receive()[0] == "READY=1"
    application.wait_for("environment")
    for count in (1, 2):
        application.send(signal.SIGHUP)
        assert service_manager.receive()[0] == "RELOADING=1"
        assert service_manager.receive()[0] == "READY=1"
        application.wait_for("reload", count)
    assert application.stop() == 0
    configured = {record.notify for record in application.records("configured")}
    assert configured == {service_manager.address}
    assert {record.notify for record in application.records("environment")} == {None}
    assert [record.watchdog for record in application.records("environment")] == [[None, None]]


FRAGILE = """\
[cotyledon]
services = fragile
notifiers = {}
[service:fragile]
broken = {}
"""


def test_removed_by_a_reload_that_is_undone(
    launch: Callable[..., Application], service_manager: ServiceManager, tmp_path: Path
) -> None:
    """It ends the reload that nobody else would end, and is there again for the next one."""
    file = tmp_path / "it.conf"
    file.write_text(FRAGILE.format("systemd, record", "no"))
    environment = {"NOTIFY_SOCKET": service_manager.address}
    application = launch("plugin_cli", "run", "--config-file", str(file), environment=environment)
    assert service_manager.receive()[0] == "READY=1"
    file.write_text(FRAGILE.format("record", "yes"))
    application.send(signal.SIGHUP)
    assert service_manager.receive()[0] == "RELOADING=1"
    assert service_manager.receive()[0] == "READY=1"
    service_manager.receive_status("the failed reload is undone.*")
    file.write_text(FRAGILE.format("systemd, record", "no"))
    application.send(signal.SIGHUP)
    assert service_manager.receive()[0] == "RELOADING=1"
    ready, status = service_manager.receive()
    assert (ready, status.startswith("STATUS=reloaded")) == ("READY=1", True)
    assert application.stop() == 0


def receive_all(service_manager: ServiceManager, last: str) -> list[list[str]]:
    messages = [service_manager.receive()]
    while last not in messages[-1]:
        messages.append(service_manager.receive())
    assert not service_manager.pending()
    return messages


@pytest.mark.parametrize("on_give_up", ["keep", "shutdown"])
def test_a_service_that_is_given_up_before_it_was_ready(
    launch: Callable[..., Application],
    service_manager: ServiceManager,
    tmp_path: Path,
    on_give_up: str,
) -> None:
    file = tmp_path / "it.conf"
    file.write_text(
        "[cotyledon]\n"
        "services = failing, gated\n"
        "notifiers = tell-systemd, record\n"
        "restart_policy = retry\n"
        "[service:failing]\n"
        "restart_policy = bounded\n"
        "bounded_max_restarts = 2\n"
        "restart_delay = 0.01\n"
        f"on_give_up = {on_give_up}\n"
        "[notifier:tell-systemd]\n"
        f"socket = {service_manager.address}\n"
    )
    gate = {"gate-worker-0": ""}
    application = launch("plugin_cli", "run", "--config-file", str(file), files=gate)
    application.wait_for("service_given_up")
    (application.directory / "gate-worker-0").unlink()
    if on_give_up == "keep":
        reason = "more than 2 restarts within 60 s"
        ready, _, status = service_manager.receive()
        counts = "2 services, 1/2 workers ready"
        assert (ready, status) == ("READY=1", f"STATUS={counts}, 1 given up: failing ({reason})")
        assert application.stop() == 0
        return
    assert application.wait() == 3
    reason = "service failing given up: more than 2 restarts within 60 s"
    assert receive_all(service_manager, "EXIT_STATUS=3") == [
        ["STOPPING=1", f"STATUS=stopping: {reason}; 1 left: gated(0)"],
        [f"STATUS=stopped with exit status 3: {reason}", "EXIT_STATUS=3"],
    ]


REFUSED = "[cotyledon]\nservices = nothing\n"
UNBOUND = """\
[cotyledon]
services = gated
[service:gated]
sockets = http
[socket:http]
address = {}/no/such/directory
"""


@pytest.mark.parametrize(
    ("config", "why", "number"),
    [(REFUSED, r".*\[service:nothing\].*", None), (UNBOUND, ".*cannot listen on.*", "ERRNO=2")],
    ids=["refused", "unbound"],
)
def test_a_start_that_fails_says_why(
    launch: Callable[..., Application],
    service_manager: ServiceManager,
    tmp_path: Path,
    config: str,
    why: str,
    number: str | None,
) -> None:
    file = tmp_path / "it.conf"
    file.write_text(config.format(tmp_path))
    environment = {"NOTIFY_SOCKET": service_manager.address}
    application = launch("plugin_cli", "run", "--config-file", str(file), environment=environment)
    assert application.wait() == 1
    status, *more = service_manager.receive()
    assert re.fullmatch(f"STATUS=failed with exit status 1: {why}", status)
    assert more == ["EXIT_STATUS=1", *([number] if number else [])]
    assert service_manager.receive_any() == ["BARRIER=1"]
    assert not service_manager.pending_any()


def test_a_manager_that_breaks_says_so(
    launch: Callable[..., Application], service_manager: ServiceManager
) -> None:
    environment = {"NOTIFY_SOCKET": service_manager.address}
    application = launch("breaking", environment=environment)
    assert service_manager.receive()[0] == "READY=1"
    application.send(signal.SIGHUP)
    while (lines := service_manager.receive())[0] in ("RELOADING=1", "READY=1"):
        pass
    assert lines[0].startswith("STATUS=failed with exit status 1: OSError(")
    assert lines[1:] == ["EXIT_STATUS=1", "ERRNO=28"]
    assert application.wait() == 1
    application.wait_until_gone()
    # and so says every other notifier
    (stopped,) = application.records("manager_stopped", who="hosted")
    assert (stopped.status, stopped.errno) == (1, 28)


def test_the_watchdog_is_fed_while_the_manager_runs(
    launch: Callable[..., Application], service_manager: ServiceManager, tmp_path: Path
) -> None:
    """Over a reload that changes its options, too, without a word of an end."""
    file = tmp_path / "it.conf"
    text = "[cotyledon]\nservices = looks\nnotifiers = systemd, record\n"
    file.write_text(text)
    environment = {"NOTIFY_SOCKET": service_manager.address, "WATCHDOG_USEC": "200000"}
    application = launch("plugin_cli", "run", "--config-file", str(file), environment=environment)
    assert service_manager.receive()[0] == "READY=1"
    for _ in range(3):
        service_manager.receive_line("WATCHDOG=1")
    file.write_text(f"{text}[notifier:systemd]\nwatchdog_quorum = 1\n")
    application.send(signal.SIGHUP)
    assert service_manager.receive()[0] == "RELOADING=1"
    assert service_manager.receive()[0] == "READY=1"
    for _ in range(3):
        while (lines := service_manager.receive_any()) != ["WATCHDOG=1"]:
            assert not any(line.startswith("WATCHDOG_USEC=") for line in lines)
    assert application.stop() == 0


def test_a_reload_that_changes_its_options_ends_when_the_workers_have_come_to_it(
    launch: Callable[..., Application], service_manager: ServiceManager, tmp_path: Path
) -> None:
    file = tmp_path / "it.conf"
    text = "[cotyledon]\nservices = gated\nnotifiers = systemd, record\n"
    file.write_text(text)
    environment = {"NOTIFY_SOCKET": service_manager.address}
    application = launch("plugin_cli", "run", "--config-file", str(file), environment=environment)
    assert service_manager.receive()[0] == "READY=1"
    gate = application.directory / "gate-worker-0"
    gate.touch()
    replacing = "[service:gated]\ncapture_stderr = true\n"
    file.write_text(f"{text}{replacing}[notifier:systemd]\nextend_timeout = 20\n")
    application.send(signal.SIGHUP)
    assert service_manager.receive()[0] == "RELOADING=1"
    application.wait_for("waiting", 2)
    # the new one speaks, and says that this is still going on
    service_manager.receive_line("EXTEND_TIMEOUT_USEC=20000000")
    assert not service_manager.pending()
    gate.unlink()
    ready, status = service_manager.receive()
    assert ready == "READY=1"
    assert status.startswith("STATUS=reloaded")
    assert application.stop() == 0
    assert service_manager.receive()[0] == "STOPPING=1"


def test_the_status_shows_a_crash_loop(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    application = run_supervised("failing")
    service_manager.receive_status(
        r"starting: 1 service, 0/2 workers ready, \d restarting: it\(\d\) exit status 1.*no good.*"
    )
    assert application.stop() == 0


def test_the_last_message_is_a_barrier(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    application = run_ready(run_supervised, service_manager)
    application.send(signal.SIGTERM)
    assert service_manager.receive()[0] == "STOPPING=1"
    service_manager.receive_line("BARRIER=1")
    assert application.wait() == 0
    assert not service_manager.pending_any()

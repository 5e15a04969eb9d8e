"""What the service manager is told: the truth, in the right order."""

from __future__ import annotations

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

    def receive(self) -> list[str]:
        """The next message's lines; waits for it."""
        return self._socket.recv(4096).decode().splitlines()

    def pending(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(4096, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        finally:
            self._socket.settimeout(DEADLINE)
        return True

    def close(self) -> None:
        self._socket.close()


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
    assert service_manager.receive() == ["READY=1", "STATUS=2 workers of 1 services ready"]
    assert application.stop() == 0
    assert service_manager.receive() == ["STOPPING=1", "STATUS=stopping"]
    assert not service_manager.pending()


def test_no_ready_from_workers_that_always_fail(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    application = run_supervised("failing")
    application.wait_for("worker_exited", 6)
    assert not service_manager.pending()
    assert application.stop() == 0
    assert service_manager.receive() == ["STOPPING=1", "STATUS=stopping"]
    assert not service_manager.pending()


def run_ready(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> Application:
    application = run_supervised("gated")
    assert service_manager.receive() == ["READY=1", "STATUS=2 workers of 1 services ready"]
    return application


def test_reload_begins_after_the_signal_and_ends(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    application = run_ready(run_supervised, service_manager)
    for _ in range(2):
        before = time.monotonic_ns() // 1000
        application.send(signal.SIGHUP)
        begun, moment, status = service_manager.receive()
        assert (begun, status) == ("RELOADING=1", "STATUS=reloading")
        name, _, began = moment.partition("=")
        assert name == "MONOTONIC_USEC"
        assert before <= int(began) <= time.monotonic_ns() // 1000
        ready, status = service_manager.receive()
        assert ready == "READY=1"
        assert status.startswith("STATUS=reloaded")
    assert application.stop() == 0
    assert service_manager.receive() == ["STOPPING=1", "STATUS=stopping"]
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
    assert service_manager.receive() == ["STOPPING=1", "STATUS=stopping"]


def test_a_reload_does_not_end_the_start(
    run_supervised: Callable[..., Application], service_manager: ServiceManager
) -> None:
    """The manager has begun to reload, and says READY=1 when its workers are."""
    application = run_supervised("shut")
    application.wait_for("waiting", 2)
    application.send(signal.SIGHUP)
    assert service_manager.receive() == ["STATUS=reloading"]
    (application.directory / "gate-open").touch()
    lines: list[str] = []
    while "READY=1" not in lines:
        lines += service_manager.receive()
    application.wait_for("worker_ready", 2)
    assert application.stop() == 0
    while "STOPPING=1" not in lines:
        lines += service_manager.receive()
    assert lines.count("READY=1") == 1
    assert not [line for line in lines if line.startswith("RELOADING")]


def test_a_reload_is_read_as_at_the_start(
    launch: Callable[..., Application], service_manager: ServiceManager, tmp_path: Path
) -> None:
    """What notifiers there are by default depends on the environment; workers have none of it."""
    file = tmp_path / "it.conf"
    file.write_text("[cotyledon]\nservices = looks\n")
    environment = {"NOTIFY_SOCKET": service_manager.address}
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
    (status,) = service_manager.receive()
    assert status.startswith("STATUS=the failed reload is undone")
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
        assert service_manager.receive() == [
            "READY=1",
            "STATUS=1 workers of 1 services ready; lost: failing",
        ]
        assert application.stop() == 0
        return
    assert application.wait() == 3
    reason = "service failing given up: more than 2 restarts within 60 s"
    assert receive_all(service_manager, "EXIT_STATUS=3") == [
        ["STOPPING=1", f"STATUS=stopping: {reason}"],
        [f"STATUS=stopped with exit status 3: {reason}", "EXIT_STATUS=3"],
    ]

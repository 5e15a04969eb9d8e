"""What a statsd server gets from a manager that runs from a configuration."""

from __future__ import annotations

import os
import signal
import socket
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from tests.functional import procfs
from tests.functional.configured import Running, Sections, sections
from tests.functional.harness import Application, Launch

pytest.importorskip("statsd")


class Server:
    """Stands in for statsd, and does its sums."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self.counters: Counter[str] = Counter()
        self.gauges: dict[str, int] = {}
        self.timers: dict[str, list[float]] = defaultdict(list)

    def read(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(65536).decode()
            except BlockingIOError:
                return
            for line in datagram.splitlines():
                name, _, measured = line.partition(":")
                value, _, kind = measured.partition("|")
                if kind == "c":
                    self.counters[name] += int(value)
                elif kind == "g":
                    self.gauges[name] = int(value)
                else:
                    assert kind == "ms"
                    self.timers[name].append(float(value))

    def workers(self, service: str) -> tuple[int | None, ...]:
        """How many are wanted, ready and restarting."""
        first = f"lab.service.{service}.workers"
        return tuple(self.gauges.get(f"{first}.{n}") for n in ("wanted", "ready", "restarting"))

    def wait_for_workers(self, application: Application, service: str, *counts: int) -> None:
        def found() -> bool:
            self.read()
            return self.workers(service) == counts

        application.until(found, f"gauges {counts} of {service}")

    def wait_for_counters(self, application: Application, **counts: int) -> None:
        """Wait for exactly these; in a keyword, two underscores stand for a dot."""
        wanted = {f"lab.{name.replace('__', '.')}": count for name, count in counts.items()}

        def found() -> bool:
            self.read()
            return self.counters == wanted

        try:
            application.until(found, str(wanted))
        except AssertionError:
            assert self.counters == wanted
            raise

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def configuration(server: Server, **workers: int) -> Sections:
    made = sections(
        {"notifiers": "events, metrics"},
        **{name: {"workers": count} for name, count in workers.items()},
    )
    made["notifier:metrics"] = {
        "notifier_type": "statsd",
        "host": "127.0.0.1",
        "port": server.port,
        "prefix": "lab",
    }
    return made


def test_start_kill_reload_scale_and_stop(launch: Launch, server: Server) -> None:
    running = Running(launch, configuration(server, web=2, other=1))
    application = running.application
    server.wait_for_workers(application, "web", 2, 2, 0)
    server.wait_for_workers(application, "other", 1, 1, 0)

    pids = running.wait_for_counts(web=2, other=1)
    os.kill(pids["web", 1], signal.SIGKILL)
    running.application.wait_for("worker_ready", 4)
    expected = {
        "service__web__worker_starts": 3,
        "service__other__worker_starts": 1,
        "service__web__worker_exits__signal": 1,
        "service__web__worker_restarts__signal": 1,
    }
    server.wait_for_counters(application, **expected)
    server.wait_for_workers(application, "web", 2, 2, 0)

    running.succeed(configuration(server, web=3, other=1))
    server.wait_for_workers(application, "web", 3, 3, 0)
    expected |= {"service__web__worker_starts": 4, "reloads__succeeded": 1}
    server.wait_for_counters(application, **expected)

    running.succeed(configuration(server, web=1))
    server.wait_for_workers(application, "web", 1, 1, 0)
    server.wait_for_workers(application, "other", 0, 0, 0)
    expected |= {
        "service__web__worker_exits__asked": 2,
        "service__other__worker_exits__asked": 1,
        "reloads__succeeded": 2,
    }
    server.wait_for_counters(application, **expected)

    running.fail("[cotyledon]\nservices = web\nworkers = many\n")
    expected["reloads__refused"] = 1
    server.wait_for_counters(application, **expected)

    assert application.stop() == 0
    server.read()
    assert server.workers("web") == (0, 0, 0)
    assert server.counters["lab.service.web.worker_exits.asked"] == 3
    assert len(server.timers["lab.service.web.worker_start_duration"]) == 4
    assert len(server.timers["lab.service.web.worker_uptime"]) == 4
    assert len(server.timers["lab.reload_duration"]) == 2
    told = {record.wall_time for record in application.records("manager_reloaded")}
    assert server.gauges["lab.last_reload_timestamp_seconds"] == int(max(told))


def host_of(application: Application) -> int | None:
    """The pid of the process that the notifier has."""
    for process in procfs.children(application.manager):
        if process.alive and "notifier metrics" in procfs.title(process.pid):
            return process.pid
    return None


def test_who_kills_the_notifier_has_right_gauges_from_its_start(
    launch: Launch, server: Server
) -> None:
    running = Running(launch, configuration(server, web=2))
    application = running.application
    server.wait_for_workers(application, "web", 2, 2, 0)
    first = application.until(lambda: host_of(application), "the notifier's process")
    os.kill(first, signal.SIGKILL)
    application.wait_for_end_of(first)
    server.read()
    server.gauges.clear()
    # nothing happens, and yet it is told
    server.wait_for_workers(application, "web", 2, 2, 0)
    assert host_of(application) not in (None, first)
    os.kill(running.wait_for_counts(web=2)["web", 0], signal.SIGKILL)
    application.wait_for("worker_ready", 3)
    server.wait_for_counters(
        application,
        service__web__worker_starts=3,
        service__web__worker_exits__signal=1,
        service__web__worker_restarts__signal=1,
    )
    server.wait_for_workers(application, "web", 2, 2, 0)
    assert application.stop() == 0


def test_who_comes_by_a_reload_knows_the_workers_that_are_there(
    launch: Launch, server: Server
) -> None:
    made = configuration(server, web=2)
    made["cotyledon"]["notifiers"] = "events"
    running = Running(launch, made)
    running.succeed(configuration(server, web=2))
    server.wait_for_workers(running.application, "web", 2, 2, 0)
    running.stop()

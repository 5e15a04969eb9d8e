"""The notifier prometheus, asked by HTTP."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from cotyledon_core import ExitStatus, Ledger, WorkerId, events, replace
from cotyledon_core.process.stamps import Stamps
from cotyledon_core.testing import check_notifier, every_event
from cotyledon_core.vitals import Vitals
from cotyledon_plugins.notifiers.prometheus import server
from cotyledon_plugins.notifiers.prometheus.address import Address
from cotyledon_plugins.notifiers.prometheus.busy import BusyRatios
from cotyledon_plugins.notifiers.prometheus.notifier import Prometheus

SAMPLES: dict[str, Any] = {event.kind: event for event in every_event()}
STARTED = replace(SAMPLES["manager_started"], pid=os.getpid())
READY = SAMPLES["manager_ready"]


def worker(kind: str, number: int = 0, **fields: Any) -> Any:
    return replace(SAMPLES[kind], service="web", worker_id=WorkerId(number), **fields)


def added(workers: int) -> Any:
    return replace(SAMPLES["service_added"], service="web", workers=workers)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Exporter:
    """A notifier that listens at a free port."""

    def __init__(self, **options: Any) -> None:
        self.port = free_port()
        self.notifier = Prometheus(address=f"127.0.0.1:{self.port}", **options)

    def tell(self, *told: events.Event) -> None:
        for event in told:
            self.notifier.notify(event)

    def get(self, path: str, method: str = "GET", accept: str = "") -> tuple[int, str, str]:
        """Status, content type and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers={"Accept": accept})
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read().decode()
        finally:
            connection.close()

    def samples(self) -> dict[tuple[str, ...], float]:
        """All values, by name and label values, the service's first."""
        found = {}
        for family in text_string_to_metric_families(self.get("/metrics")[2]):
            for sample in family.samples:
                labels = sorted(sample.labels.items(), key=lambda label: label[0] != "service")
                key = (sample.name, *(value for _, value in labels))
                assert key not in found, f"{key} twice"
                found[key] = sample.value
        return found


@pytest.fixture
def exporter() -> Iterator[Callable[..., Exporter]]:
    made: list[Exporter] = []

    def make(**options: Any) -> Exporter:
        made.append(Exporter(**options))
        return made[-1]

    yield make
    for each in made:
        each.notifier.close()


def test_the_contract_of_a_notifier() -> None:
    check_notifier(Prometheus, address=f"127.0.0.1:{free_port()}")


def test_metrics_of_services_and_their_workers(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(STARTED, added(2))
    it.tell(worker("worker_spawned", pid=os.getpid()), worker("worker_ready", start_duration=0.2))
    it.tell(worker("worker_exited", 1, status=ExitStatus(code=1)), worker("worker_restarting", 1))
    found = it.samples()
    assert found["cotyledon_workers", "web", "running"] == 1
    assert found["cotyledon_workers", "web", "backoff"] == 1
    assert found["cotyledon_workers_wanted", "web"] == 2
    assert found["cotyledon_worker_restarts_total", "web", "error"] == 1
    assert found["cotyledon_worker_exits_total", "web", "error"] == 1
    assert found["cotyledon_worker_starts_total", "web"] == 1
    assert found["cotyledon_worker_start_duration_seconds_count", "web"] == 1
    assert found["cotyledon_worker_start_duration_seconds_bucket", "web", "0.1"] == 0
    assert found["cotyledon_worker_start_duration_seconds_bucket", "web", "0.25"] == 1
    assert found["cotyledon_manager_stage", "starting"] == 1
    assert found["cotyledon_reloads_total", "succeeded"] == 0
    assert found["cotyledon_worker_resident_memory_bytes", "web", "0"] > 2**20
    assert found["cotyledon_worker_cpu_seconds_total", "web", "0"] > 0
    assert ("cotyledon_worker_resident_memory_bytes", "web", "1") not in found


def test_what_an_ended_process_used_stays_counted(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(added(1), worker("worker_exited", cpu_user=40.0, cpu_system=2.0))
    assert it.samples()["cotyledon_worker_cpu_seconds_total", "web", "0"] == 42.0
    it.tell(worker("worker_spawned", incarnation=2, pid=os.getpid()))
    assert it.samples()["cotyledon_worker_cpu_seconds_total", "web", "0"] > 42.0


def test_work_that_was_measured_is_counted_over_all_processes(
    exporter: Callable[..., Exporter],
) -> None:
    it, stamps = exporter(), Stamps()
    it.notifier.vitals = Vitals(stamps)
    busy, units = (
        (f"cotyledon_worker_{name}_total", "web", "0") for name in ("busy_seconds", "units")
    )
    it.tell(added(1), worker("worker_exited", busy_seconds=40.0, units=2))
    assert (it.samples()[busy], it.samples()[units]) == (40.0, 2)
    it.tell(worker("worker_spawned", incarnation=2, pid=os.getpid()))
    stamps.occupy(0, os.getpid())
    stamps.set_used(1)
    stamps.set_busy_for(0, 1.5)
    stamps.set_units(0, 1)
    assert (it.samples()[busy], it.samples()[units]) == (41.5, 3)
    # it has ended, and the event is still to come
    stamps.clear(0)
    assert (it.samples()[busy], it.samples()[units]) == (41.5, 3)
    it.tell(worker("worker_exited", incarnation=2, busy_seconds=2.0, units=2))
    assert (it.samples()[busy], it.samples()[units]) == (42.0, 4)


@pytest.mark.parametrize(
    ("looks", "ratio"),
    [
        # since the start, where nobody has looked
        ([(130.0, 15.0)], 0.5),
        ([(100.0, 0.0)], 0.0),
        # over the last minute, however many look
        ([(110.0 + n / 10, 0.0) for n in range(500)] + [(160.0, 30.0)], 0.5),
        ([(110.0, 10.0), (130.0, 10.0), (180.0, 35.0)], 0.5),
        # since the last look
        ([(110.0, 10.0), (310.0, 60.0)], 0.25),
        # two processes, and one of which the last was not heard of
        ([(110.0, 15.0)], 1.0),
        ([(110.0, 10.0), (310.0, 9.0)], 0.0),
    ],
)
def test_busy_ratio(looks: list[tuple[float, float]], ratio: float) -> None:
    ratios = BusyRatios()
    found = [ratios.of("web(0)", (100.0, 0.0), look) for look in looks]
    assert found[-1] == pytest.approx(ratio)


def test_busy_ratio_of_a_worker(exporter: Callable[..., Exporter]) -> None:
    it, stamps = exporter(), Stamps()
    it.notifier.vitals = Vitals(stamps)
    begin = time.monotonic() - 100.0
    it.tell(added(1), replace(worker("worker_spawned", pid=os.getpid()), at=begin))
    stamps.occupy(0, os.getpid())
    stamps.set_used(1)
    stamps.set_busy_for(0, 50.0)
    key = ("cotyledon_worker_busy_ratio", "web", "0")
    assert 0.2 < it.samples()[key] < 0.51
    stamps.clear(0)
    it.tell(worker("worker_exited", busy_seconds=50.0, units=1))
    assert key in it.samples()
    it.tell(replace(SAMPLES["service_removed"], service="web"))
    assert key not in it.samples()
    stamps.close()


def test_counters_are_there_before_they_count(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(STARTED, added(1))
    before = it.samples()
    assert before["cotyledon_worker_exits_total", "web", "oom_killed"] == 0
    assert before["cotyledon_worker_restarts_total", "web", "hung"] == 0
    assert before["cotyledon_worker_hangs_total", "web", "heartbeat"] == 0
    assert before["cotyledon_hook_failures_total", "dead_worker"] == 0
    it.tell(worker("worker_hung"), worker("worker_exited"), worker("worker_restarting"))
    it.tell(SAMPLES["manager_reloaded"], replace(SAMPLES["hook_failed"], hook="reload"))
    new = {key for key in it.samples() if key[0].endswith("_total")} - before.keys()
    # the worker measures its work
    assert new == {
        (f"cotyledon_worker_{name}_total", "web", "0") for name in ("busy_seconds", "units")
    }


def test_reloads_are_summed_up(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(*(replace(SAMPLES["manager_reloaded"], duration=each) for each in (1.0, 2.5)))
    it.tell(SAMPLES["reload_failed"])
    found = it.samples()
    assert found["cotyledon_reload_duration_seconds_count",] == 2
    assert found["cotyledon_reload_duration_seconds_sum",] == 3.5


@pytest.mark.parametrize("clean", [True, False])
def test_who_has_done_its_work_is_not_missing(
    exporter: Callable[..., Exporter], clean: bool
) -> None:
    it = exporter()
    it.tell(added(2), worker("worker_exited"), worker("worker_stopped", clean=clean))
    assert it.samples()["cotyledon_workers_done", "web"] == clean
    assert it.samples()["cotyledon_workers", "web", "exited"] == 1


def test_a_service_that_does_not_measure_has_no_series_of_it(
    exporter: Callable[..., Exporter],
) -> None:
    it = exporter()
    it.tell(added(1), worker("worker_spawned", pid=os.getpid()))
    assert not [key for key in it.samples() if "busy" in key[0] or "units" in key[0]]


def test_the_time_of_a_process_that_is_gone_stays_until_its_end_is_told(
    exporter: Callable[..., Exporter],
) -> None:
    work = "sum(range(10**7)); input()"
    program = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE)
    it = exporter()
    it.tell(added(1), worker("worker_spawned", pid=program.pid))
    key = ("cotyledon_worker_cpu_seconds_total", "web", "0")
    deadline = time.monotonic() + 30
    while (used := it.samples()[key]) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    program.communicate(b"\n")
    assert it.samples()[key] >= used


def test_what_is_gone_has_no_series(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(added(2), worker("worker_spawned", 1, pid=os.getpid()))
    assert ("cotyledon_worker_uptime_seconds", "web", "1") in it.samples()
    it.tell(replace(SAMPLES["service_scaled"], service="web", old_workers=2, workers=1))
    it.tell(worker("worker_exited", 1, asked=True))
    assert not [key for key in it.samples() if key[1:] == ("web", "1")]
    it.tell(replace(SAMPLES["service_removed"], service="web"))
    assert not [key for key in it.samples() if "web" in key]


def test_counts_go_on_in_another_exporter(exporter: Callable[..., Exporter]) -> None:
    ledger, it = Ledger(), exporter()
    for event in (added(1), worker("worker_exited"), worker("worker_restarting")):
        ledger.note(event)
    it.notifier.synchronize(ledger)
    it.tell(worker("worker_restarting"))
    assert it.samples()["cotyledon_worker_restarts_total", "web", "error"] == 2


def test_heartbeats_have_an_age(exporter: Callable[..., Exporter]) -> None:
    stamps = Stamps()
    stamps.set_used(1)
    stamps.occupy(0, os.getpid())
    stamps.beat(0, time.monotonic() - 100.0)
    it = exporter()
    it.notifier.vitals = Vitals(stamps)
    it.tell(added(1), worker("worker_spawned", pid=os.getpid()))
    assert it.samples()["cotyledon_worker_heartbeat_age_seconds", "web", "0"] >= 100.0
    stamps.clear(0)
    assert ("cotyledon_worker_heartbeat_age_seconds", "web", "0") not in it.samples()
    stamps.close()


def test_events_that_are_missing_are_counted(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(replace(SAMPLES["events_dropped"], count=7))
    assert it.samples()["cotyledon_exporter_events_dropped_total",] == 7


def test_every_event_leads_to_metrics_that_openmetrics_parsers_take(
    exporter: Callable[..., Exporter],
) -> None:
    it = exporter()
    it.tell(*SAMPLES.values())
    status, content_type, text = it.get(
        "/metrics", accept="application/openmetrics-text; version=1.0.0"
    )
    assert (status, content_type.partition(";")[0]) == (200, "application/openmetrics-text")
    families = list(openmetrics_parser.text_string_to_metric_families(text))
    assert len(families) > 10
    for family in families:
        assert family.documentation.endswith(".")
        assert family.name.startswith("cotyledon_")


# -- health


def test_health_of_services(exporter: Callable[..., Exporter]) -> None:
    it = exporter(quorum="1", quorums={"web": "75%"})
    it.tell(STARTED, added(4))
    assert it.get("/readyz")[0] == 503
    it.tell(*(worker("worker_ready", number) for number in range(4)), READY)
    assert it.get("/readyz")[::2] == (200, "ok\n")
    it.tell(worker("worker_exited", 3))
    status, content_type, body = it.get("/healthz")
    assert (status, content_type) == (200, "application/health+json")
    assert json.loads(body)["status"] == "warn"
    it.tell(worker("worker_exited", 2))
    assert it.get("/healthz")[0] == 503
    assert it.get("/readyz")[::2] == (503, "web: 2/4 workers ready\n")
    assert it.get("/readyz", "HEAD")[::2] == (503, "")
    assert it.get("/livez")[::2] == (200, "ok\n")


def test_a_manager_that_stops_is_not_ready_but_lives(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(STARTED, added(0), READY)
    assert it.get("/readyz")[0] == 200
    it.tell(SAMPLES["manager_stopping"])
    assert it.get("/readyz")[0] == 503
    assert it.get("/livez")[0] == 200


def test_a_manager_that_is_gone_does_not_live(exporter: Callable[..., Exporter]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    it = exporter()
    it.tell(replace(STARTED, pid=gone.pid))
    assert it.get("/livez")[0] == 503


def test_a_manager_that_is_stuck_does_not_live(exporter: Callable[..., Exporter]) -> None:
    stamps = Stamps()
    it = exporter(stall_after=50.0)
    it.notifier.vitals = Vitals(stamps)
    it.tell(STARTED)
    stamps.turn_begins(time.monotonic())
    assert it.get("/livez")[0] == 200
    stamps.turn_begins(time.monotonic() - 51.0)
    assert it.get("/livez")[::2] == (503, "the manager has been busy for more than 50 s\n")
    stamps.turn_ends()
    assert it.get("/livez")[0] == 200
    stamps.close()


# -- the server


def test_other_paths_say_which_there_are(exporter: Callable[..., Exporter]) -> None:
    it = exporter()
    it.tell(STARTED)
    assert it.get("/")[::2] == (404, "there are /healthz, /livez, /metrics, /readyz\n")
    assert it.get("/livez?verbose")[0] == 200
    assert it.get("/metrics", "POST")[0] == 501


def test_an_address_that_is_taken_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        notifier = Prometheus(address=f"127.0.0.1:{port}")
        notifier.notify(STARTED)
        due = notifier.deadline()
        assert due is not None
        notifier.wake(due)
        assert len(caplog.messages) == 1
        assert f"127.0.0.1:{port} cannot be listened at" in caplog.messages[0]
    due = notifier.deadline()
    assert due is not None
    notifier.wake(due)
    assert notifier.deadline() is None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/livez")
    assert connection.getresponse().status == 200
    connection.close()
    notifier.close()


def test_a_unix_socket_with_its_mode_that_is_stale_first(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    notifier = Prometheus(address=f"unix:{path}", mode="0600")
    notifier.notify(STARTED)
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.0 200")
    second = Prometheus(address=f"unix:{path}")
    second.notify(STARTED)
    assert second.deadline() is not None, "somebody listens there"
    notifier.close()
    assert not path.exists()


def test_slow_clients_stop_nobody_else_and_are_bounded(
    exporter: Callable[..., Exporter],
) -> None:
    it = exporter()
    it.tell(STARTED)
    slow = [socket.create_connection(("127.0.0.1", it.port)) for _ in range(5)]
    assert it.get("/livez")[0] == 200
    slow += [
        socket.create_connection(("127.0.0.1", it.port)) for _ in range(server.MOST_CONNECTIONS)
    ]
    slow[-1].settimeout(30)
    assert slow[-1].recv(1) == b"", "one too many"
    for each in slow:
        each.close()


# -- options


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"address": "nonsense"}, "address: 'nonsense' must be host:port, 0.0.0.0:9102"),
        ({"address": "unix:s"}, "address: 'unix:s': the path of a socket must be absolute"),
        ({"address": ":9102"}, "address: ':9102' must be host:port, 0.0.0.0:9102 for all"),
        ({"address": "*:9102"}, "address: '*:9102': '*' is no name or address of a host"),
        ({"address": "[::1:9102"}, "address: '[::1:9102': '[::1' is no name or address"),
        ({"address": "::1:9102"}, "address: '::1:9102': an IPv6 address stands in brackets"),
        ({"address": "localhost:0"}, "address: 'localhost:0': the port must be from 1 to 65535"),
        ({"address": "h:99999"}, "address: 'h:99999': the port must be from 1 to 65535"),
        ({"address": f"unix:/{'x' * 107}"}, "address: the path of a socket may have 107 bytes"),
        ({"mode": "rw"}, "mode: 'rw' must be octal digits, up to 0777"),
        ({"mode": "1777"}, "mode: '1777' must be octal digits, up to 0777"),
        ({"mode": "-1"}, "mode: '-1' must be octal digits, up to 0777"),
        ({"quorum": "x"}, "quorum: 'x' is no count such as 2"),
        ({"quorums": {"web": "200%"}}, "quorums: web: '200%' is no count such as 2"),
        ({"stall_after": 0.0}, "stall_after: 0.0 must be above 0"),
    ],
)
def test_wrong_options(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}"):
        Prometheus(**options)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9102", (socket.AF_INET, "127.0.0.1", 9102)),
        ("[::1]:9102", (socket.AF_INET6, "::1", 9102)),
        ("[fe80::1%eth0]:1", (socket.AF_INET6, "fe80::1%eth0", 1)),
        ("node-1.example.org:80", (socket.AF_INET, "node-1.example.org", 80)),
        ("unix:/run/x", (socket.AF_UNIX, "/run/x", 0)),
    ],
)
def test_addresses(text: str, address: tuple[Any, ...]) -> None:
    assert tuple(Address.parse(text)) == address


def test_the_manager_loads_none_of_what_the_exporter_needs() -> None:
    """Its memory is every worker's."""
    code = (
        "import sys; from cotyledon_plugins.notifiers.prometheus.notifier import Prometheus;"
        "Prometheus();"
        "print(sorted({'psutil', 'prometheus_client', 'http.server'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

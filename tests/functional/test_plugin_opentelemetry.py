"""What an OTLP collector gets from a manager that runs from a configuration."""

from __future__ import annotations

import gzip
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.configured import Running, Sections, sections
from tests.functional.harness import Application, Launch

pytest.importorskip("opentelemetry.sdk")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}


class Collector:
    """Stands in for a collector; it decodes what it gets, and may be slow."""

    def __init__(self) -> None:
        self.spans: list[tuple[dict[str, Any], Any]] = []
        """Attributes of the resource, and the span."""
        self.metrics: dict[str, tuple[dict[str, Any], Any]] = {}
        """The last of each name."""
        self.tokens: set[str | None] = set()
        self.status = 200
        self.asked = threading.Event()
        self.open = threading.Event()
        self.open.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    data = gzip.decompress(data)
                collector.asked.set()
                collector.open.wait()
                collector.take(REQUESTS[self.path].FromString(data), self.headers["X-Token"])
                self.send_response(collector.status)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, request: Any, token: str | None) -> None:
        self.tokens.add(token)
        for of in getattr(request, "resource_spans", ()):
            found = attributes(of.resource)
            self.spans += [(found, span) for scope in of.scope_spans for span in scope.spans]
        for of in getattr(request, "resource_metrics", ()):
            found = attributes(of.resource)
            for scope in of.scope_metrics:
                self.metrics.update({metric.name: (found, metric) for metric in scope.metrics})

    def value(self, name: str, **wanted: str) -> int | None:
        """Of the point with these attributes, the last ones of their names."""
        _, metric = self.metrics.get(name, (None, None))
        for point in metric.sum.data_points if metric else ():
            found = attributes(point)
            if {key.rpartition(".")[2]: value for key, value in found.items()} == wanted:
                return int(point.as_int)
        return None

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def configuration(endpoint: str, workers: int, interval: float = 0.05) -> Sections:
    made = sections({"notifiers": "events, telemetry", "name": "lab"}, web={"workers": workers})
    made["notifier:telemetry"] = {
        "notifier_type": "opentelemetry",
        "endpoint": endpoint,
        "headers": "X-Token:secret",
        "export_interval": interval,
        "resource_attributes": "deployment.environment.name:test",
    }
    return made


def host_of(application: Application) -> int:
    """The pid of the process that the notifier has."""

    def found() -> int | None:
        for process in procfs.children(application.manager):
            if process.alive and "notifier telemetry" in procfs.title(process.pid):
                return process.pid
        return None

    return application.until(found, "the notifier's process")


def test_metrics_and_spans_of_a_run_in_which_the_host_is_killed(
    launch: Launch, collector: Collector
) -> None:
    environment = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
    running = Running(launch, configuration(collector.endpoint, 2), environment=environment)
    application = running.application

    def wait_for(count: int, name: str, **attributes: str) -> None:
        application.until(
            lambda: collector.value(name, **attributes) == count, f"{name} {attributes} = {count}"
        )

    wait_for(2, "cotyledon.workers", service="web", state="running")
    wait_for(2, "cotyledon.worker.starts", service="web")
    pids = running.wait_for_counts(web=2)
    first = host_of(application)
    os.kill(first, signal.SIGKILL)
    application.wait_for_end_of(first)
    collector.metrics.clear()
    wait_for(2, "cotyledon.worker.starts", service="web")
    os.kill(pids["web", 0], signal.SIGKILL)
    wait_for(1, "cotyledon.worker.exits", service="web", outcome="signal")
    wait_for(1, "cotyledon.worker.restarts", service="web", outcome="signal")
    wait_for(2, "cotyledon.workers", service="web", state="running")
    resource, _ = collector.metrics["cotyledon.workers"]
    assert resource["service.name"] == "lab"
    assert resource["deployment.environment.name"] == "test"
    assert application.stop() == 0

    born = {record.pid for record in application.records("worker_spawned")}
    assert attributes(collector.spans[0][1])["process.pid"] == pids["web", 0]
    assert {attributes(span)["process.pid"] for _, span in collector.spans} == born
    assert len(collector.spans) == 3
    assert {found["service.instance.id"] for found, _ in collector.spans} == {
        resource["service.instance.id"]
    }
    _, killed = collector.spans[0]
    assert killed.name == "worker web"
    assert killed.status.code == 2
    # of the time before the host was killed
    assert [event.name for event in killed.events] == ["ready"]
    assert attributes(killed)["cotyledon.worker.exit.signal"] == signal.SIGKILL
    assert collector.value("cotyledon.worker.exits", service="web", outcome="asked") == 2
    assert collector.tokens == {"secret"}


def test_a_collector_that_does_not_answer_holds_up_nobody(
    launch: Launch, collector: Collector
) -> None:
    collector.open.clear()
    running = Running(launch, configuration(collector.endpoint, 1))
    application = running.application
    assert collector.asked.wait(30)
    host = host_of(application)
    for count in range(1, 4):
        os.kill(running.wait_for_counts(web=1)["web", 0], signal.SIGKILL)
        application.wait_for("worker_exited", count)
    running.wait_for_counts(web=1)
    assert host_of(application) == host
    collector.open.set()
    application.until(
        lambda: collector.value("cotyledon.worker.exits", service="web", outcome="signal") == 3,
        "what has happened meanwhile",
    )
    collector.open.clear()
    assert application.stop() == 0


def test_a_close_that_gets_no_answer_is_bounded(collector: Collector) -> None:
    from cotyledon_plugins.notifiers.opentelemetry.pipeline import Pipeline, resource

    collector.open.clear()
    pipeline = Pipeline(collector.endpoint, {}, 3600.0, resource("it", "1", {}))
    pipeline.spans.get_tracer("test").start_span("it").end()
    done = threading.Event()

    def close() -> None:
        pipeline.close(0.2)
        done.set()

    threading.Thread(target=close).start()
    assert done.wait(30), "it waits for the answer"
    assert not collector.open.is_set()


def test_a_collector_that_is_down_is_told_once_and_again_when_it_is_back(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    from cotyledon_plugins.notifiers.opentelemetry.pipeline import Pipeline, resource

    collector.status = 404
    pipeline = Pipeline(collector.endpoint, {}, 3600.0, resource("it", "1", {}))
    try:
        pipeline.metrics.get_meter("test").create_counter("it").add(1)
        for _ in range(3):
            pipeline.metrics.force_flush()
        first, second = caplog.messages
        assert "404" in first
        assert second == "no metrics are exported until the collector takes them"
        collector.status = 200
        for _ in range(3):
            pipeline.metrics.force_flush()
        assert caplog.messages[2:] == ["metrics are exported again, 3 times they were not"]
        collector.status = 404
        pipeline.metrics.force_flush()
        assert len(caplog.messages) == 5
    finally:
        collector.status = 200
        pipeline.close(30)


def test_nobody_listens(launch: Launch) -> None:
    running = Running(launch, configuration("http://127.0.0.1:1", 1))
    os.kill(running.wait_for_counts(web=1)["web", 0], signal.SIGKILL)
    running.application.wait_for("worker_ready", 2)
    host = host_of(running.application)
    running.succeed(configuration("http://127.0.0.1:1", 2))
    assert host_of(running.application) == host
    running.stop()

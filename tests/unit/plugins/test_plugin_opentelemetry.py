"""The spans and metrics of the notifier ``opentelemetry``, in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any
from uuid import UUID

import pytest

from cotyledon_core import Cause, ExitStatus, Ledger, Phase, ServiceId, WorkerId, events

pytest.importorskip("opentelemetry.sdk")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from cotyledon_plugins.notifiers.opentelemetry import lives as lives_module
from cotyledon_plugins.notifiers.opentelemetry import notifier as opentelemetry
from cotyledon_plugins.notifiers.opentelemetry.lives import Lives
from cotyledon_plugins.notifiers.opentelemetry.metrics import Metrics
from cotyledon_plugins.notifiers.opentelemetry.notifier import OpenTelemetry
from cotyledon_plugins.notifiers.opentelemetry.pipeline import resource

SERVICE = {"service": "web", "service_id": ServiceId(UUID(int=1))}
OF_ENVIRONMENT = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OF_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


class Told:
    """What a test tells; ``at`` and the wall clock differ by 1,000 seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def service(self, event: type[events.Event], **fields: Any) -> events.Event:
        return event(at=self.now, wall_time=1000 + self.now, **{**SERVICE, **fields})

    def worker(
        self, event: type[events.Event], worker_id: int = 0, incarnation: int = 1, **fields: Any
    ) -> events.Event:
        of = {"worker_id": WorkerId(worker_id), "incarnation": incarnation, "pid": 42}
        return self.service(event, **{**of, **fields})

    def ready(self, incarnation: int = 1) -> events.Event:
        return self.worker(events.WorkerReady, 0, incarnation, start_duration=0.5)

    def exited(self, incarnation: int = 1, **fields: Any) -> events.Event:
        usual = {
            "status": ExitStatus(code=3),
            "cause": Cause.EXITED,
            "phase": Phase.RUN,
            "uptime": 5.0,
            "asked": False,
        }
        return self.worker(events.WorkerExited, 0, incarnation, **{**usual, **fields})


@pytest.fixture
def told() -> Told:
    return Told()


# -- spans


class Spans:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.lives = Lives(self._provider.get_tracer("test"))

    def made(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def spans() -> Spans:
    return Spans()


def moments(span: ReadableSpan) -> list[tuple[str, float]]:
    return [(event.name, event.timestamp / 1e9) for event in span.events]


def test_a_life_is_a_span(spans: Spans, told: Told) -> None:
    told.now = 10.0
    spans.lives.note(told.worker(events.WorkerSpawned))
    told.now = 10.5
    spans.lives.note(told.ready())
    told.now = 12.0
    spans.lives.note(told.worker(events.WorkerStatus, text="busy"))
    told.now = 14.0
    hung = told.worker(events.WorkerHung, waited_for=events.Waited.HEARTBEAT, dump="stacks")
    spans.lives.note(hung)
    assert spans.made() == []
    told.now = 15.0
    spans.lives.note(told.exited(cpu_user=0.25, peak_memory=4096))
    (span,) = spans.made()
    assert span.name == "worker web"
    assert (span.start_time, span.end_time) == (1010 * 10**9, 1015 * 10**9)
    assert moments(span) == [("ready", 1010.5), ("status", 1012), ("hung", 1014)]
    assert span.events[2].attributes == {
        "cotyledon.worker.waited_for": "heartbeat",
        "cotyledon.worker.stacks": "stacks",
    }
    assert dict(span.attributes or {}) == {
        "cotyledon.service": "web",
        "cotyledon.worker.id": 0,
        "cotyledon.worker.incarnation": 1,
        "cotyledon.worker.outcome": "error",
        "cotyledon.worker.phase": "run",
        "process.pid": 42,
        "process.exit.code": 3,
        "cotyledon.worker.cpu.user": 0.25,
        "cotyledon.worker.memory.peak": 4096,
    }


@pytest.mark.parametrize(
    ("end", "code", "text"),
    [
        ({"status": ExitStatus(code=0)}, StatusCode.UNSET, None),
        ({"asked": True}, StatusCode.UNSET, None),
        ({"detail": "why"}, StatusCode.ERROR, "error, exit status 3: why"),
        ({"asked": True, "forced": True}, StatusCode.ERROR, "forced, exit status 3"),
        ({"status": ExitStatus(signal=11)}, StatusCode.ERROR, f"signal, {ExitStatus(signal=11)}"),
        ({"cause": Cause.HUNG}, StatusCode.ERROR, "hung, exit status 3"),
    ],
)
def test_a_bad_end_is_an_error(
    spans: Spans, told: Told, end: dict[str, Any], code: StatusCode, text: str | None
) -> None:
    spans.lives.note(told.exited(**end))
    (span,) = spans.made()
    assert span.status.status_code is code
    assert span.status.description == text


def test_each_life_is_a_trace_that_is_linked_to_the_one_before(spans: Spans, told: Told) -> None:
    for incarnation in (1, 2):
        spans.lives.note(told.exited(incarnation))
    spans.lives.note(told.service(events.ServiceRemoved))
    spans.lives.note(told.exited(1))
    first, second, other = spans.made()
    assert first.context
    assert second.context
    assert first.context.trace_id != second.context.trace_id
    assert [link.context for link in second.links] == [first.context]
    assert first.links == other.links == ()
    assert first.parent is second.parent is None


def test_without_a_process_there_is_no_life(spans: Spans, told: Told) -> None:
    spans.lives.note(told.exited(pid=None, cause=Cause.SPAWN_FAILED, uptime=0.0))
    assert spans.made() == []


def test_only_the_last_statuses_are_kept(spans: Spans, told: Told) -> None:
    spans.lives.note(told.ready())
    for number in range(lives_module.STATUSES_KEPT + 5):
        told.now = 1.0 + number
        spans.lives.note(told.worker(events.WorkerStatus, text=str(number)))
    spans.lives.note(told.exited())
    (span,) = spans.made()
    assert [event.name for event in span.events][:2] == ["ready", "status"]
    assert len(span.events) == 1 + lives_module.STATUSES_KEPT
    assert (span.events[1].attributes or {})["cotyledon.worker.status"] == "5"


def test_a_jump_of_the_wall_clock_leaves_durations_as_they_are(spans: Spans, told: Told) -> None:
    told.now = 10.5
    spans.lives.note(told.ready())
    told.now = 15.0
    jumped = told.exited()
    jumped = type(jumped)(
        **{name: getattr(jumped, name) for name in jumped.field_names if name != "wall_time"},
        wall_time=5000.0,
    )
    spans.lives.note(jumped)
    (span,) = spans.made()
    assert (span.start_time, span.end_time) == (4995 * 10**9, 5000 * 10**9)
    assert moments(span) == [("ready", 4995.5)]


def test_who_comes_late_knows_who_is_ready(spans: Spans, told: Told) -> None:
    ledger = Ledger()
    told.now = 10.0
    ledger.note(told.service(events.ServiceAdded, workers=1))
    ledger.note(told.worker(events.WorkerSpawned))
    told.now = 10.5
    ledger.note(told.ready())
    spans.lives.synchronize(ledger)
    spans.lives.synchronize(ledger)
    told.now = 15.0
    spans.lives.note(told.exited())
    (span,) = spans.made()
    assert moments(span) == [("ready", 1010.5)]


def test_who_has_missed_an_end_forgets_that_life(spans: Spans, told: Told) -> None:
    spans.lives.note(told.ready())
    spans.lives.synchronize(Ledger())
    assert spans.lives._lives == {}


# -- metrics

Points = dict[tuple[str, ...], float]


class Shown:
    """The metrics of a ledger."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.metrics = Metrics(provider.get_meter("test"), Lock())
        self.metrics.ledger = Ledger()

    def note(self, *told: events.Event) -> None:
        for event in told:
            if self.metrics.ledger is not None:
                self.metrics.ledger.note(event)
            self.metrics.note(event)

    def all(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for of_resource in data.resource_metrics
            for of_scope in of_resource.scope_metrics
            for metric in of_scope.metrics
            if metric.name.startswith("cotyledon.")
        }

    def points(self, name: str) -> Points:
        """Values by those of their attributes."""
        metric = self.all().get(name)
        return {
            tuple(map(str, (point.attributes or {}).values())): getattr(point, "value", None)
            or getattr(point, "sum", 0)
            for point in (metric.data.data_points if metric else ())
        }


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_metrics_of_workers(shown: Shown, told: Told) -> None:
    shown.note(told.service(events.ServiceAdded, workers=3))
    shown.note(told.worker(events.WorkerSpawned), told.ready(), told.exited())
    shown.note(told.worker(events.WorkerRestarting, delay=1.0))
    assert shown.points("cotyledon.workers") == {
        ("web", state): count
        for state, count in {
            "stopped": 2,
            "starting": 0,
            "running": 0,
            "backoff": 1,
            "exited": 0,
            "fatal": 0,
        }.items()
    }
    assert shown.points("cotyledon.workers.wanted") == {("web",): 3}
    assert shown.points("cotyledon.services.given_up") == {("web",): 0}
    assert shown.points("cotyledon.worker.starts") == {("web",): 1}
    assert shown.points("cotyledon.worker.restarts") == {("web", "error"): 1}
    assert shown.points("cotyledon.worker.exits") == {("web", "error"): 1}
    assert shown.points("cotyledon.worker.start.duration") == {("web",): 0.5}
    shown.note(
        told.worker(events.WorkerHung, waited_for=events.Waited.END, dump=""),
        told.worker(events.WorkerRecycled, reason="x"),
        told.service(events.ServiceGivenUp, reason="x"),
    )
    assert shown.points("cotyledon.worker.hangs") == {("web", "end"): 1}
    assert shown.points("cotyledon.worker.recycles") == {("web",): 1}
    assert shown.points("cotyledon.services.given_up") == {("web",): 1}


def test_a_service_that_is_gone_is_shown_no_more(shown: Shown, told: Told) -> None:
    shown.note(told.service(events.ServiceAdded, workers=1))
    assert shown.points("cotyledon.workers.wanted")
    shown.note(told.service(events.ServiceRemoved))
    assert shown.points("cotyledon.workers.wanted") == {}


def test_metrics_of_the_manager(shown: Shown) -> None:
    shown.note(
        events.ManagerReloaded(1.0, 2.0, duration=0.25),
        events.ReloadFailed(1.0, 2.0, error="no"),
        events.HookFailed(1.0, 2.0, hook="reload", error="no"),
        events.EventsDropped(1.0, 2.0, count=7, reason="slow"),
    )
    assert shown.points("cotyledon.reloads") == {("succeeded",): 1, ("refused",): 1}
    assert shown.points("cotyledon.hook.failures") == {("reload",): 1}
    assert shown.points("cotyledon.reload.duration") == {(): 0.25}
    assert shown.points("cotyledon.events.dropped") == {(): 7}


def test_what_is_not_known_is_not_shown(shown: Shown, told: Told) -> None:
    shown.note(told.service(events.ServiceAdded, workers=1))
    shown.metrics.ledger = None
    assert shown.all() == {}


def test_names_and_units(shown: Shown, told: Told) -> None:
    shown.note(told.service(events.ServiceAdded, workers=1), told.ready(), told.exited())
    for metric in shown.all().values():
        assert metric.name == metric.name.lower()
        assert metric.unit == "s" if metric.name.endswith("duration") else metric.unit[0] == "{"
        assert metric.description


# -- the resource


@pytest.mark.parametrize(
    ("environment", "given", "name"),
    [
        ({}, {}, "manager"),
        ({"OTEL_SERVICE_NAME": "of-environment"}, {}, "of-environment"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=attribute"}, {}, "attribute"),
        ({"OTEL_SERVICE_NAME": "of-environment"}, {"service.name": "option"}, "option"),
    ],
)
def test_the_name_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
    environment: Mapping[str, str],
    given: Mapping[str, str],
    name: str,
) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert resource("manager", "instance", given).attributes["service.name"] == name


def test_the_instance_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def instance(**given: str) -> object:
        more = {name.replace("_", "."): value for name, value in given.items()}
        return resource("manager", "made", more).attributes["service.instance.id"]

    assert instance() == "made"
    assert instance(service_instance_id="option") == "option"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=given,a=b")
    assert instance() == "given"


# -- options


@pytest.fixture
def no_exports() -> Iterator[None]:
    """Nothing is loaded that was not before."""
    before = {name for name in sys.modules if name.startswith("opentelemetry.sdk")}
    yield
    assert {name for name in sys.modules if name.startswith("opentelemetry.sdk")} == before


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"endpoint": "localhost:4318"}, "endpoint: 'localhost:4318' must be a URL"),
        ({"endpoint": "http://"}, "endpoint: 'http://' must"),
        ({"endpoint": "http://a:99999"}, "endpoint: 'http://a:99999' must"),
        ({"headers": {"a b": "c"}}, "headers: 'a b' must"),
        ({"headers": {"a": "secret\n"}}, "headers: 'a' must(?!.*secret)"),
        ({"export_interval": 0.0}, "export_interval: 0 must be more than 0"),
        ({"export_interval": float("inf")}, "export_interval: inf must"),
        ({"export_interval": float("nan")}, "export_interval: nan must"),
        ({"service_name": " "}, "service_name: ' ' must not be empty"),
    ],
)
def test_wrong_options(options: dict[str, Any], fault: str, no_exports: None) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        OpenTelemetry(**options)


def test_each_fault_has_a_line() -> None:
    with pytest.raises(ValueError, match=r"^endpoint: .*\nexport_interval: .*$"):
        OpenTelemetry.check_options(endpoint="x", export_interval=-1.0)


@pytest.mark.parametrize("package", ["opentelemetry", "opentelemetry.sdk"])
def test_without_the_package_one_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setattr(
        opentelemetry, "find_spec", lambda name: None if name.startswith(package) else object()
    )
    with pytest.raises(
        ValueError, match=r"^[^\n]*opentelemetry-sdk[^\n]*cotyledon-core\[opentelemetry\][^\n]*$"
    ):
        OpenTelemetry()


def test_who_was_told_nothing_closes_at_once() -> None:
    OpenTelemetry(endpoint="http://127.0.0.1:1").close()

"""The notifier ``opentelemetry``: metrics, and a span for each worker's process, by OTLP.

The SDK exports on threads of its own, from bounded queues: a collector that is slow or down
costs what does not fit, and nothing else. It begins to when the manager is known, by its start
or by a ledger; what comes before waits.
"""

from __future__ import annotations

import math
import re
import socket
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from cotyledon_core import Event, Ledger, Notifier, events

if TYPE_CHECKING:
    from cotyledon_plugins.notifiers.opentelemetry.lives import Lives
    from cotyledon_plugins.notifiers.opentelemetry.metrics import Metrics
    from cotyledon_plugins.notifiers.opentelemetry.pipeline import Pipeline

CLOSE_WITHIN = 3.0
"""Seconds for the last export."""
EARLY_LIMIT = 1000
"""Events that may wait until the manager is known."""

MISSING = (
    "the notifier opentelemetry needs the packages opentelemetry-sdk and "
    "opentelemetry-exporter-otlp-proto-http, which are not installed; "
    "pip install 'cotyledon-core[opentelemetry]' brings them"
)


class OpenTelemetry(Notifier):
    """Sends metrics and spans to a collector.

    :param endpoint: the collector's base URL, to which ``/v1/traces`` and ``/v1/metrics`` are
        added; the environment's ``OTEL_EXPORTER_OTLP_ENDPOINT`` unless given.
    :param headers: HTTP headers of each request.
    :param export_interval: seconds between two exports of metrics.
    :param service_name: the resource's ``service.name``; else the manager's name.
    :param resource_attributes: further attributes of the resource.
    :raises ValueError: for a wrong option, or if the SDK is not installed.
    """

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt(
                "endpoint",
                help="The base URL of the OTLP collector, such as http://localhost:4318; "
                "/v1/traces and /v1/metrics are added. OTEL_EXPORTER_OTLP_ENDPOINT unless given.",
            ),
            cfg.DictOpt(
                "headers",
                default={},
                secret=True,
                help="HTTP headers of each request, as NAME:VALUE, separated by commas. "
                "OTEL_EXPORTER_OTLP_HEADERS unless given.",
            ),
            cfg.FloatOpt(
                "export_interval",
                help="Seconds between two exports of metrics. OTEL_METRIC_EXPORT_INTERVAL (in "
                "milliseconds) unless given, else 60.",
            ),
            cfg.StrOpt(
                "service_name",
                help="The resource's service.name. OTEL_SERVICE_NAME unless given, else the "
                "manager's name.",
            ),
            cfg.DictOpt(
                "resource_attributes",
                default={},
                help="Further attributes of the resource, as NAME:VALUE, separated by commas.",
            ),
        ]

    @classmethod
    def check_options(
        cls,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
        export_interval: float | None = None,
        service_name: str | None = None,
        resource_attributes: Mapping[str, str] | None = None,
    ) -> None:
        """
        :raises ValueError: with a line for each fault, and one if the SDK is not installed.
        """
        faults = [] if _installed() else [MISSING]
        if endpoint is not None and not _is_url(endpoint):
            faults.append(f"endpoint: {endpoint!r} must be a URL such as http://localhost:4318")
        for name, value in (headers or {}).items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value.isprintable():
                # the value may be a secret
                faults.append(f"headers: {name!r} must be a header's name, its value printable")
        if export_interval is not None and not 0 < export_interval < math.inf:
            faults.append(f"export_interval: {export_interval:g} must be more than 0")
        if service_name is not None and not service_name.strip():
            faults.append(f"service_name: {service_name!r} must not be empty")
        if faults:
            raise ValueError("\n".join(faults))

    def __init__(
        self,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
        export_interval: float | None = None,
        service_name: str | None = None,
        resource_attributes: Mapping[str, str] | None = None,
    ) -> None:
        self.check_options(endpoint, headers, export_interval, service_name, resource_attributes)
        self._endpoint = endpoint or ""
        self._headers = headers or {}
        self._interval = export_interval
        self._attributes = dict(resource_attributes or {})
        if service_name is not None:
            self._attributes["service.name"] = service_name
        self._lock = threading.Lock()
        self._ledger = Ledger()
        self._early: deque[Event] = deque(maxlen=EARLY_LIMIT)
        self._pipeline: Pipeline | None = None
        self._lives: Lives | None = None
        self._metrics: Metrics | None = None

    def notify(self, event: Event) -> None:
        with self._lock:
            self._ledger.note(event)
        if isinstance(event, events.ManagerStarted):
            self._open()
        if isinstance(event, events.EventsDropped):
            self._show(None)
        if self._pipeline is None:
            self._early.append(event)
        else:
            self._pass_on(event)

    def synchronize(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._open()
        if self._lives is not None:
            self._lives.synchronize(ledger)

    def close(self) -> None:
        if self._pipeline is not None:
            self._pipeline.close(CLOSE_WITHIN)

    def _open(self) -> None:
        """Begin to export what the ledger shows, which has all events now."""
        if self._pipeline is None:
            from cotyledon_plugins.notifiers.opentelemetry.lives import Lives
            from cotyledon_plugins.notifiers.opentelemetry.metrics import Metrics
            from cotyledon_plugins.notifiers.opentelemetry.pipeline import Pipeline, resource

            of = resource(self._ledger.name, _instance(self._ledger), self._attributes)
            self._pipeline = Pipeline(self._endpoint, self._headers, self._interval, of)
            self._lives = Lives(self._pipeline.spans.get_tracer("cotyledon_core"))
            self._metrics = Metrics(self._pipeline.metrics.get_meter("cotyledon_core"), self._lock)
            for event in self._early:
                self._pass_on(event)
            self._early.clear()
        self._show(self._ledger)

    def _show(self, ledger: Ledger | None) -> None:
        if self._metrics is not None:
            with self._lock:
                self._metrics.ledger = ledger

    def _pass_on(self, event: Event) -> None:
        assert self._lives is not None
        assert self._metrics is not None
        self._lives.note(event)
        self._metrics.note(event)


def _instance(ledger: Ledger) -> str:
    """The same for all processes that this notifier has while a manager runs."""
    run = f"cotyledon:{socket.gethostname()}:{ledger.pid}:{ledger.started_wall_time}"
    return str(uuid5(NAMESPACE_URL, run))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # raises for an impossible one
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _installed() -> bool:
    # not imported: this runs in the manager, whose memory every worker gets
    return all(map(_found, ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")))


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False

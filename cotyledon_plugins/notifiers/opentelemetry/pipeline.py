"""The SDK, and its exporters over OTLP and HTTP.

They export on threads of their own, from queues that the SDK bounds.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

LOG = logging.getLogger(__name__)


class Pipeline:
    """Where spans and metrics go.

    :param endpoint: the collector's base URL; empty leaves it to the environment.
    :param headers: for each request, beside those of the environment if empty.
    :param interval: seconds between two exports of metrics; None leaves it to the environment.
    """

    def __init__(
        self,
        endpoint: str,
        headers: Mapping[str, str],
        interval: float | None,
        resource: Resource,
    ) -> None:
        sent = dict(headers) or None
        base = endpoint.rstrip("/")
        self.spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        spans = OTLPSpanExporter(endpoint=f"{base}/v1/traces" if base else None, headers=sent)
        metrics = OTLPMetricExporter(endpoint=f"{base}/v1/metrics" if base else None, headers=sent)
        self._troubles = [Trouble("spans", spans), Trouble("metrics", metrics)]
        self.spans.add_span_processor(BatchSpanProcessor(spans))
        reader = PeriodicExportingMetricReader(
            metrics, export_interval_millis=None if interval is None else interval * 1000
        )
        self.metrics = MeterProvider([reader], resource=resource, shutdown_on_exit=False)

    def close(self, within: float) -> None:
        """Export what is left, for so many seconds at most."""
        end = time.monotonic() + within
        threads = [
            threading.Thread(target=provider.shutdown, daemon=True)
            for provider in (self.spans, self.metrics)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))
        for trouble in self._troubles:
            trouble.close()
        if any(thread.is_alive() for thread in threads):
            LOG.warning("the collector was too slow, some spans and metrics are lost")


class Trouble(logging.Filter):
    """Has an exporter complain once, and says when it works again.

    By itself it logs each attempt, which is several lines a minute while a collector is down.

    :param what: it exports.
    """

    def __init__(self, what: str, exporter: Any) -> None:
        super().__init__()
        self._what = what
        self._complained = False
        self._failures = 0
        self._export = exporter.export
        exporter.export = self.export
        self._logger = logging.getLogger(type(exporter).__module__)
        self._logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        complained, self._complained = self._complained, True
        return not complained

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """What the exporter does."""
        result = self._export(*args, **kwargs)
        if result.name != "SUCCESS":
            self._failures += 1
            if self._failures == 1:
                LOG.warning("no %s are exported until the collector takes them", self._what)
            return result
        if self._failures:
            LOG.warning("%s are exported again, %d times they were not", self._what, self._failures)
        self._complained, self._failures = False, 0
        return result

    def close(self) -> None:
        """Leave the exporter's logger alone."""
        self._logger.removeFilter(self)


def resource(name: str, instance: str, given: Mapping[str, str]) -> Resource:
    """What the telemetry is of.

    :param name: for ``service.name``, unless the environment or ``given`` has one.
    :param instance: for ``service.instance.id``, likewise.
    """
    of_environment = Resource.create()
    attributes = {SERVICE_NAME: name, SERVICE_INSTANCE_ID: instance}
    if not str(of_environment.attributes[SERVICE_NAME]).startswith("unknown_service"):
        del attributes[SERVICE_NAME]
    # the SDK's own default differs in each process
    if _has_instance(given):
        del attributes[SERVICE_INSTANCE_ID]
    return of_environment.merge(Resource({**attributes, **given}))


def _has_instance(given: Mapping[str, str]) -> bool:
    named = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return SERVICE_INSTANCE_ID in given or SERVICE_INSTANCE_ID in named

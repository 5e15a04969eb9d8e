"""The SDK, and its exporters over OTLP and HTTP.

They export on threads of their own, from queues that the SDK bounds.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping

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
        self.spans.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=f"{base}/v1/traces" if base else None, headers=sent)
            )
        )
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=f"{base}/v1/metrics" if base else None, headers=sent),
            export_interval_millis=None if interval is None else interval * 1000,
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
        if any(thread.is_alive() for thread in threads):
            LOG.warning("the collector was too slow, some spans and metrics are lost")


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

"""The notifier prometheus beside a real manager."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.configured import Running, Sections, sections
from tests.functional.harness import Launch

parser = pytest.importorskip("prometheus_client.parser")

DEATHS = 30

Samples = dict[tuple[str, ...], float]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configuration(
    port: int, changes: Mapping[str, Any] | None = None, /, **workers: int
) -> Sections:
    """
    :param changes: to [cotyledon].
    """
    made = sections(
        {"notifiers": "events, prometheus", **(changes or {})},
        **{name: {"workers": count} for name, count in workers.items()},
    )
    made["notifier:prometheus"] = {"address": f"127.0.0.1:{port}"}
    return made


class Scraped:
    """A manager whose exporter is asked.

    :param changes: to [cotyledon].
    """

    def __init__(
        self, launch: Launch, changes: Mapping[str, Any] | None = None, /, **workers: int
    ) -> None:
        self.port = free_port()
        self.running = Running(launch, configuration(self.port, changes, **workers))
        self.application = self.running.application
        self.application.until(lambda: self.get("/livez") == 200, "the exporter")

    def ask(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def get(self, path: str) -> int | None:
        """The status; None if nobody listens."""
        try:
            return self.ask(path)[0]
        except (ConnectionError, http.client.HTTPException):
            return None

    def samples(self) -> Samples:
        """All values by name and label values, the service's first."""
        found: Samples = {}
        for family in parser.text_string_to_metric_families(self.ask("/metrics")[1].decode()):
            for sample in family.samples:
                labels = sorted(sample.labels.items(), key=lambda label: label[0] != "service")
                found[sample.name, *(value for _, value in labels)] = sample.value
        return found

    def wait_for(self, *key: str, value: float) -> None:
        def found() -> bool:
            try:
                return self.samples().get(key) == value
            except (ConnectionError, http.client.HTTPException):
                return False

        self.application.until(found, f"{key} to be {value}")

    def host(self) -> int | None:
        """The exporter's pid."""
        for child in procfs.children(self.application.manager):
            # it may end meanwhile
            with contextlib.suppress(OSError):
                if child.alive and "notifier prometheus" in procfs.title(child.pid):
                    return child.pid
        return None


def counters(samples: Samples) -> Samples:
    return {key: value for key, value in samples.items() if key[0].endswith("_total")}


def test_start_kill_scale_reload_and_stop(launch: Launch) -> None:
    scraped = Scraped(launch, web=2, aside=1)
    application = scraped.application
    scraped.wait_for("cotyledon_workers", "web", "running", value=2)
    application.until(lambda: scraped.get("/readyz") == 200, "readiness")
    health = json.loads(scraped.ask("/healthz")[1])
    assert (health["status"], set(health["checks"])) == ("pass", {"web:workers", "aside:workers"})
    found = scraped.samples()
    assert found["cotyledon_worker_resident_memory_bytes", "web", "1"] > 2**20
    victim = next(
        record.pid for record in application.records("worker_spawned") if record.service == "web"
    )
    os.kill(victim, signal.SIGKILL)
    scraped.wait_for("cotyledon_worker_restarts_total", "web", "signal", value=1)
    scraped.wait_for("cotyledon_workers", "web", "running", value=2)
    # the address stays the same, though the host of before may hold it for a moment
    scraped.running.reload(configuration(scraped.port, web=3))
    scraped.wait_for("cotyledon_workers_wanted", "web", value=3)
    scraped.wait_for("cotyledon_reloads_total", "succeeded", value=1)
    application.until(
        lambda: not [key for key in scraped.samples() if "aside" in key],
        "the end of the removed service's series",
    )
    assert application.stop() == 0
    assert scraped.get("/livez") is None


def test_who_kills_the_exporter_finds_all_counts_again(launch: Launch) -> None:
    scraped = Scraped(launch, web=2)
    scraped.wait_for("cotyledon_worker_starts_total", "web", value=2)
    for count in range(1, 4):
        victim = scraped.application.records("worker_spawned")[-1].pid
        os.kill(victim, signal.SIGKILL)
        scraped.wait_for("cotyledon_worker_starts_total", "web", value=2 + count)
    before = scraped.samples()
    host = scraped.host()
    assert host is not None
    os.kill(host, signal.SIGKILL)
    scraped.application.until(lambda: scraped.host() not in (host, None), "another exporter")
    scraped.wait_for("cotyledon_worker_starts_total", "web", value=5)
    after = counters(scraped.samples())
    for key, value in counters(before).items():
        assert after[key] >= value, key
    assert before.keys() == scraped.samples().keys()
    assert scraped.application.stop() == 0


def test_a_stopped_manager_does_not_live(launch: Launch) -> None:
    scraped = Scraped(launch, web=1)
    manager = scraped.application.manager
    os.kill(manager, signal.SIGSTOP)
    try:
        scraped.application.until(lambda: scraped.get("/livez") == 503, "the failure")
    finally:
        os.kill(manager, signal.SIGCONT)
    scraped.application.until(lambda: scraped.get("/livez") == 200, "the recovery")
    assert scraped.application.stop() == 0


def test_the_middleware_reports_what_the_exporter_says(launch: Launch) -> None:
    middleware = pytest.importorskip("oslo_middleware")
    webob = pytest.importorskip("webob")
    scraped = Scraped(launch, web=1)
    scraped.application.until(lambda: scraped.get("/healthz") == 200, "health")
    app: Any = middleware.Healthcheck.app_factory(
        {},
        backends="cotyledon",
        cotyledon_address=f"127.0.0.1:{scraped.port}",
        cotyledon_timeout=30,
    )
    assert webob.Request.blank("/").get_response(app).status_int == 200
    assert scraped.application.stop() == 0
    assert webob.Request.blank("/").get_response(app).status_int == 503


def test_restarts_add_no_series(launch: Launch) -> None:
    scraped = Scraped(launch, {"restart_delay": 0}, web=2)
    application = scraped.application

    def kill_one(deaths: int) -> None:
        os.kill(application.wait_for("worker_ready", 2 + deaths)[-1].pid, signal.SIGKILL)

    def series_after(deaths: int) -> set[tuple[str, ...]]:
        application.wait_for("worker_ready", 2 + deaths)
        scraped.wait_for("cotyledon_worker_starts_total", "web", value=2 + deaths)
        scraped.wait_for("cotyledon_workers", "web", "running", value=2)
        return set(scraped.samples())

    kill_one(0)
    first = series_after(1)
    for deaths in range(1, DEATHS):
        kill_one(deaths)
    assert series_after(DEATHS) == first
    assert application.stop() == 0


def test_a_removed_service_is_unknown_to_the_next_exporter(launch: Launch) -> None:
    scraped = Scraped(launch, web=1, aside=1)
    scraped.running.succeed(configuration(scraped.port, web=1))
    host = scraped.host()
    assert host is not None
    os.kill(host, signal.SIGKILL)
    scraped.application.until(lambda: scraped.host() not in (host, None), "another exporter")
    scraped.wait_for("cotyledon_workers", "web", "running", value=1)
    assert not [key for key in scraped.samples() if "aside" in key]
    assert scraped.application.stop() == 0


def test_a_manager_whose_stop_is_delayed_lives_but_is_not_ready(launch: Launch) -> None:
    scraped = Scraped(launch, {"stop_delay": 50}, web=1)
    application = scraped.application
    application.until(lambda: scraped.get("/readyz") == 200, "readiness")
    application.send(signal.SIGTERM)
    application.until(lambda: scraped.get("/readyz") == 503, "the end of readiness")
    assert (scraped.get("/livez"), scraped.get("/healthz")) == (200, 503)
    scraped.wait_for("cotyledon_workers", "web", "running", value=1)
    # at once
    application.stop(signal.SIGINT)

"""The samples in etc/ for Prometheus, Grafana and Kubernetes fit what there is."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from cotyledon_core import Ledger, replace
from cotyledon_core.testing import every_event
from cotyledon_plugins.notifiers.prometheus.metrics import ManagerMetrics

ETC = Path(__file__).resolve().parents[2] / "etc"
ALERTS = ETC / "prometheus" / "alerts.yml"
DASHBOARD = ETC / "grafana" / "cotyledon.json"
MANIFEST = ETC / "kubernetes" / "cotyledon.yaml"
NOT_OURS = {"up"}
HIDDEN = {"cotyledon_worker_heartbeat_age_seconds"}
"""Of workers with a watchdog only."""
HISTORY = (
    "manager_started",
    "service_added",
    "worker_spawned",
    "worker_ready",
    "worker_hung",
    "worker_exited",
    "worker_restarting",
    "worker_recycled",
    "worker_spawned",
    "manager_reloaded",
    "hook_failed",
)


def metrics_text() -> bytes:
    """What an exporter serves that has been told something of everything."""
    samples = {event.kind: event for event in every_event()}
    ledger = Ledger()
    for kind in HISTORY:
        event: Any = samples[kind]
        known = {"pid": os.getpid()} if "pid" in event.field_names else {}
        ledger.note(replace(event, **known))

    class Collector:
        def collect(self) -> Iterator[Any]:
            return ManagerMetrics(None).of(ledger, 0)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry)


def served() -> set[str]:
    families = text_string_to_metric_families(metrics_text().decode())
    return {sample.name for family in families for sample in family.samples} | HIDDEN


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def named_in(expression: str) -> set[str]:
    """The metrics of an expression: what selectors and nothing else may be."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", "", expression)
    return set(re.findall(r"\bcotyledon_\w+|\bup\b", bare))


def dashboard_expressions() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [item["query"] for item in dashboard["templating"]["list"]]
    return panels + [query for query in variables if "(" in query]


def test_every_metric_of_the_alerts_exists() -> None:
    assert len(rules()) > 5
    for rule in rules():
        found = named_in(rule["expr"])
        assert found, rule["expr"]
        assert found <= served() | NOT_OURS, found - served()
        assert rule["annotations"]["summary"]


def test_every_metric_of_the_dashboard_exists() -> None:
    expressions = dashboard_expressions()
    assert len(expressions) > 10
    for expression in expressions:
        found = named_in(expression)
        assert found, expression
        assert found <= served(), found - served()


def test_workers_of_different_managers_are_not_mixed_in_the_dashboard() -> None:
    groups = [
        set(re.split(r",\s*", found))
        for expression in dashboard_expressions()
        for found in re.findall(r"by \(([^)]*)\)", expression)
    ]
    of_workers = [labels for labels in groups if "worker" in labels]
    assert len(of_workers) > 2
    assert all("instance" in labels for labels in of_workers)


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def manifest() -> tuple[configparser.ConfigParser, dict[str, Any]]:
    """The configuration, and the pod."""
    config_map, deployment = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    configuration = configparser.ConfigParser(interpolation=None)
    configuration.read_string(config_map["data"]["cotyledon.conf"])
    return configuration, deployment["spec"]["template"]["spec"]


def test_the_pod_asks_paths_that_there_are_and_gives_time_enough() -> None:
    configuration, pod = manifest()
    (container,) = pod["containers"]
    port = int(configuration["notifier:prometheus"]["address"].rpartition(":")[2])
    assert container["ports"] == [{"name": "metrics", "containerPort": port}]
    paths = {name: container[name]["httpGet"]["path"] for name in container if "Probe" in name}
    assert paths == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    grace = configuration.getint("DEFAULT", "graceful_shutdown_timeout")
    assert pod["terminationGracePeriodSeconds"] > grace
    assert configuration.getint("cotyledon", "stop_delay") < grace


def test_the_configuration_of_the_pod_is_one(tmp_path: Path) -> None:
    config_map, _ = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    file = tmp_path / "cotyledon.conf"
    file.write_text(config_map["data"]["cotyledon.conf"])
    done = subprocess.run(
        [sys.executable, "-m", "cotyledon_core", "check", "--config-file", str(file)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def promtool(*arguments: str, given: bytes = b"") -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    done = subprocess.run([program, *arguments], input=given, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_promtool_finds_no_fault_in_the_rules() -> None:
    promtool("check", "rules", str(ALERTS))


def test_promtool_finds_no_fault_in_the_metrics() -> None:
    promtool("check", "metrics", given=metrics_text())


def series(name: str, values: str) -> dict[str, str]:
    metric, _, labels = name.rstrip("}").partition("{")
    known = ",".join(filter(None, ['job="cotyledon"', 'instance="here"', labels]))
    return {"series": f"{metric}{{{known}}}", "values": values}


WANTED, DONE = 'cotyledon_workers_wanted{service="web"}', 'cotyledon_workers_done{service="web"}'
RUNNING = 'cotyledon_workers{service="web",state="running"}'
FIRST = "0x30 1x15"
"""Once a minute; the first of a kind that is counted."""


@pytest.mark.parametrize(
    ("history", "firing"),
    [
        ({RUNNING: "2x45", WANTED: "2x45", DONE: "0x45"}, []),
        ({RUNNING: "1x45", WANTED: "2x45", DONE: "0x45"}, ["WorkersMissing"]),
        ({RUNNING: "0x45", WANTED: "2x45", DONE: "1x45"}, ["NoWorkerReady", "WorkersMissing"]),
        ({RUNNING: "0x45", WANTED: "1x45", DONE: "1x45"}, []),
        ({RUNNING: "0x45", WANTED: "0x45", DONE: "0x45"}, []),
        (
            {'cotyledon_worker_exits_total{service="web",outcome="oom_killed"}': FIRST},
            ["OutOfMemory"],
        ),
        (
            {'cotyledon_worker_hangs_total{service="web",waited_for="heartbeat"}': FIRST},
            ["WorkersHang"],
        ),
        (
            {'cotyledon_worker_restarts_total{service="web",reason="error"}': "0+1x45"},
            ["CrashLoop"],
        ),
        ({'cotyledon_service_given_up{service="web"}': FIRST}, ["ServiceGivenUp"]),
        ({"up": "1x30 0x15"}, ["ManagerDown"]),
        ({"cotyledon_last_reload_successful": FIRST}, []),
        ({"cotyledon_last_reload_successful": "1x30 0x15"}, ["ReloadFailed"]),
    ],
)
def test_alerts_that_fire(tmp_path: Path, history: Mapping[str, str], firing: list[str]) -> None:
    expected = [{"labels": f'{{alertname="Cotyledon{name}"}}', "value": 1} for name in firing]
    tests = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [series(*each) for each in history.items()],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": "40m",
                        "exp_samples": expected,
                    }
                ],
            }
        ],
    }
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump(tests))
    promtool("test", "rules", str(file))

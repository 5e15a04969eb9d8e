"""gnocchi's metricd: measures in through the REST interface, aggregates out, on PostgreSQL and
file storage, while its workers are killed, reloaded and stopped."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

from lab.postgresql import PostgreSQL
from lab.program import Program
from lab.rest import Rest, basic
from lab.script import run
from lab.trial import Trial
from lab.wsgi import serve

CONFIGURATION = """
[indexer]
url = {url}
[storage]
driver = file
file_basepath = {directory}/storage
[metricd]
workers = {workers}
metric_processing_delay = 1
metric_reporting_delay = 1
metric_cleanup_delay = 1
[api]
auth_mode = basic
"""
POLICY = {
    "name": "trial",
    "aggregation_methods": ["mean", "max", "count"],
    "definition": [{"granularity": "1s", "timespan": "1 day"}],
}
MEASURES = 20


class Metric:
    """A metric that gets measures in batches, the n-th with the values n, n + 1, …"""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        rest.post("/v1/archive_policy", POLICY)
        made = rest.post("/v1/metric", {"name": "cpu", "archive_policy_name": "trial"})
        self._path = f"/v1/metric/{made['id']}/measures"
        self._began = int(time.time()) - 3600
        self._sent: list[float] = []

    def send(self) -> None:
        """Send a batch."""
        first = len(self._sent)
        values = [float(first + number) for number in range(MEASURES)]
        self._sent += values
        measures = [{"timestamp": self._began + int(value), "value": value} for value in values]
        self._rest.post(self._path, measures)

    def aggregated(self) -> bool:
        """Whether what was sent is what is stored, no more and no less."""
        return all(
            self._stored(aggregation) == expected
            for aggregation, expected in (
                ("mean", self._sent),
                ("max", self._sent),
                ("count", [1.0] * len(self._sent)),
            )
        )

    def _stored(self, aggregation: str) -> list[Any]:
        rows = self._rest.get(f"{self._path}?aggregation={aggregation}&granularity=1")
        return [value for _, _, value in rows]


def scenario(trial: Trial, cache: Path) -> None:
    """What is tried."""
    database = trial.stack.enter_context(PostgreSQL(cache))
    configure(trial, database, 2)
    trial.call("gnocchi-upgrade", "--config-file", trial.directory / "gnocchi.conf")
    metric = Metric(serve(trial, "gnocchi.cli.api:wsgi", "gnocchi.conf", basic("admin")))
    metricd = trial.start("gnocchi-metricd", "--config-file", trial.directory / "gnocchi.conf")
    trial.need("4 workers start", lambda: len(metricd.workers()) == 4)
    metric.send()
    trial.need("measures in, aggregates out", metric.aggregated)
    kill(trial, metricd, metric)
    reload(trial, metricd, metric, database)
    trial.stop(metricd, "metricd")


def configure(trial: Trial, database: PostgreSQL, workers: int) -> None:
    """Write the configuration file."""
    text = CONFIGURATION.format(url=database.url(), directory=trial.directory, workers=workers)
    trial.write("gnocchi.conf", text)


def kill(trial: Trial, metricd: Program, metric: Metric) -> None:
    """Workers are killed with work before them, one kind of them and then all."""
    metric.send()
    trial.kill_workers(metricd, "processing")
    metric.send()
    trial.wait("the work goes on", metric.aggregated)
    metric.send()
    trial.kill_workers(metricd)
    trial.wait("the work goes on", metric.aggregated)


def reload(trial: Trial, metricd: Program, metric: Metric, database: PostgreSQL) -> None:
    """SIGHUP: metricd's hook takes the number of workers from the configuration read again."""
    before = metricd.pids()
    configure(trial, database, 3)
    metric.send()
    metricd.send(signal.SIGHUP)
    trial.wait(
        "SIGHUP: 3 workers of kind processing instead of 2",
        lambda: len(metricd.workers("processing")) == 3,
    )
    trial.wait(
        "SIGHUP: all workers are others, as they do not reload themselves",
        lambda: len(now := metricd.pids()) == 5 and not now & before,
    )
    trial.wait("the work goes on", metric.aggregated)


if __name__ == "__main__":
    sys.exit(run("gnocchi", ["gnocchi", "cotyledon"], scenario))

"""What workers count themselves, and the exporter shows."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.functional.configured import Sections, text
from tests.functional.harness import Application, Launch

pytest.importorskip("prometheus_client")
pytest.importorskip("psutil")

DEATHS = 12
RECYCLES = 1000


class Connection(http.client.HTTPConnection):
    """To a Unix socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def samples(path: Path) -> dict[str, float]:
    """The sums of what the exporter shows, by name; nothing while it does not listen."""
    from prometheus_client.parser import text_string_to_metric_families

    connection = Connection(os.path.relpath(path), timeout=30)
    try:
        connection.request("GET", "/metrics")
        body = connection.getresponse().read().decode()
    except OSError:
        return {}
    finally:
        connection.close()
    families = text_string_to_metric_families(body)
    found: Counter[str] = Counter()
    for family in families:
        for sample in family.samples:
            found[sample.name] += sample.value  # type: ignore[assignment]
    return dict(found)


def configuration(directory: Path, method: str, **options: object) -> Sections:
    return {
        "cotyledon": {
            "services": "counting",
            "notifiers": "prometheus",
            "restart_policy": "always",
            "start_method": method,
        },
        "service:counting": {"workers": 2, "restart_delay": 0, **options},
        "notifier:prometheus": {
            "address": f"unix:{directory / 'exporter'}",
            "multiprocess_dir": str(directory / "metrics"),
        },
    }


def counting(
    launch: Launch,
    directory: Path,
    method: str,
    environment: Mapping[str, str] | None = None,
    **options: object,
) -> Application:
    return launch(
        "counting",
        *("run", "--config-file", "test.conf"),
        files={"test.conf": text(configuration(directory, method, **options))},
        method=method,
        environment=environment,
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_what_workers_count_outlives_them(launch: Launch, tmp_path: Path, method: str) -> None:
    deaths = DEATHS if method == "fork" else 3
    application = counting(launch, tmp_path, method)
    for death in range(deaths):
        counted = application.wait_for("counted", 2 + death)
        os.kill(counted[-1].pid, signal.SIGKILL)
    application.wait_for("counted", 2 + deaths)
    wanted = {"orders_total": 3.0 * (2 + deaths), "alive": 2.0}
    if method == "fork":
        wanted["cotyledon_worker_units_total"] = 2.0 + deaths

    def right() -> bool:
        return samples(tmp_path / "exporter").items() >= wanted.items()

    def folded() -> bool:
        pids = {name.removesuffix(".db").rpartition("_")[2] for name in left()}
        return len(pids) == 3 and "counter_folded-1.db" not in pids

    def left() -> list[str]:
        return [path.name for path in (tmp_path / "metrics").glob("*.db")]

    application.until(right, f"metrics {wanted}")
    application.until(folded, "a fold")
    assert right()
    if method == "fork":
        assert samples(tmp_path / "exporter")["cotyledon_worker_busy_seconds_total"] > 0
    application.stop()


@pytest.mark.timeout(300)
def test_a_thousand_recycles_leave_few_files_and_correct_counters(
    launch: Launch, tmp_path: Path
) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    options = {"max_tasks": 1, "max_recycling": "100%"}
    application = counting(launch, tmp_path, "fork", environment, **options)
    seen = [0.0]
    for count in range(RECYCLES // 20, RECYCLES + 1, RECYCLES // 20):
        application.wait_for("counted", count)
        seen.append(samples(tmp_path / "exporter").get("orders_total", seen[-1]))
    assert seen == sorted(seen)
    # an end to it
    application.write("test.conf", text(configuration(tmp_path, "fork")))
    application.send(signal.SIGHUP)

    def found() -> dict[str, float]:
        return samples(tmp_path / "exporter")

    def is_over() -> bool:
        now = found()
        begun = len(application.records("counted"))
        wanted = {"orders_total": 3.0 * begun, "cotyledon_worker_starts_total": begun}
        return now.get("cotyledon_reloads_total") == 1 and now.items() >= wanted.items()

    application.until(is_over, "right counts")
    assert found()["cotyledon_worker_recycles_total"] >= RECYCLES - 2
    # of two workers, and of all that are gone, counters and gauges
    metrics = tmp_path / "metrics"
    application.until(lambda: len(list(metrics.glob("*.db"))) <= 5, "few files")
    assert is_over()
    assert found()["alive"] == 2
    application.stop()

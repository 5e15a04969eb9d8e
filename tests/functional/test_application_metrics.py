"""What workers count themselves, and the exporter shows."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from tests.functional.configured import text
from tests.functional.harness import Application, Launch

pytest.importorskip("prometheus_client")
pytest.importorskip("psutil")

DEATHS = 12


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


def counting(launch: Launch, directory: Path, method: str) -> Application:
    configuration = {
        "cotyledon": {
            "services": "counting",
            "notifiers": "prometheus",
            "restart_policy": "always",
            "start_method": method,
        },
        "service:counting": {"workers": 2, "restart_delay": 0},
        "notifier:prometheus": {
            "address": f"unix:{directory / 'exporter'}",
            "multiprocess_dir": str(directory / "metrics"),
        },
    }
    return launch(
        "counting",
        *("run", "--config-file", "test.conf"),
        files={"test.conf": text(configuration)},
        method=method,
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

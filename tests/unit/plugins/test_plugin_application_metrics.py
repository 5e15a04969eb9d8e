"""What processes have counted stays when their files are folded, whatever stops that."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("prometheus_client")

from cotyledon_core import Ledger
from cotyledon_core.testing import every_event
from cotyledon_plugins.notifiers.prometheus.application_metrics import (
    VARIABLE,
    ApplicationMetrics,
)
from cotyledon_plugins.notifiers.prometheus.notifier import Prometheus

SAMPLES: dict[str, Any] = {event.kind: event for event in every_event()}
STARTED, EXITED = SAMPLES["manager_started"], SAMPLES["worker_exited"]

PROCESS = """
import sys
from prometheus_client import Counter, Gauge, Histogram, Summary

amount = float(sys.argv[1])
requests = Counter("requests", "Requests.", ["path"])
requests.labels("/").inc(amount)
requests.labels("/ü").inc(1)
Histogram("duration_seconds", "Durations.", buckets=[1, 5]).observe(amount)
Summary("size_bytes", "Sizes.").observe(amount)
for mode in ("min", "max", "sum", "mostrecent", "all"):
    Gauge(mode, "A gauge.", multiprocess_mode=mode).set(amount)
    Gauge(f"live{mode}", "A gauge.", multiprocess_mode=f"live{mode}").set(amount)
"""
FOLDING = """
import os, signal, sys
from cotyledon_plugins.notifiers.prometheus.application_metrics import ApplicationMetrics

left = int(sys.argv[2])

def dying(call):
    def called(*args):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*args)
    return called

os.rename, os.unlink, os.listdir = dying(os.rename), dying(os.unlink), dying(os.listdir)
ApplicationMetrics(sys.argv[1], lambda pid: pid > 1000).fold()
"""
PREPARING = """
import logging, sys
from pathlib import Path
from prometheus_client import Counter

logging.basicConfig()
Counter("hooks", "Hooks.").inc(5)
from cotyledon_plugins.notifiers.prometheus.application_metrics import ApplicationMetrics
metrics = ApplicationMetrics(sys.argv[1])
metrics.prepare()
print([sample.value for family in metrics.collect() for sample in family.samples])
"""
LIVE = ("livemin", "livemax", "livesum", "livemostrecent", "liveall")


def run(directory: Path, script: str, *arguments: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, VARIABLE: str(directory)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, env=environment) as process:
        process.wait(60)
    return process


def values(metrics: ApplicationMetrics) -> dict[tuple[str, str], float]:
    """What a scrape shows, without the labels' names."""
    return {
        (sample.name, ",".join(map(str, sample.labels.values()))): sample.value
        for family in metrics.collect()
        for sample in family.samples
    }


def count(directory: Path, pid: int, amount: float, kind: str = "counter") -> None:
    """As a process with this id would."""
    from prometheus_client import mmap_dict

    make: Any = mmap_dict.MmapedDict
    key = mmap_dict.mmap_key("done", "done_total", [], [], "Done.")
    file = make(str(directory / f"{kind}_{pid}.db"))
    file.write_value(key, file.read_value(key)[0] + amount, 0.0)
    file.close()


def total(metrics: ApplicationMetrics) -> float:
    return values(metrics).get(("done_total", ""), 0.0)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {"fold.lock"}


@pytest.fixture
def metrics(tmp_path: Path) -> ApplicationMetrics:
    return ApplicationMetrics(str(tmp_path), lambda pid: pid > 1000)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What three processes have left, with values 2, 3 and 7."""
    directory = tmp_path_factory.mktemp("left")
    for amount in (7, 3, 2):
        assert run(directory, PROCESS, amount).returncode == 0
    return directory


def test_what_every_kind_has_counted_stays(left: Path, tmp_path: Path) -> None:
    shutil.copytree(left, tmp_path, dirs_exist_ok=True)
    metrics = ApplicationMetrics(str(tmp_path))
    before = values(metrics)
    metrics.fold()
    assert values(metrics) == before
    metrics.fold()
    assert values(metrics) == before
    assert before[("requests_total", "/")] == 12
    assert before[("requests_total", "/ü")] == 3
    assert before[("duration_seconds_bucket", "5.0")] == 2
    assert before[("duration_seconds_bucket", "+Inf")] == 3
    assert before[("duration_seconds_count", "")] == 3
    assert before[("duration_seconds_sum", "")] == 12
    assert before[("size_bytes_sum", "")] == 12
    assert [before[(mode, "")] for mode in ("min", "max", "sum", "mostrecent")] == [2, 7, 12, 2]
    assert not {name for name, _ in before} & {"all", *LIVE}
    kinds = ("counter", "gauge_max", "gauge_min", "gauge_mostrecent", "gauge_sum", "histogram")
    assert names(tmp_path) == {f"{kind}_folded-1.db" for kind in (*kinds, "summary")}


def test_an_application_reads_the_same_with_its_own_collector(left: Path, tmp_path: Path) -> None:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    shutil.copytree(left, tmp_path, dirs_exist_ok=True)

    def text() -> set[str]:
        registry = CollectorRegistry()
        collector: Any = MultiProcessCollector
        collector(registry, path=str(tmp_path))
        return set(generate_latest(registry).decode().splitlines())

    before = {line for line in text() if "all" not in line and "live" not in line}
    ApplicationMetrics(str(tmp_path)).fold()
    assert text() == before


def test_what_lives_is_left_alone(tmp_path: Path, metrics: ApplicationMetrics) -> None:
    for kind in ("counter", "gauge_liveall", "gauge_all"):
        count(tmp_path, 1001, 5, kind)
        count(tmp_path, 1, 7, kind)
    count(tmp_path, 1002, 1)
    metrics.fold()
    alive = {"counter_1001.db", "counter_1002.db", "gauge_liveall_1001.db", "gauge_all_1001.db"}
    assert names(tmp_path) == alive | {"counter_folded-1.db"}


@pytest.mark.parametrize("mode", ["all", "liveall", "livesum", "livemax"])
def test_a_gauge_of_a_process_ends_with_it(
    tmp_path: Path, metrics: ApplicationMetrics, mode: str
) -> None:
    count(tmp_path, 1, 7, f"gauge_{mode}")
    assert values(metrics) == {}


def test_a_thousand_recycles_leave_one_file(tmp_path: Path, metrics: ApplicationMetrics) -> None:
    count(tmp_path, 1, 3)
    original = (tmp_path / "counter_1.db").read_bytes()
    for pid in range(2, 1001):
        (tmp_path / f"counter_{pid}.db").write_bytes(original)
        if pid % 100 == 0:
            metrics.fold()
            assert total(metrics) == 3 * pid
            assert len(names(tmp_path)) == 1


def test_files_of_others_are_left_alone(tmp_path: Path, metrics: ApplicationMetrics) -> None:
    others = {"orders.db", "counter.db", "counter_1.tmp", "gauge_1.sqlite", "notes_1.db"}
    for name in others:
        (tmp_path / name).write_text("x")
    count(tmp_path, 1, 7)
    metrics.fold()
    assert names(tmp_path) == others | {"counter_folded-1.db"}
    assert metrics.prepare() == {VARIABLE: str(tmp_path)}
    assert names(tmp_path) == others


def test_processes_that_have_other_names_than_their_ids_are_left_alone(
    tmp_path: Path, metrics: ApplicationMetrics
) -> None:
    count(tmp_path, "worker-1", 7)  # type: ignore[arg-type]
    metrics.fold()
    assert names(tmp_path) == {"counter_worker-1.db"}
    assert total(metrics) == 7


def test_the_directory_is_made(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    assert ApplicationMetrics(str(directory)).prepare() == {VARIABLE: str(directory)}
    assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("pid", [1, 1001])
def test_a_broken_file_hides_no_other(
    tmp_path: Path, metrics: ApplicationMetrics, pid: int, caplog: pytest.LogCaptureFixture
) -> None:
    for name, content in {"counter": b"\x40\0\0\0\0\0\0\0\xff\xff\0\0", "gauge_sum": b"x"}.items():
        (tmp_path / f"{name}_{pid}.db").write_bytes(content)
    count(tmp_path, 2, 7)
    assert total(metrics) == total(metrics) == 7
    metrics.fold()
    assert total(metrics) == 7
    assert len(caplog.records) == 2


def test_a_process_that_is_killed_before_it_has_written_is_no_fault(
    tmp_path: Path, metrics: ApplicationMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    for pid in (1, 1001):
        (tmp_path / f"counter_{pid}.db").touch()
    count(tmp_path, 2, 7)
    assert total(metrics) == 7
    metrics.fold()
    assert total(metrics) == 7
    assert not caplog.records


def test_a_process_that_gets_the_id_of_one_that_is_gone_loses_nothing(tmp_path: Path) -> None:
    count(tmp_path, 1, 7)
    count(tmp_path, 2, 1)
    answers = iter([False, False, False, True])
    metrics = ApplicationMetrics(str(tmp_path), lambda pid: next(answers, True))
    metrics.fold()
    assert names(tmp_path) == {"counter_1.db", "counter_2.db"}
    assert total(metrics) == 8


def test_a_list_removes_no_file_elsewhere(tmp_path: Path, metrics: ApplicationMetrics) -> None:
    count(tmp_path, 1, 7)
    metrics.fold()
    elsewhere = tmp_path / "orders.db"
    elsewhere.touch()
    hostile = ["orders.db", "counter_../orders.db", str(elsewhere), ""]
    (tmp_path / "counter_folded-1.sources").write_text("\n".join(hostile))
    metrics.fold()
    assert elsewhere.exists()
    assert total(metrics) == 7


def test_a_fold_that_is_killed_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, metrics: ApplicationMetrics
) -> None:
    for pid in (1, 2):
        count(tmp_path, pid, 7)
    metrics.fold()
    for pid in (3, 4):
        count(tmp_path, pid, 2)
    for calls in range(40):
        process = run(tmp_path, FOLDING, tmp_path, calls)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        assert total(metrics) == 18
        # undone, or done
        if calls % 2:
            metrics.fold()
            count(tmp_path, 5, 0)
            assert total(metrics) == 18
    assert calls > 5
    assert process.returncode == 0
    assert total(metrics) == 18


@pytest.mark.parametrize("in_time", [True, False])
def test_a_package_that_was_imported_too_early_is_told(tmp_path: Path, in_time: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if in_time:
        environment[VARIABLE] = str(tmp_path)
    count(tmp_path, 1, 7)
    command = [sys.executable, "-c", PREPARING, str(tmp_path)]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    # what the manager itself has counted before it runs stays
    assert ended.stdout == ("[5.0]\n" if in_time else "[]\n")
    assert ("imported before" in ended.stderr) is not in_time


# -- the notifier


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Prometheus]:
    made = Prometheus(address=f"unix:{tmp_path / 'socket'}", multiprocess_dir=str(tmp_path))
    assert made.prepare() == {VARIABLE: str(tmp_path)}
    made.notify(STARTED)
    yield made
    made.close()


def shown(exporter: Prometheus) -> set[str]:
    return {family.name for family in exporter.collect()}


def test_a_directory_comes_from_the_environment_or_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Prometheus().prepare() == {}
    monkeypatch.setenv(VARIABLE, str(tmp_path / "given"))
    assert Prometheus().prepare() == {VARIABLE: str(tmp_path / "given")}
    other = Prometheus(multiprocess_dir=str(tmp_path / "other"))
    assert other.prepare() == {VARIABLE: str(tmp_path / "other")}


def test_the_end_of_a_worker_is_followed_by_a_fold(tmp_path: Path, exporter: Prometheus) -> None:
    assert exporter.deadline() is None
    gone = run(tmp_path, "").pid
    count(tmp_path, gone, 7)
    exporter.notify(EXITED)
    due = exporter.deadline()
    assert due is not None
    exporter.notify(EXITED)
    assert exporter.deadline() == due
    exporter.wake(due)
    assert exporter.deadline() is None
    assert "counter_folded-1.db" in names(tmp_path)
    assert "done" in shown(exporter)


def test_an_exporter_that_comes_later_folds(tmp_path: Path, exporter: Prometheus) -> None:
    count(tmp_path, run(tmp_path, "").pid, 7)
    exporter.synchronize(Ledger())
    assert "counter_folded-1.db" in names(tmp_path)


def test_without_the_directory_the_managers_metrics_are_shown(
    tmp_path: Path, exporter: Prometheus, caplog: pytest.LogCaptureFixture
) -> None:
    count(tmp_path, os.getpid(), 7)
    before = shown(exporter)
    moved = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    try:
        assert shown(exporter) == shown(exporter) == before - {"done"}
    finally:
        moved.rename(tmp_path)
    assert len(caplog.records) == 1
    assert shown(exporter) == before


class Killed(BaseException):
    pass


def killing(after: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let so many calls of all functions be made."""
    left = after

    def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **keywords: Any) -> Any:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return call(*args, **keywords)

        return called

    return wrap


def fold_until_killed(metrics: ApplicationMetrics, after: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        wrap = killing(after)
        for name in ("rename", "unlink", "listdir"):
            patch.setattr(os, name, wrap(getattr(os, name)))
        try:
            metrics.fold()
        except Killed:
            pass


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.integers(1, 6), st.integers(1, 100)),
        st.tuples(st.just("die"), st.integers(1, 6)),
        st.tuples(st.just("fold")),
        st.tuples(st.just("killed fold"), st.integers(0, 12)),
    ),
    max_size=25,
)


@given(steps=STEPS)
def test_counters_never_go_back_and_never_run_ahead(steps: Iterable[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory, alive = Path(name), set[int]()
        metrics = ApplicationMetrics(name, alive.__contains__)
        counted: Counter[str] = Counter()
        for step, *arguments in steps:
            if step == "count":
                # a process that begins may have the id of one that is gone, folded or not; a
                # fold that was killed has been seen to by then
                pid, amount = arguments
                total(metrics)
                alive.add(pid)
                count(directory, pid, amount)
                counted["done"] += amount
            elif step == "die":
                alive.discard(arguments[0])
            elif step == "fold":
                metrics.fold()
                assert len(names(directory)) <= len(alive) + 1
            else:
                fold_until_killed(metrics, arguments[0])
            if step != "killed fold":
                assert total(metrics) == counted["done"]

"""The Python API where it needs a process of its own, and real programs' use of it."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise

import pytest

from tests.functional import procfs
from tests.functional.harness import Launch


@pytest.mark.parametrize(
    "check",
    [
        "refuse_second",
        "no_second_run",
        "nothing_left",
        "construct_only",
        "signature",
        "contexts",
        "bad_arguments",
        "names",
        "types",
    ],
)
@pytest.mark.portable
def test_check(launch: Launch, check: str) -> None:
    application = launch("api", check)
    assert application.wait() == 0, application.output()
    application.wait_until_gone()


@pytest.mark.portable
def test_managers_one_after_the_other(launch: Launch, method: str) -> None:
    application = launch("api", "one_after_the_other", method=method)
    assert application.wait() == 0, application.output()
    application.wait_until_gone()
    assert len(application.records("own SIGTERM handler")) == 1
    assert len(application.records("run")) == 3


def test_manager_after_one_that_ended_by_an_exception(launch: Launch, method: str) -> None:
    application = launch("api", "end_of_an_exception", method=method)
    assert application.wait() == 0, application.output()
    application.wait_until_gone()


@pytest.mark.parametrize("scenario", ["default_method", "late_method"])
@pytest.mark.portable
def test_start_method_is_the_chosen_one(launch: Launch, method: str, scenario: str) -> None:
    application = launch("api", scenario, method)
    found = application.wait_for_one("method")
    assert found.fresh == (method != "fork")
    assert found.child_of_manager == (method != "forkserver")
    assert application.stop() == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_explicit_wait_interval_paces_spawns(launch: Launch, method: str) -> None:
    application = launch("api", "paced", "0.2", "4", method=method)
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    starts = sorted(
        procfs.read(pid).started / ticks_per_second
        for pid in application.wait_for_workers(4).values()
    )
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    # The kernel tells in hundredths of a second.
    assert min(pauses) >= 0.18, pauses
    assert application.stop() == 0


def test_paced_start_is_no_obstacle_to_a_stop(launch: Launch) -> None:
    application = launch("api", "paced", "5", "100")
    application.wait_for_workers(1)
    assert application.stop() == 0
    assert len(application.records("init")) < 5


@pytest.mark.portable
def test_process_titles(launch: Launch, method: str) -> None:
    application = launch("styles", "titles", method=method, environment={"SPT_NOENV": ""})
    workers = application.wait_for_workers(3)
    found = {worker: procfs.title(pid) for worker, pid in workers.items()}
    assert found == {
        ("Plain", 0): "styles.py: Plain worker(0)",
        ("Plain", 1): "styles.py: Plain worker(1)",
        ("made up", 0): "styles.py: made up worker(0)",
    }
    told = application.wait_for_one("argv").argv
    assert procfs.title(application.pid) == f"styles.py: master process [{' '.join(told)}]"
    assert application.stop() == 0


@pytest.mark.portable
def test_foreign_attribute_under_the_name_of_a_method(launch: Launch, method: str) -> None:
    application = launch("styles", "foreign_attribute", method=method)
    application.wait_for_workers(1)
    assert application.stop() == 0
    assert len(application.records("terminate")) == 1


def test_factories_and_arguments(launch: Launch, method: str) -> None:
    application = launch("styles", "factories", method=method)
    application.wait_for_workers(6)
    made = {record.service: record for record in application.records("made")}
    assert made["by function"].arguments == [1, "two"]
    assert made["by partial"].arguments == [3, "four"]
    assert made["by class method"].arguments == [5, "six"]
    assert made["by keywords"].arguments == [7, "eight"]
    assert made["by instance"].arguments == [9, "ten"]
    assert made["without super"].arguments == [11, "twelve"]
    assert application.stop() == 0
    assert len(application.records("terminate")) == 6


def test_supers_methods_may_be_called(launch: Launch, method: str) -> None:
    application = launch("styles", "supers", method=method)
    workers = application.wait_for_workers(1)
    application.send(signal.SIGHUP)
    application.wait_for_replacements(workers)
    assert application.stop() == 0
    assert len(application.records("terminate")) == 2


def test_work_in_the_constructor_and_no_run(launch: Launch, method: str) -> None:
    application = launch("styles", "constructor_only", method=method)
    application.wait_for("worked", 3)
    assert application.stop() == 0
    assert len(application.records("stopped")) == 1


def test_same_class_twice_and_order_of_start(launch: Launch) -> None:
    application = launch("styles", "twice")
    records = application.wait_for("run", 5)
    inits = application.records("init")
    assert sorted((record.tag, record.worker_id) for record in records) == [
        ("first", 0),
        ("first", 1),
        ("second", 0),
        ("second", 1),
        ("third", 0),
    ]
    starts = {record.tag: procfs.read(record.pid).started for record in inits}
    assert starts["first"] <= starts["second"] <= starts["third"]
    assert application.stop() == 0


def test_a_metric_processor(launch: Launch, method: str) -> None:
    """A manager subclass that scales its services in its own reload hook."""
    application = launch("styles", "metric_processor", method=method)
    application.wait_for_workers(5)
    (application.directory / "wanted").write_text("4")
    application.send(signal.SIGHUP)
    application.wait_for_workers(4, service="processing")
    application.wait_for_workers(2, service="reporting")
    assert application.stop() == 0


def test_a_poller_and_its_heart(launch: Launch) -> None:
    """Functions that make services, and a queue between them."""
    application = launch("styles", "poller")
    application.wait_for("beat", 3)
    assert application.stop() == 0


def test_a_processor_that_never_stops(launch: Launch) -> None:
    """``run()`` never returns and ``terminate()`` does not stop it."""
    application = launch("styles", "never_stops")
    application.wait_for_workers(4)
    assert application.stop() == 0


def test_unpicklable_service_harms_no_other(launch: Launch) -> None:
    """With a method that has to pickle; the good service works on."""
    application = launch("styles", "unpicklable", method="spawn")
    workers = application.wait_for_workers(1)
    os.kill(workers["Plain", 0], signal.SIGKILL)
    application.wait_for_replacements(workers)
    assert not [child for child in procfs.children(application.pid) if not child.alive]
    assert application.stop() == 0


def test_crash_loop_delays_no_other_restart(launch: Launch, method: str) -> None:
    application = launch("styles", "neighbours", method=method)
    workers = application.wait_for_workers(2, service="Plain")
    # By now the crashing service waits for seconds between its starts.
    crashes = application.wait_for("crash", 3 * 4)
    before = len(crashes)
    began = time.monotonic()
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
    application.wait_for_replacements(workers)
    ended = time.monotonic()
    crashes = [record for record in application.records("crash")[before:] if record.at < ended]
    # No crashing worker came twice while the healthy ones came back.
    assert len(crashes) <= 3
    assert ended - began < 10
    assert application.stop() == 0


def test_crash_loop_is_slowed_down(launch: Launch, method: str) -> None:
    application = launch("styles", "neighbours", method=method)
    starts = [record.at for record in application.wait_for("crash", 12)]
    gaps = [later - earlier for earlier, later in zip(starts[::3], starts[3::3], strict=False)]
    assert max(gaps) >= 0.9
    assert application.stop() == 0

"""What becomes of the manager when its workers end by themselves."""

from __future__ import annotations

import os
import signal

import pytest

from tests.functional.harness import Launch

FAILED = 3
STATUSES = {
    ("never", "0"): 0,
    ("never", "hard"): 0,
    ("never", "by TERM"): 0,
    ("never", "by KILL"): FAILED,
    ("never", "1"): FAILED,
    ("never", "7"): FAILED,
    ("never", "exception"): FAILED,
    ("never", "init"): FAILED,
    ("never", "SIGKILL"): FAILED,
    ("on-failure", "0"): 0,
    ("on-failure", "by HUP"): 0,
    ("on-failure", "by INT"): 0,
    ("seven clean", "7"): 0,
    ("seven prevented", "7"): FAILED,
    ("limited", "0"): FAILED,
    ("limited", "1"): FAILED,
    ("limited", "init"): FAILED,
    ("limited", "by SEGV"): FAILED,
}
"""By policy and way of ending: with what the manager exits when nothing is left."""


@pytest.mark.parametrize(("policy", "way"), STATUSES)
def test_when_nothing_is_left_the_manager_exits(launch: Launch, policy: str, way: str) -> None:
    application = launch("outcomes", "alone", policy, way)
    assert application.wait() == STATUSES[policy, way]
    application.wait_until_gone()
    assert len(application.records("on_terminate")) == 1
    deaths = application.records("on_dead_worker")
    if policy == "limited":
        assert len(deaths) in (4, 5), "the fourth is one too many; the other one may be under way"
    else:
        assert len(deaths) == 2


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize(("way", "status"), [("0", 0), ("1", FAILED), ("SIGKILL", FAILED)])
def test_with_other_start_methods(launch: Launch, method: str, way: str, status: int) -> None:
    application = launch("outcomes", "alone", "never", way, method=method)
    assert application.wait() == status


@pytest.mark.parametrize(
    ("policy", "way"),
    [("always", "0"), ("always", "1"), ("on-failure", "1"), ("always", "SIGKILL")],
)
def test_what_is_always_restarted_keeps_the_manager(launch: Launch, policy: str, way: str) -> None:
    application = launch("outcomes", "alone", policy, way)
    application.wait_for("on_dead_worker", 12)
    assert application.stop() == 0


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (("never", "0"), ("on-failure", "0"), 0),
        (("never", "0"), ("never", "1"), FAILED),
        (("limited", "1"), ("never", "0"), FAILED),
    ],
)
def test_the_exit_status_tells_of_every_service(
    launch: Launch, first: tuple[str, str], second: tuple[str, str], status: int
) -> None:
    assert launch("outcomes", "two", *first, *second, "keep").wait() == status


def test_a_service_that_is_given_up_leaves_the_others(launch: Launch) -> None:
    application = launch("outcomes", "two", "limited", "1", "always", "stay", "keep")
    application.wait_for("on_dead_worker", 4)
    second = application.wait_for_workers(2, service="second")
    os.kill(second["second", 0], signal.SIGKILL)
    application.wait_for_replacement(second["second", 0], ("second", 0))
    assert application.stop() == 0, "an ordinary stop of a manager that has lost a service"


def test_a_service_that_is_given_up_may_take_the_manager_along(launch: Launch) -> None:
    application = launch("outcomes", "two", "limited", "1", "always", "stay", "shutdown")
    assert application.wait() == FAILED
    application.wait_until_gone()
    ended = {record.worker_id for record in application.records("terminate", service="second")}
    began = {record.worker_id for record in application.records("run", service="second")}
    assert ended >= began
    assert len(application.records("on_terminate")) == 1


def test_running_workers_of_a_service_that_is_given_up_go_on(launch: Launch) -> None:
    application = launch("outcomes", "first_fails")
    application.wait_for("on_dead_worker", 4)
    workers = application.wait_for_workers(2)
    os.kill(workers["first-fails", 2], signal.SIGKILL)
    application.wait_for("on_dead_worker", 5)
    assert application.workers() == {("first-fails", 1): workers["first-fails", 1]}
    os.kill(workers["first-fails", 1], signal.SIGKILL)
    assert application.wait() == FAILED, "nothing is left"


def test_a_service_without_workers_has_not_finished(launch: Launch) -> None:
    application = launch("outcomes", "beside_nothing")
    application.wait_for("on_dead_worker", 2)
    application.send(signal.SIGHUP)
    application.wait_for_one("run", service="empty")
    assert application.stop() == 0


def test_a_policy_by_its_name(launch: Launch) -> None:
    assert launch("outcomes", "by_name").wait() == 0

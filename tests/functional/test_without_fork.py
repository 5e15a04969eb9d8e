"""Where there is no fork: the package works with spawn, without POSIX's names.

A process that lacks ``fcntl``, ``resource``, ``pwd``, ``os.fork``, ``os.waitid``,
``os.register_at_fork``, SIGHUP, SIGCHLD and SIGALRM stands for such a platform.
"""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from tests.functional.harness import APPS, Launch, import_path

pytestmark = pytest.mark.portable


@pytest.fixture
def launch_elsewhere(launch: Launch) -> Launch:
    path = os.pathsep.join((str(APPS / "elsewhere"), import_path()))
    return partial(launch, method="spawn", environment={"PYTHONPATH": path})


def test_the_names_are_missing(launch_elsewhere: Launch) -> None:
    application = launch_elsewhere("elsewhere_check")
    assert application.wait() == 0, application.output()


def test_start_kill_replace_and_stop(launch_elsewhere: Launch) -> None:
    application = launch_elsewhere("plain", "10", "2", "1")
    workers = application.wait_for_workers(3)
    os.kill(workers["web", 0], signal.SIGKILL)
    os.kill(workers["batch", 0], signal.SIGTERM)
    application.wait_for_replacements({key: workers[key] for key in (("web", 0), ("batch", 0))})
    assert application.workers()["web", 1] == workers["web", 1]
    assert application.stop() == 0
    statuses = {death.status for death in application.records("on_dead_worker")[:2]}
    assert statuses == {-signal.SIGKILL, 0}
    assert application.records("on_terminate")
    assert not application.records("init", predecessor_alive=True)


def test_interrupt(launch_elsewhere: Launch) -> None:
    application = launch_elsewhere("plain", "10", "2", "0")
    application.wait_for_workers(2)
    assert application.stop(signal.SIGINT) == 1


def test_killed_manager(launch_elsewhere: Launch) -> None:
    application = launch_elsewhere("plain", "2", "2", "0")
    application.wait_for_workers(2)
    application.stop(signal.SIGKILL)
    assert len(application.records("terminate")) == 2


def test_forced_end(launch_elsewhere: Launch) -> None:
    application = launch_elsewhere("stopping", "overrun", "30", "1")
    application.wait_for_workers(1)
    assert application.stop() == 0


def test_crash_loop(launch_elsewhere: Launch) -> None:
    application = launch_elsewhere("stopping", "crash_loop", "run")
    application.wait_for("on_dead_worker", 4)
    assert application.stop() == 0


@pytest.mark.parametrize("trigger", ["thread", "dead_worker_hook"])
def test_scaling_from_threads_and_hooks(launch_elsewhere: Launch, trigger: str) -> None:
    application = launch_elsewhere("commanded", trigger, "Web:1", "Batch:1")
    application.wait_for_workers(2)
    application.write("gate-commands", '[["reconfigure", "Web", 3], ["reconfigure", "Batch", 0]]')
    if trigger == "dead_worker_hook":
        os.kill(application.workers()["batch", 0], signal.SIGKILL)
    application.wait_for_workers(3, service="web")
    application.wait_for_workers(3)
    assert application.stop() == 0


@pytest.mark.parametrize("scenario", ["before_run", "from_thread"])
def test_shutdown(launch_elsewhere: Launch, scenario: str) -> None:
    application = launch_elsewhere("elsewhere_shutdown", scenario)
    assert application.wait() == 0
    application.wait_until_gone()

"""Workers are replaced a few at a time: who is there meanwhile, and what stops it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch, Record
from tests.functional.sampling import Sampler

RESULTS = ("manager_reloaded", "reload_failed")
GOOD = ""

Workers = dict[tuple[str, int], int]


def start(launch: Launch, method: str = "fork", **options: Any) -> Application:
    """Start the application and wait until all its workers are ready."""
    application = launch(
        "rolling", "reload", json.dumps(options), method=method, files={"code.py": GOOD}
    )
    application.wait_for("manager_ready")
    return application


def results(application: Application) -> list[Record]:
    return [record for record in application.records() if record.event in RESULTS]


def reload(application: Application) -> Record:
    """Have the application reload; return the event that tells the result."""
    before = len(results(application))
    application.send(signal.SIGHUP)
    application.until(lambda: len(results(application)) > before, "the result of a reload")
    return results(application)[-1]


# The floor

FLOORS = {
    "default": ({}, 6, 8, 1),
    "count": ({"max_unavailable": 1}, 7, 8, 1),
    "percentage": ({"max_unavailable": "50%"}, 4, 8, 1),
    "surge": ({"max_unavailable": 0, "max_surge": 2}, 8, 10, 2),
    "both": ({"max_unavailable": 1, "max_surge": "10%"}, 7, 9, 2),
}
RELOADS = {"fork": 20, "forkserver": 3, "spawn": 1}


def keep_floor(
    application: Application, reloads: int, floor: int, most: int, most_of_one: int
) -> None:
    workers = application.wait_for_workers(8)
    with Sampler(application.directory) as sampler:
        for _ in range(reloads):
            result = reload(application)
            assert (result.event, result.replaced) == ("manager_reloaded", 8)
            replaced = application.wait_for_replacements(workers)
            assert replaced.keys() == workers.keys()
            workers = replaced
    assert sampler.least_ready >= floor
    assert sampler.most_processes <= most
    assert sampler.most_of_one_worker <= most_of_one
    assert application.stop() == 0
    doubled = application.records("init", predecessor_alive=True)
    assert not doubled or most_of_one > 1


@pytest.mark.parametrize("case", FLOORS)
def test_never_fewer_are_ready_than_configured(launch: Launch, case: str) -> None:
    options, floor, most, most_of_one = FLOORS[case]
    application = start(launch, workers=8, **options)
    keep_floor(application, 8 if options else RELOADS["fork"], floor, most, most_of_one)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize("case", ["default", "surge"])
def test_the_floor_with_other_start_methods(launch: Launch, case: str, method: str) -> None:
    options, floor, most, most_of_one = FLOORS[case]
    application = start(launch, method, workers=8, **options)
    keep_floor(application, RELOADS[method], floor, most, most_of_one)


def test_a_storm_keeps_the_floor_too(launch: Launch) -> None:
    application = start(launch, workers=8)
    with Sampler(application.directory) as sampler:
        for _ in range(50):
            application.send(signal.SIGHUP)
            signal.sigtimedwait((), 0.02)
        last = time.monotonic()
        application.send(signal.SIGHUP)
        for worker_id in range(8):
            application.wait_for_later(last, "run", worker_id=worker_id)
    assert sampler.least_ready >= 6
    assert sampler.most_of_one_worker == 1
    application.wait_for_workers(8)
    assert application.stop() == 0


class Client(threading.Thread):
    """Connects again and again until it is told to stop."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._done = threading.Event()
        self.served: list[int] = []
        """The workers that have answered."""
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self._done.is_set():
                with socket.create_connection(("127.0.0.1", self._port), 30) as connection:
                    self.served.append(int(connection.recv(8)))
        except (OSError, ValueError) as error:
            self.error = error

    def stop(self) -> None:
        self._done.set()
        self.join()


def test_a_client_sees_no_refusal(launch: Launch, method: str) -> None:
    application = start(launch, method, service="serving", workers=4)
    client = Client(application.wait_for_one("listening").port)
    client.start()
    try:
        for _ in range(RELOADS[method]):
            assert reload(application).replaced == 4
    finally:
        client.stop()
    assert client.error is None
    assert set(client.served) <= set(range(4))
    assert application.stop() == 0


# What comes between


def half_way(launch: Launch, **options: Any) -> tuple[Application, Workers, Path]:
    """Shut the gate when workers are being replaced; return the old ones, too."""
    application = start(launch, workers=6, **options)
    workers = application.wait_for_workers(6)
    gate = application.directory / "gate-init"
    gate.touch()
    application.send(signal.SIGHUP)
    application.wait_for("init", 7)
    return application, workers, gate


@pytest.mark.parametrize("surge", [0, 2])
@pytest.mark.parametrize("count", [0, 2, 9])
def test_a_scale_in_the_middle(launch: Launch, surge: int, count: int) -> None:
    application, workers, gate = half_way(launch, max_surge=surge, scales=[count])
    application.send(signal.SIGUSR1)
    application.wait_for("service_scaled")
    gate.unlink()
    application.wait_for("manager_reloaded")
    left = application.wait_for_workers(count)
    assert left.keys() == {("marked", number) for number in range(count)}
    assert not set(left.values()) & set(workers.values())
    assert application.stop() == 0


@pytest.mark.parametrize("surge", [0, 2])
def test_old_workers_that_die_are_no_loss(launch: Launch, surge: int) -> None:
    application, workers, gate = half_way(launch, max_surge=surge)
    for pid in workers.values():
        if procfs.alive(pid):
            os.kill(pid, signal.SIGKILL)
    gate.unlink()
    application.wait_for("manager_reloaded")
    replaced = application.wait_for_replacements(workers)
    assert replaced.keys() == workers.keys()
    assert not application.records("reload_failed")
    assert application.stop() == 0


@pytest.mark.parametrize("surge", [0, 2])
def test_a_new_worker_that_dies_is_a_loss(launch: Launch, surge: int) -> None:
    application, workers, gate = half_way(launch, max_surge=surge)
    newborn = application.records("init")[-1]
    os.kill(newborn.pid, signal.SIGKILL)
    failed = application.wait_for_one("reload_failed")
    assert f"worker marked({newborn.worker_id}) " in failed.error
    gate.unlink()
    application.wait_for_workers(6)
    assert len(set(application.workers().values()) & set(workers.values())) >= 4
    assert application.stop() == 0


# The gate

HANG = "import time\ntime.sleep(3600)"
CRASH = """
import os, time
def run():
    time.sleep(0.2)
    os._exit(3)
"""
BROKEN = {
    "syntax": ("def broken(:", {}, "SyntaxError"),
    "import": ("import no_such_module_anywhere", {}, "ModuleNotFoundError"),
    "raise": ("raise ValueError('it is wrong')", {}, "it is wrong"),
    "hang": (HANG, {"replacement_timeout": 2}, "replacement_timeout"),
    "hang, ended": (HANG, {"start_timeout": 2}, "start timeout"),
    "crash later": (CRASH, {"min_ready_time": 5}, "min_ready_time"),
}


def lost_worker(failed: Record) -> int:
    """The id of the worker that the result names."""
    assert (failed.event, failed.service) == ("reload_failed", "marked")
    found = re.match(r"worker marked\((\d+)\) ", failed.error)
    assert found, failed.error
    return int(found[1])


@pytest.mark.parametrize(
    ("case", "method"),
    [
        *((case, "fork") for case in BROKEN),
        *((case, method) for method in ("forkserver", "spawn") for case in ("raise", "hang")),
    ],
)
def test_broken_code_replaces_no_more_than_the_first(
    launch: Launch, case: str, method: str
) -> None:
    code, options, why = BROKEN[case]
    application = start(launch, method, workers=4, max_unavailable=1, **options)
    workers = application.wait_for_workers(4)
    application.write("code.py", code)
    failed = reload(application)
    lost = lost_worker(failed)
    assert why in failed.error
    others = {worker: pid for worker, pid in workers.items() if worker != ("marked", lost)}
    assert len(others) == 3
    assert others.items() <= application.workers().items()
    application.write("code.py", GOOD)
    if "min_ready_time" not in options:  # it would take its time
        assert reload(application).event == "manager_reloaded"
        assert application.wait_for_replacements(workers).keys() == workers.keys()
    assert application.stop() == 0
    assert not application.records("init", predecessor_alive=True)


@pytest.mark.parametrize("case", BROKEN)
def test_broken_code_with_a_surge_replaces_nobody(launch: Launch, case: str) -> None:
    code, options, why = BROKEN[case]
    application = start(launch, workers=4, max_unavailable=0, max_surge=1, **options)
    workers = application.wait_for_workers(4)
    application.write("code.py", code)
    with Sampler(application.directory) as sampler:
        failed = reload(application)
        lost_worker(failed)
        assert why in failed.error
        application.until(lambda: application.workers() == workers, "the old workers alone")
    old = [{mark for mark in picture if mark.pid in workers.values()} for picture in sampler.ready]
    assert min(map(len, old)) == 4
    application.write("code.py", GOOD)
    if "min_ready_time" not in options:
        assert reload(application).event == "manager_reloaded"
        assert application.wait_for_replacements(workers).keys() == workers.keys()
    assert application.stop() == 0


def test_what_waits_to_be_replaced_is_not_the_policy_s(launch: Launch) -> None:
    """An old worker that ends before its turn is replaced, whatever its policy says."""
    application, workers, gate = half_way(launch, restart_policy="never")
    waiting = [pid for pid in workers.values() if procfs.alive(pid)][-1]
    os.kill(waiting, signal.SIGKILL)
    application.wait_for("worker_exited", pid=waiting)
    gate.unlink()
    application.wait_for("manager_reloaded")
    assert application.wait_for_replacements(workers).keys() == workers.keys()
    assert not application.records("worker_stopped")
    assert application.stop() == 0

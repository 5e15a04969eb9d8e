"""Workers are replaced a few at a time: who is there meanwhile, and what stops it."""

from __future__ import annotations

import json
import signal
import socket
import threading
from typing import Any

import pytest

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
    keep_floor(application, RELOADS["fork"], floor, most, most_of_one)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.parametrize("case", ["default", "surge"])
def test_the_floor_with_other_start_methods(launch: Launch, case: str, method: str) -> None:
    options, floor, most, most_of_one = FLOORS[case]
    application = start(launch, method, workers=8, **options)
    keep_floor(application, RELOADS[method], floor, most, most_of_one)


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

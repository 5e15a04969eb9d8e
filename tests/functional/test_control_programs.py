"""The control socket of programs with a ``main()`` of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from cotyledon_core.control import Client, ControlError, NoManager
from tests.functional.harness import DEADLINE, Application, Launch

SERVICES = {
    "adding": "",
    "built": "service_type = command\ncommand = sleep 3600",
}
"""What the section of the service says beside the number of workers."""


class Program:
    """The program, and its configuration."""

    def __init__(self, launch: Launch, how: str, **more: Any) -> None:
        self.how = how
        self.application: Application = launch(
            "steered", how, files={"app.conf": self._text(2)}, **more
        )
        self.path = os.path.join(self.application.directory, "control.sock")
        self.application.until(self._answers, "the socket")

    def _answers(self) -> bool:
        """The socket is there a moment before it can be connected to."""
        try:
            with self.client() as client:
                return bool(client.hello())
        except NoManager:
            return False

    def _text(self, workers: int, wrong: str = "") -> str:
        manager = "[cotyledon]\nservices = web\n" if self.how == "built" else ""
        service = f"[service:web]\nworkers = {workers}\n{SERVICES[self.how]}\n{wrong}\n"
        return f"{manager}[control]\nsocket = control.sock\n{service}"

    def configure(self, workers: int, wrong: str = "") -> None:
        self.application.write("app.conf", self._text(workers, wrong))

    def client(self) -> Client:
        return Client(self.path, DEADLINE)


@pytest.fixture(params=SERVICES)
def program(request: pytest.FixtureRequest, launch: Launch) -> Iterator[Program]:
    made = Program(launch, request.param)
    with made.client() as client:
        client.wait("web")
    yield made
    if os.path.exists(made.path):
        assert made.application.stop() == 0
    assert not os.path.exists(made.path)


def ready(client: Client) -> int:
    (web,) = client.status("web").services
    return web.ready


def test_status(program: Program) -> None:
    with program.client() as client:
        assert client.hello().pid == program.application.manager
        status = client.status()
        assert status.as_wanted
        (web,) = status.services
        assert (web.name, web.wanted, web.ready) == ("web", 2, 2)
        assert client.health().status == "pass"


def test_commands(program: Program) -> None:
    with program.client() as client:
        client.scale("web", 3, wait=True)
        assert ready(client) == 3
        client.stop("web", 1, wait=True)
        assert ready(client) == 2
        client.start("web", 1, wait=True)
        before = [worker.pid for worker in client.status().services[0].workers]
        client.restart("web", rolling=True, wait=True)
        after = [worker.pid for worker in client.status().services[0].workers]
        assert len(after) == 3
        assert not set(before) & set(after)
        commands = [entry for entry in client.events() if entry.event == "commanded"]
        assert len(commands) == 4


def test_a_reload(program: Program) -> None:
    with program.client() as client:
        assert not client.preview()
        program.configure(4)
        found = [(each.service, each.workers) for each in client.preview().changed]
        # what a program makes of its configuration is up to the program
        assert found == ([("web", 4)] if program.how == "built" else [])
        assert ready(client) == 2
        client.reload(wait=True)
        assert ready(client) == 4
        program.configure(4, "watchdog_timeout = soon")
        with pytest.raises(ControlError, match="watchdog_timeout"):
            client.preview()
        with pytest.raises(ControlError):
            client.reload(wait=True)
        assert client.status().as_wanted


def test_a_worker_that_is_killed(program: Program) -> None:
    with program.client() as client:
        (web,) = client.status().services
        pid = web.workers[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        def replaced() -> bool:
            (worker,) = client.status("web", 0).services[0].workers
            return worker.ready and worker.pid != pid

        program.application.until(replaced, "the replacement")


def test_the_end(program: Program) -> None:
    with program.client() as client:
        client.shutdown(wait=True)
    assert program.application.wait() == 0
    program.application.wait_until_gone()
    with pytest.raises(NoManager), program.client() as client:
        client.hello()


def test_workers_know_where_it_is(launch: Launch, method: str) -> None:
    """However they are started."""
    program = Program(launch, "adding", method=method)
    run = program.application.wait_for("run", 2)
    assert {record.socket for record in run} == {program.path}
    with program.client() as client:
        client.wait("web")
    assert program.application.stop() == 0

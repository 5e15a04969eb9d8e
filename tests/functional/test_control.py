"""The control socket of a real manager, by the client and by hand."""

from __future__ import annotations

import os
import signal
import stat

import pytest

from cotyledon_core.control.errors import ControlError, NoManager
from cotyledon_core.process import proctable
from tests.functional.configured import sections
from tests.functional.controlled import SOCKET, Controlled
from tests.functional.harness import Launch


def test_status_and_scale(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}, batch={}))
    with running.client() as client:
        hello = client.hello()
        assert (hello.pid, hello.level, hello.protocol) == (running.application.pid, "write", 1)
        status = client.status()
        assert status.as_wanted
        assert [(each.name, each.wanted, each.ready) for each in status.services] == [
            ("web", 2, 2),
            ("batch", 1, 1),
        ]
        pids = {(s.name, w.worker): w.pid for s in status.services for w in s.workers}
        assert pids == running.pids()
        assert client.health().status == "pass"
        client.scale("web", 3)
        running.wait_for_counts(web=3, batch=1)
        (web,) = client.status("web").services
        assert web.wanted == 3
    running.stop()
    assert not os.path.exists(running.path)


def test_the_last_exit_is_told(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    pid = running.pids()["web", 0]
    os.kill(pid, signal.SIGKILL)
    with running.client() as client:

        def replaced() -> bool:
            (worker,) = client.status("web", 0).services[0].workers
            return worker.ready and worker.restarts == 1

        running.application.until(replaced, "the replacement")
        (worker,) = client.status("web", 0).services[0].workers
        end = worker.last_exit
        assert end is not None
        assert (end.pid, end.signal, end.asked) == (pid, signal.SIGKILL, False)
    running.stop()


def test_what_processes_use_is_told_on_request(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}))
    with running.client() as client:
        plain = client.status()
        (web,) = plain.services
        assert {each.cpu_seconds for each in (plain.manager, *web.workers)} == {None}
        told = client.status(resources=True)
        (web,) = told.services
        for pid, each in [(told.manager.pid, told.manager), *((w.pid, w) for w in web.workers)]:
            assert pid is not None
            # of two looks the second cannot have less
            later = proctable.usage(pid)
            assert later is not None
            assert each.cpu_seconds is not None
            # of a process that is young it may be less than a tick of the clock
            assert 0 <= each.cpu_seconds <= later.cpu_seconds
            assert each.resident_bytes is not None
            assert 2**20 < each.resident_bytes < 2**40
        assert told.manager.cpu_seconds
        client.stop("web", 0, wait=True)
        (web,) = client.status(resources=True).services
        assert [each.resident_bytes is None for each in web.workers] == [True, False]
    running.stop()


def test_reload_and_shutdown(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    configuration = sections(web={"workers": 2})
    configuration["control"] = {"socket": SOCKET}
    running.write(configuration)
    with running.client() as client:
        client.reload()
        running.wait_for_counts(web=2)
        running.application.until(lambda: client.status().manager.last_reload, "the result")
        last = client.status().manager.last_reload
        assert last is not None
        assert last.result == "succeeded"
        client.shutdown()
    assert running.application.wait() == 0
    running.application.wait_until_gone()
    with pytest.raises(NoManager):
        running.client().hello()


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        ("fly", {}, "unknown_command"),
        ("status", {"service": "absent"}, "unknown_service"),
        ("status", {"service": "web", "worker": 7}, "unknown_worker"),
        ("status", {"worker": 0}, "bad_request"),
        ("status", {"services": "web"}, "bad_request"),
        ("scale", {"service": "web"}, "bad_request"),
        ("scale", {"service": "web", "workers": -1}, "bad_request"),
        ("scale", {"service": "web", "workers": True}, "bad_request"),
        ("health", {"quorum": "most"}, "bad_request"),
    ],
)
def test_refusals(
    shared: Controlled, command: str, arguments: dict[str, object], code: str
) -> None:
    with shared.connect() as raw:
        answer = raw.ask(command, **arguments)
        assert (answer["id"], answer["error"]["code"]) == (1, code)
        # and it goes on
        assert raw.ask("hello")["result"]["name"]


@pytest.fixture
def shared(launch: Launch) -> Controlled:
    return Controlled(launch, sections(web={}))


def test_the_socket_is_private(shared: Controlled) -> None:
    assert stat.S_IMODE(os.stat(shared.path).st_mode) == 0o600


def test_a_live_manager_refuses_the_next(launch: Launch, shared: Controlled) -> None:
    second = Controlled(launch, sections(web={}), {"socket": shared.path}, wait=False)
    assert second.application.wait() == 1
    assert str(shared.application.pid) in second.application.output()
    assert not second.application.records("worker_spawned")
    with shared.client() as client:
        assert client.hello().pid == shared.application.pid


def test_a_stale_socket_is_replaced(launch: Launch, shared: Controlled) -> None:
    shared.application.send(signal.SIGKILL)
    shared.application.wait()
    shared.application.wait_until_gone()
    assert os.path.exists(shared.path)
    second = Controlled(launch, sections(web={}), {"socket": shared.path})
    with shared.client() as client:
        assert client.hello().pid == second.application.pid
    second.stop()


def test_errors_of_the_manager_are_exceptions(shared: Controlled) -> None:
    with shared.client() as client:
        with pytest.raises(ControlError) as caught:
            client.scale("absent", 1)
        assert caught.value.code == "unknown_service"
        assert "web" in str(caught.value)
        client.scale("web", 1)


@pytest.mark.parametrize("socket", [SOCKET, ""])
def test_workers_find_the_socket_in_their_environment(launch: Launch, socket: str) -> None:
    """That of their own manager, if it has one."""
    shown = "/bin/sh -c 'echo $$COTYLEDON_SOCKET > found && exec sleep 1000'"
    shell = {"service_type": "command", "command": shown}
    outer = {"COTYLEDON_SOCKET": "/of/another/manager"}
    control = {"socket": socket}
    running = Controlled(launch, sections(shell=shell), control, environment=outer)
    found = running.application.directory / "found"
    running.application.until(lambda: found.exists() and found.read_text(), "what was found")
    assert found.read_text() == (f"{running.path}\n" if socket else "\n")
    running.stop()

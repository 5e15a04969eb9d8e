"""Commands that steer, wait, and look closer."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from cotyledon_core.control.async_client import AsyncClient
from cotyledon_core.control.errors import ControlError, NoManager
from cotyledon_core.control.results import Progress
from tests.functional import procfs
from tests.functional.configured import sections
from tests.functional.controlled import SOCKET, Controlled
from tests.functional.harness import Launch


def test_stop_start_and_restart(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}, batch={}))
    before = running.pids()
    told: list[Progress] = []
    with running.client() as client:
        client.stop("web", wait=True, progress=told.append)
        assert not running.pids("web")
        assert [each.service for each in told if each.service != "web"] == []
        client.start("web", wait=True)
        started = running.pids("web")
        assert len(started) == 2
        client.restart("web", 0, wait=True)
        after = running.pids()
        assert after["web", 0] != started["web", 0]
        assert after["web", 1] == started["web", 1]
        client.restart("web", rolling=True, wait=True)
        assert not set(running.pids("web").values()) & set(after.values())
        assert running.pids("batch") == {("batch", 0): before["batch", 0]}
    running.stop()


def test_a_rolling_restart_that_fails_is_not_waited_for(launch: Launch) -> None:
    program = "sh -c 'test ! -e broken && exec sleep 3600'"
    web = {"service_type": "command", "command": program, "workers": 3, "min_ready_time": 0.2}
    running = Controlled(launch, sections(web={**web, "replacement_timeout": 0}))
    before = running.pids()
    broken = running.application.directory / "broken"
    # a shell that still looks for it would end
    running.application.until(
        lambda: all(procfs.title(pid).startswith("sleep") for pid in before.values()),
        "all have become what they execute",
    )
    broken.touch()
    with running.client() as client:
        with pytest.raises(ControlError) as caught:
            client.restart("web", rolling=True, wait=True)
        assert caught.value.code == "failed"
        assert "min_ready_time" in caught.value.text
        assert running.pids().items() < before.items()
        assert ("web", 2) in running.pids()
        broken.unlink()
        client.start("web", wait=True)
        client.restart("web", rolling=True, wait=True)
        assert len(running.pids()) == 3
        assert not set(running.pids().values()) & set(before.values())
    running.stop()


def test_scale_and_wait(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    told: list[Progress] = []
    with running.client() as client:
        client.scale("web", 3, wait=True, progress=told.append)
        assert len(running.pids()) == 3
        assert (told[-1].ready, told[-1].wanted) == (3, 3)
        client.wait()
        client.wait("web", 2)
        with pytest.raises(ControlError) as caught:
            client.wait("web", 3)
        assert caught.value.code == "unknown_worker"
    running.stop()


def test_who_sends_nothing_more_is_answered(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    pid, manager = running.pids()["web", 0], running.application.pid
    before = len(procfs.descriptors(manager))
    request = {"version": 1, "command": "restart", "arguments": {"service": "web", "wait": True}}
    with running.connect() as follower, running.connect() as client:
        follower.send(b'{"version": 1, "command": "events", "arguments": {"follow": true}}\n')
        client.send(json.dumps(request).encode() + b"\n")
        for each in (follower, client):
            each.finish()
        while "event" in (answer := client.line()):
            pass
        assert answer == {"id": None, "result": {}}
        assert client.is_closed()
        assert running.pids()["web", 0] != pid
        while (told := follower.line()["event"])["event"] != "worker_exited":
            pass
        assert told["pid"] == pid
    running.application.until(
        lambda: len(procfs.descriptors(manager)) <= before, "the old descriptors"
    )
    running.stop()


def test_what_does_not_come_is_not_waited_for(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"behaviour": "hang"}), wait=False)
    running.application.wait_for("value")
    with running.client() as client:
        with pytest.raises(ControlError) as caught:
            client.wait("web", timeout=0.2)
        assert caught.value.code == "timed_out"
        assert client.hello().pid == running.application.pid
    running.application.stop()


def test_reload_tells_its_result(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}, batch={}))
    changed = sections(web={"workers": 2, "value": "new"}, more={})
    changed["control"] = {"socket": SOCKET}
    running.write(changed)
    with running.client() as client:
        preview = client.preview()
        assert (preview.added, preview.removed) == (("more",), ("batch",))
        (web,) = preview.changed
        assert (web.service, web.effects, web.replacing) == (
            "web",
            ("scaled", "replaced"),
            ("value",),
        )
        assert len(running.pids()) == 2
        client.reload(wait=True)
        assert running.pids().keys() == {("web", 0), ("web", 1), ("more", 0)}
        assert not client.preview()
        running.write("[cotyledon]\nservices = absent\n")
        for attempt in (client.preview, lambda: client.reload(wait=True)):
            with pytest.raises(ControlError) as caught:
                attempt()
            assert caught.value.code == "failed"
            assert "absent" in caught.value.text
    running.stop()


def test_shutdown_is_waited_for(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with running.client() as client:
        client.shutdown(wait=True)
    assert running.application.wait() == 0
    running.application.wait_until_gone()


def test_stacks_of_a_living_worker(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    pids = running.pids()
    with running.client() as client:
        for _ in range(2):
            stacks = client.dump("web", 0)
            assert "lifecycle.py" in stacks
            assert stacks.count("most recent call first") >= 1
        assert "loop.py" in client.dump()
        with pytest.raises(ControlError):
            client.dump("web", 1)
    assert running.pids() == pids
    running.stop()


def test_the_level_of_a_logger(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with running.client() as client:
        before = client.log_level("some.logger")
        assert (before.level, before.effective) == ("NOTSET", "INFO")
        assert client.log_level("some.logger", "DEBUG").effective == "DEBUG"
        assert client.log_level("some.logger").level == "DEBUG"
        with pytest.raises(ControlError):
            client.log_level("some.logger", "LOUD")
    running.stop()


def test_the_flight_recorder(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}, batch={}))
    with running.client() as client, running.client() as follower:
        client.scale("web", 2, wait=True)
        client.scale("web", 1, wait=True)
        entries = list(client.events())
        kinds = [entry.event for entry in entries]
        assert kinds[0] == "manager_started"
        assert kinds.count("commanded") == 2
        (sent,) = [entry for entry in entries if entry.event == "signalled"]
        assert (sent.service, sent.worker_id, sent.data["request"]) == ("web", 1, "stop")
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        assert {entry.service for entry in client.events(service="batch")} == {"batch"}
        last = entries[-1].number
        assert not list(client.events(after=last))
        following = follower.events(after=last, follow=True)
        os.kill(running.pids()["batch", 0], signal.SIGKILL)
        entry = next(entry for entry in following if entry.event == "worker_exited")
        # beside it
        assert follower.hello().pid == running.application.pid
        assert (entry.service, entry.data["status"]["signal"]) == ("batch", signal.SIGKILL)
    running.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_written_when_the_manager_fails(launch: Launch, number: int) -> None:
    running = Controlled(launch, sections(web={}), {"flight_recorder_file": "flight.jsonl"})
    path = running.application.directory / "flight.jsonl"
    status = running.application.stop(number)
    assert path.exists() == (status != 0)
    if status:
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        assert (entries[0]["event"], entries[-1]["event"]) == ("manager_started", "manager_stopped")


def test_the_client_for_asyncio(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))

    async def steer() -> None:
        told: list[Progress] = []
        async with AsyncClient(running.path) as client:
            assert (await client.hello()).pid == running.application.pid
            await client.scale("web", 2, wait=True, progress=told.append)
            assert told[-1].ready == 2
            assert (await client.status()).as_wanted
            with pytest.raises(ControlError):
                await client.stop("absent")
            async for entry in client.events():
                assert entry.event == "manager_started"
                break
            await client.restart("web", 1, wait=True)
            await client.shutdown(wait=True)
            with pytest.raises(NoManager):
                await client.hello()

    asyncio.run(steer())
    assert running.application.wait() == 0
    running.application.wait_until_gone()

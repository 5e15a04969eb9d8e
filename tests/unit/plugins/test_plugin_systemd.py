"""The messages to the service manager, as its socket receives them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cotyledon_core import Cause, ExitStatus, Ledger, Phase, ServiceId, events
from cotyledon_core.record import replace
from cotyledon_plugins.notifiers.systemd.notifier import Systemd

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets")

COUNTS = "1 service, 2/2 workers ready"
STARTED = events.ManagerStarted(at=0.0, wall_time=0.0, pid=1, name="m")
READY = events.ManagerReady(at=1.0, wall_time=1.0, services=1, workers=2)
RELOADING = events.ManagerReloading(at=1.25, wall_time=1.25)
RELOADED = events.ManagerReloaded(at=1.5, wall_time=1.5)
FAILED = events.ReloadFailed(at=1.75, wall_time=1.75, error="no good")
STOPPING = events.ManagerStopping(at=2.0, wall_time=2.0)
STOPPED = events.ManagerStopped(at=3.0, wall_time=3.0, status=0)


def of_worker(kind: type[events.Event], at: float, worker_id: int, **fields: Any) -> Any:
    whose = {"service": "a", "service_id": ID, "worker_id": worker_id, "pid": 9}
    return kind(at=at, wall_time=at, incarnation=1, **whose, **fields)


def spawned(at: float, worker_id: int) -> Any:
    return of_worker(events.WorkerSpawned, at, worker_id)


def is_ready(at: float, worker_id: int) -> Any:
    return of_worker(events.WorkerReady, at, worker_id, start_duration=0.1)


def ended(at: float, worker_id: int, *, asked: bool = False) -> Any:
    status = ExitStatus(code=1)
    how = {"status": status, "cause": Cause.EXITED, "phase": Phase.RUN, "uptime": 1.0}
    return of_worker(events.WorkerExited, at, worker_id, asked=asked, **how)


def restarting(at: float, worker_id: int) -> Any:
    return of_worker(events.WorkerRestarting, at, worker_id, delay=5.0)


ID = ServiceId(UUID(int=1))
ADDED = events.ServiceAdded(at=0.0, wall_time=0.0, service="a", service_id=ID, workers=2)
UP = (ADDED, spawned(0.0, 0), spawned(0.0, 1), is_ready(0.5, 0), is_ready(0.5, 1))


class Receiver:
    """Stands in for the service manager."""

    def __init__(self, address: str | bytes) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def received(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return [message for message in messages if message != "BARRIER=1"]

    def fill(self) -> None:
        """Leave no room in the queue."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                while True:
                    sender.sendto(b"x", self._socket.getsockname())
            except BlockingIOError:
                return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.chdir(tmp_path)
    return str(tmp_path / "s")


@pytest.fixture
def receiver(path: str) -> Iterator[Receiver]:
    receiver = Receiver(path)
    yield receiver
    receiver.close()


def made(**options: Any) -> Systemd:
    """A notifier that is there from the start, of a manager with two workers."""
    notifier = Systemd(**{"extend_timeout": 0.0, **options})
    for event in (STARTED, *UP):
        notifier.notify(event)
    return notifier


def test_ready_and_stopping(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    for event in (READY, STOPPING, STOPPING, STOPPED):
        notifier.notify(event)
    notifier.close()
    assert receiver.received() == [
        f"READY=1\nMAINPID={os.getpid()}\nSTATUS={COUNTS}",
        STOP,
        "STATUS=stopped",
    ]


def test_what_was_lost_before(receiver: Receiver, path: str) -> None:
    lost = events.ServiceGivenUp(at=0.9, wall_time=0.9, service="b", service_id=ID, reason="why")
    (message,) = told(receiver, path, lost, READY)
    assert message.endswith("STATUS=2 services, 2/2 workers ready, 1 given up: b (why)")


def test_a_failure_is_told_with_its_reason(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    notifier.notify(events.ManagerStopping(at=2.0, wall_time=2.0, reason="a given up:\nREADY=1"))
    notifier.notify(events.ManagerStopped(at=3.0, wall_time=3.0, status=3))
    assert receiver.received() == [
        "STOPPING=1\nSTATUS=stopping: a given up: READY=1; 2 left: a(0), a(1)",
        "STATUS=stopped with exit status 3: a given up: READY=1\nEXIT_STATUS=3",
    ]


def test_what_it_has_failed_of_is_told_with_the_system_s_number(
    receiver: Receiver, path: str
) -> None:
    notifier = made(socket=path)
    failed = replace(STOPPED, status=1, error="cannot listen: [Errno 98] in use", errno=98)
    notifier.notify(failed)
    assert receiver.received() == [
        "STATUS=failed with exit status 1: cannot listen: [Errno 98] in use\n"
        "EXIT_STATUS=1\nERRNO=98"
    ]
    notifier.close()


def test_a_failure_without_a_number(receiver: Receiver, path: str) -> None:
    failed = replace(STOPPED, status=1, error="no good")
    (message,) = told(receiver, path, failed)
    assert message == "STATUS=failed with exit status 1: no good\nEXIT_STATUS=1"


STOP = "STOPPING=1\nSTATUS=stopping; 2 left: a(0), a(1)"
BEGUN = f"RELOADING=1\nMONOTONIC_USEC=1250000\nSTATUS=reloading; {COUNTS}"
READY_AGAIN = f"READY=1\nSTATUS={str(RELOADED).removeprefix('manager ')}; {COUNTS}"
REFUSED = f"READY=1\nSTATUS=reload failed, the running configuration stays: no good; {COUNTS}"


def told(receiver: Receiver, path: str, *told: events.Event) -> list[str]:
    notifier = made(socket=path)
    for event in told:
        notifier.notify(event)
    return receiver.received()


def test_a_reload_begins_and_ends(receiver: Receiver, path: str) -> None:
    messages = told(receiver, path, READY, RELOADING, RELOADED, RELOADING, FAILED)
    assert messages[1:] == [BEGUN, READY_AGAIN, BEGUN, REFUSED]


def test_the_texts_are_those_of_the_events(receiver: Receiver, path: str) -> None:
    messages = told(receiver, path, READY, RELOADING, RELOADED, RELOADING, FAILED)
    for event, message in zip((RELOADING, RELOADED, RELOADING, FAILED), messages[1:], strict=True):
        text = str(event).removeprefix("manager ")
        assert message.splitlines()[-1] == f"STATUS={text}; {COUNTS}"


def test_a_reload_that_is_refused_before_it_begins(receiver: Receiver, path: str) -> None:
    """systemd waits for RELOADING=1 first, and takes no notice of READY=1 until then."""
    begun, ended = told(receiver, path, READY, FAILED)[1:]
    assert begun.startswith("RELOADING=1\nMONOTONIC_USEC=1750000\n")
    assert ended == REFUSED


@pytest.mark.parametrize("error", ["", "nor that"])
def test_a_failed_reload_is_over_and_then_undone(receiver: Receiver, path: str, error: str) -> None:
    failed = replace(FAILED, service="a", error="worker a(0) has ended")
    undone = events.ReloadUndone(at=2.0, wall_time=2.0, error=error)
    *_, ended, status = told(receiver, path, READY, RELOADING, failed, undone)
    assert ended == f"READY=1\nSTATUS={failed}; {COUNTS}"
    assert status == f"STATUS={failed}; {undone}; {COUNTS}"


@pytest.mark.parametrize(
    ("before", "left"),
    [
        ([RELOADING], ["READY=1"]),
        ([RELOADING, RELOADED], []),
        ([RELOADING, STOPPING], []),
        ([], []),
    ],
    ids=["reloading", "reloaded", "stopping", "ready"],
)
def test_one_that_a_reload_removes_ends_it(
    receiver: Receiver, path: str, before: list[events.Event], left: list[str]
) -> None:
    notifier = made(socket=path)
    for event in (READY, *before):
        notifier.notify(event)
    receiver.received()
    notifier.close()
    assert [message.splitlines()[0] for message in receiver.received()] == left


def successor_of(before: Systemd, *noted: events.Event, **options: Any) -> Systemd:
    """One that a reload puts in its place, since its options are other ones."""
    notifier = Systemd(**{"extend_timeout": 0.0, **options})
    notifier.synchronize(ledger_of(STARTED, *UP, *noted))
    notifier.take_over(before)
    before.close()
    return notifier


def test_a_reload_that_changes_its_options_is_ended_by_its_successor(
    receiver: Receiver, path: str
) -> None:
    before = made(socket=path)
    before.notify(READY)
    before.notify(RELOADING)
    receiver.received()
    after = successor_of(before, READY, RELOADING, socket=path, extend_limit=1)
    assert receiver.received() == []
    after.notify(RELOADED)
    assert receiver.received() == [READY_AGAIN]


def test_its_successor_knows_why_the_last_reload_has_failed(receiver: Receiver, path: str) -> None:
    before = made(socket=path)
    for event in (READY, RELOADING, FAILED):
        before.notify(event)
    after = successor_of(before, READY, RELOADING, FAILED, socket=path)
    undone = events.ReloadUndone(at=2.0, wall_time=2.0)
    after.notify(undone)
    assert receiver.received()[-1] == f"STATUS={FAILED}; {undone}; {COUNTS}"


def test_its_successor_sends_what_it_could_not(receiver: Receiver, path: str) -> None:
    before = made(socket=path)
    receiver.fill()
    before.notify(READY)
    after = successor_of(before, READY, socket=path)
    receiver.received()
    wake_at = after.deadline()
    assert wake_at is not None
    after.wake(wake_at + 1)
    assert receiver.received()[0].startswith("READY=1")


def test_a_successor_with_another_address_leaves_the_end_to_it(
    receiver: Receiver, path: str
) -> None:
    before = made(socket=path)
    before.notify(READY)
    before.notify(RELOADING)
    receiver.received()
    successor_of(before, READY, RELOADING, socket=f"{path}2")
    assert [message.splitlines()[0] for message in receiver.received()] == ["READY=1"]


def test_a_second_reload_begins_before_the_end_of_the_first(receiver: Receiver, path: str) -> None:
    assert told(receiver, path, READY, RELOADING, RELOADING, RELOADED)[1:] == [
        BEGUN,
        BEGUN,
        READY_AGAIN,
    ]


@pytest.mark.parametrize("end", [RELOADED, FAILED])
def test_a_reload_does_not_end_the_start(receiver: Receiver, path: str, end: events.Event) -> None:
    for reload in ([RELOADING, end], [end]):
        messages = told(receiver, path, *reload)
        assert len(messages) == len(reload)
        assert all(message.startswith("STATUS=") for message in messages)


def test_the_start_ends_during_a_reload(receiver: Receiver, path: str) -> None:
    messages = told(receiver, path, RELOADING, READY, RELOADED, RELOADING, RELOADED)
    assert [message.splitlines()[0] for message in messages] == [
        f"STATUS=reloading; starting: {COUNTS}",
        "READY=1",
        READY_AGAIN.splitlines()[1],
        "RELOADING=1",
        "READY=1",
    ]


def test_one_that_is_added_while_the_manager_runs(receiver: Receiver, path: str) -> None:
    """The service manager knows that it is ready."""
    late = Systemd(socket=path)
    late.synchronize(ledger_of(STARTED, *UP, READY))
    late.notify(RELOADED)
    begun, ended = receiver.received()
    assert begun.startswith("RELOADING=1\nMONOTONIC_USEC=1500000\n")
    assert ended == READY_AGAIN


def ledger_of(*told: events.Event) -> Ledger:
    ledger = Ledger()
    for event in told:
        ledger.note(event)
    return ledger


def test_one_that_is_added_during_the_start_ends_it(receiver: Receiver, path: str) -> None:
    late = Systemd(socket=path)
    late.synchronize(ledger_of(STARTED, *UP))
    late.notify(READY)
    assert [message.splitlines()[0] for message in receiver.received()] == ["READY=1"]


def test_nothing_of_a_reload_or_start_after_the_stop(receiver: Receiver, path: str) -> None:
    messages = told(receiver, path, READY, RELOADING, STOPPING, RELOADED, RELOADING, FAILED, READY)
    assert messages[1:] == [BEGUN, STOP]


@pytest.mark.parametrize("error", ["x" * 5000, "\u20ac" * 5000, "a\0b\r\nREADY=1\udc80"])
def test_a_message_that_systemd_takes(receiver: Receiver, path: str, error: str) -> None:
    """It drops the whole of one with 4096 bytes, or with a NUL in it."""
    failed = events.ReloadFailed(at=1.75, wall_time=1.75, error=error)
    *_, message = told(receiver, path, READY, RELOADING, failed)
    assert len(message.encode()) < 4096
    assert len(message.splitlines()) == 2
    assert "\0" not in message


def test_the_variable_is_read_when_it_is_made(
    receiver: Receiver, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    notifier = made()
    monkeypatch.delenv("NOTIFY_SOCKET")
    notifier.notify(READY)
    assert len(receiver.received()) == 1


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="abstract addresses are Linux's")
def test_an_abstract_address(path: str) -> None:
    name = f"cotyledon-test-{os.getpid()}"
    receiver = Receiver(f"\0{name}")
    try:
        made(socket=f"@{name}").notify(READY)
        assert len(receiver.received()) == 1
    finally:
        receiver.close()


def test_without_an_address_nothing_happens(path: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier = made()
    notifier.notify(READY)
    notifier.close()
    assert caplog.records == []


def test_a_full_queue_delays_and_loses_nothing(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    receiver.fill()
    notifier.notify(READY)
    assert set(receiver.received()) == {"x"}
    notifier.notify(STARTED)
    assert [text[:7] for text in receiver.received()] == ["READY=1"]


def test_what_was_delayed_keeps_its_order(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    receiver.fill()
    notifier.notify(READY)
    notifier.notify(STOPPING)
    receiver.received()
    notifier.close()
    assert [text.partition("=")[0] for text in receiver.received()] == ["READY", "STOPPING"]


def test_a_failed_send_is_logged_once(path: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier = made(socket=path)
    with caplog.at_level(logging.WARNING):
        notifier.notify(READY)
        notifier.notify(STOPPING)
    (message,) = caplog.messages
    assert message.startswith(f"cannot notify the service manager: {path}: ")


def test_an_unsupported_address_is_logged(
    path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "vsock:2:1234")
    made().notify(READY)
    (message,) = caplog.messages
    assert "'vsock:2:1234' are not supported" in message


@pytest.mark.parametrize("address", ["", "relative/path", "@", "/a\0b"])
def test_an_impossible_option_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"^socket: .* must be an absolute path or @ and a name"):
        Systemd(socket=address)


def test_a_send_leaves_no_descriptor_open(receiver: Receiver, path: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    made(socket=path).notify(READY)
    assert len(os.listdir("/proc/self/fd")) == before

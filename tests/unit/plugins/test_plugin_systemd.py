"""The messages to the service manager, as its socket receives them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotyledon_core import events
from cotyledon_core.record import replace
from cotyledon_plugins.notifiers.systemd import Systemd

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets")

STARTED = events.ManagerStarted(at=0.0, wall_time=0.0, pid=1, name="m")
READY = events.ManagerReady(at=1.0, wall_time=1.0, services=2, workers=5)
RELOADING = events.ManagerReloading(at=1.25, wall_time=1.25)
RELOADED = events.ManagerReloaded(at=1.5, wall_time=1.5)
FAILED = events.ReloadFailed(at=1.75, wall_time=1.75, error="no good")
STOPPING = events.ManagerStopping(at=2.0, wall_time=2.0)
STOPPED = events.ManagerStopped(at=3.0, wall_time=3.0, status=0)


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
                return messages

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


def made(**options: str) -> Systemd:
    """A notifier that is there from the start."""
    notifier = Systemd(**options)
    notifier.notify(STARTED)
    return notifier


def test_ready_and_stopping(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    for event in (READY, STOPPING, STOPPING, STOPPED):
        notifier.notify(event)
    notifier.close()
    assert receiver.received() == [
        "READY=1\nSTATUS=5 workers of 2 services ready",
        "STOPPING=1\nSTATUS=stopping",
    ]


def test_what_was_lost_before(receiver: Receiver, path: str) -> None:
    event = events.ManagerReady(at=1.0, wall_time=1.0, services=1, workers=2, lost=("a", "b"))
    made(socket=path).notify(event)
    assert receiver.received() == ["READY=1\nSTATUS=2 workers of 1 services ready; lost: a, b"]


def test_a_failure_is_told_with_its_reason(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    notifier.notify(events.ManagerStopping(at=2.0, wall_time=2.0, reason="a given up:\nREADY=1"))
    notifier.notify(events.ManagerStopped(at=3.0, wall_time=3.0, status=3))
    assert receiver.received() == [
        "STOPPING=1\nSTATUS=stopping: a given up: READY=1",
        "STATUS=stopped with exit status 3: a given up: READY=1\nEXIT_STATUS=3",
    ]


BEGUN = "RELOADING=1\nMONOTONIC_USEC=1250000\nSTATUS=reloading"
READY_AGAIN = f"READY=1\nSTATUS={str(RELOADED).removeprefix('manager ')}"
REFUSED = "READY=1\nSTATUS=reload failed, the running configuration stays: no good"


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
        assert message.splitlines()[-1] == f"STATUS={str(event).removeprefix('manager ')}"


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
    assert ended == f"READY=1\nSTATUS={failed}"
    assert status == f"STATUS={failed}; {undone}"


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
        "STATUS=reloading",
        "READY=1",
        READY_AGAIN.splitlines()[1],
        "RELOADING=1",
        "READY=1",
    ]


def test_one_that_is_added_while_the_manager_runs(receiver: Receiver, path: str) -> None:
    """It is told at once that the manager is ready; the service manager knows."""
    late = Systemd(socket=path)
    for event in (READY, RELOADED):
        late.notify(event)
    begun, ended = receiver.received()
    assert begun.startswith("RELOADING=1\nMONOTONIC_USEC=1500000\n")
    assert ended == READY_AGAIN


def test_nothing_of_a_reload_or_start_after_the_stop(receiver: Receiver, path: str) -> None:
    messages = told(receiver, path, READY, RELOADING, STOPPING, RELOADED, RELOADING, FAILED, READY)
    assert messages[1:] == [BEGUN, "STOPPING=1\nSTATUS=stopping"]


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

"""When the notifier ``systemd`` speaks of its own accord, by values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core import Share, events
from cotyledon_plugins.notifiers.systemd.notifier import STATUS_LIMIT, Systemd
from cotyledon_plugins.notifiers.systemd.times import Extension, watchdog_interval
from tests.unit.plugins.test_plugin_systemd import (
    ADDED,
    COUNTS,
    READY,
    RELOADING,
    STARTED,
    STOPPED,
    STOPPING,
    UP,
    Receiver,
    ended,
    is_ready,
    ledger_of,
    made,
    path,
    receiver,
    restarting,
    spawned,
)

__all__ = ["path", "receiver"]

PID = str(os.getpid())
DEADLINE = 20.0


@pytest.fixture
def watched(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "4000000")
    monkeypatch.setenv("WATCHDOG_PID", PID)


def wake_until(notifier: Systemd, end: float) -> None:
    """As the manager's loop does."""
    while (due := notifier.deadline()) is not None and due <= end:
        notifier.wake(due)


def only(receiver: Receiver, name: str) -> list[str]:
    return [text for text in receiver.received() if text.startswith(f"{name}=")]


# -- the watchdog


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "2500000"}, 2.5),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "7"}, 2.5),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "8"}, 0.0),
        ({"WATCHDOG_USEC": "0", "WATCHDOG_PID": "7"}, 0.0),
    ],
)
def test_whose_watchdog_it_is(environ: dict[str, str], seconds: float) -> None:
    assert watchdog_interval(environ, 7) == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "1.5"])
def test_an_interval_that_is_none(
    path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", text)
    made(socket=path)
    assert f"WATCHDOG_USEC={text} is no number of microseconds" in caplog.text


def test_fed_at_half_of_the_interval(receiver: Receiver, path: str, watched: None) -> None:
    notifier = made(socket=path)
    notifier.notify(READY)
    notifier.wake(10.0)
    assert only(receiver, "WATCHDOG") == ["WATCHDOG=1"]
    assert notifier.deadline() == 12.0
    notifier.wake(11.9)
    assert only(receiver, "WATCHDOG") == []
    notifier.wake(12.0)
    assert only(receiver, "WATCHDOG") == ["WATCHDOG=1"]


def test_not_fed_without_a_quorum(
    receiver: Receiver, path: str, watched: None, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = made(socket=path, watchdog_quorum="51%")
    notifier.wake(0.9)
    assert only(receiver, "WATCHDOG"), "the start is no lack"
    notifier.notify(READY)
    notifier.notify(ended(3.0, 0))
    notifier.wake(4.0)
    lack = "the watchdog is not fed: 1/2 workers ready, watchdog_quorum 51% asks for 2"
    messages = receiver.received()
    assert "WATCHDOG=1" not in messages
    assert messages[-1].endswith(lack)
    assert caplog.messages == [f"the service manager's {lack[4:]}"]
    notifier.wake(6.0)
    assert len(caplog.messages) == 1
    notifier.notify(is_ready(7.0, 0))
    notifier.wake(8.0)
    assert "WATCHDOG=1" in receiver.received()
    assert len(caplog.messages) == 2


def test_fed_during_a_stop(receiver: Receiver, path: str, watched: None) -> None:
    notifier = made(socket=path, watchdog_quorum="2")
    for event in (READY, STOPPING, ended(3.0, 0, asked=True)):
        notifier.notify(event)
    notifier.wake(4.0)
    assert only(receiver, "WATCHDOG") == ["WATCHDOG=1"]
    notifier.notify(STOPPED)
    assert notifier.deadline() is None


def test_one_that_a_reload_removes_ends_the_watchdog(
    receiver: Receiver, path: str, watched: None
) -> None:
    """And one that comes begins it anew."""
    notifier = made(socket=path)
    notifier.notify(READY)
    notifier.close()
    assert only(receiver, "WATCHDOG_USEC") == ["WATCHDOG_USEC=0"]
    notifier.synchronize(ledger_of(STARTED, *UP, READY))
    for now in (5.0, 7.0):
        notifier.wake(now)
    assert only(receiver, "WATCHDOG") == ["WATCHDOG=1\nWATCHDOG_USEC=4000000", "WATCHDOG=1"]


def test_food_is_not_kept_for_a_receiver_without_room(
    receiver: Receiver, path: str, watched: None
) -> None:
    notifier = made(socket=path)
    notifier.notify(READY)
    receiver.received()
    receiver.fill()
    wake_until(notifier, 60.0)
    receiver.received()
    wake_until(notifier, 61.0)
    assert len(only(receiver, "WATCHDOG")) == 1


# -- the status


def test_the_status_follows_what_workers_do(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    for event in (READY, ended(5.0, 1), restarting(5.0, 1)):
        notifier.notify(event)
    wake_until(notifier, 5.5)
    notifier.notify(spawned(6.5, 1))
    notifier.notify(is_ready(6.5, 1))
    wake_until(notifier, 9.0)
    assert receiver.received()[1:] == [
        "STATUS=1 service, 1/2 workers ready, 1 restarting: a(1) exit status 1",
        f"STATUS={COUNTS}",
    ]
    assert notifier.deadline() is None


def test_the_status_is_told_once_a_second(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    notifier.notify(READY)
    for tenth in range(10, 50):
        now = tenth / 10
        wake_until(notifier, now)
        notifier.notify(ended(now, 1) if tenth % 2 else is_ready(now, 1))
    assert len(only(receiver, "STATUS")) <= 4


def test_the_status_is_bounded(receiver: Receiver, path: str) -> None:
    notifier = Systemd(socket=path)
    name = "n" * 1000
    for number in range(100):
        given_up = {"service": f"{name}{number}", "service_id": ADDED.service_id, "reason": "r"}
        notifier.notify(events.ServiceGivenUp(at=0.0, wall_time=0.0, **given_up))
    notifier.wake(5.0)
    (status,) = only(receiver, "STATUS")
    assert "100 given up: " in status
    assert len(status) <= STATUS_LIMIT + len("STATUS=")


def test_the_success_of_a_reload_is_old_news_later(receiver: Receiver, path: str) -> None:
    notifier = made(socket=path)
    reloaded = events.ManagerReloaded(at=2.0, wall_time=2.0)
    failed = events.ReloadFailed(at=2.0, wall_time=2.0, error="no good")
    for end, stays in ((reloaded, False), (failed, True)):
        for event in (READY, RELOADING, end, ended(9.0, 1), restarting(9.0, 1)):
            notifier.notify(event)
        notifier.wake(9.0)
        assert ("STATUS=reload" in receiver.received()[-1]) is stays


# -- timeouts


def asked(receiver: Receiver) -> list[int]:
    texts = [line for text in receiver.received() for line in text.splitlines()]
    return [int(text.partition("=")[2]) for text in texts if text.startswith("EXTEND_TIMEOUT_USEC")]


def starting(path: str, *more: events.Event) -> Systemd:
    notifier = Systemd(socket=path)
    for event in (STARTED, ADDED, spawned(0.0, 0), spawned(0.0, 1), *more):
        notifier.notify(event)
    return notifier


def test_a_start_asks_for_time(receiver: Receiver, path: str) -> None:
    notifier = starting(path)
    wake_until(notifier, 12.0)
    assert asked(receiver) == [10_000_000] * 3
    for event in (is_ready(13.0, 0), is_ready(13.0, 1), READY):
        notifier.notify(event)
    wake_until(notifier, 60.0)
    assert asked(receiver) == []


def test_a_start_that_fails_for_ever_asks_for_none(receiver: Receiver, path: str) -> None:
    notifier = starting(path, is_ready(0.1, 0), ended(0.2, 1), restarting(0.2, 1))
    for now in (1.0, 6.0, 11.0):
        notifier.notify(spawned(now, 1))
        wake_until(notifier, now + 3.0)
        notifier.notify(ended(now + 4.0, 1))
        notifier.notify(restarting(now + 4.0, 1))
    assert asked(receiver) == []


def test_without_progress_it_ends(receiver: Receiver, path: str) -> None:
    notifier = starting(path)
    wake_until(notifier, 597.0)
    asked(receiver)
    wake_until(notifier, 10000.0)
    assert asked(receiver) == []
    notifier.notify(is_ready(10000.0, 0))
    wake_until(notifier, 10000.0)
    assert len(asked(receiver)) == 1


def test_a_stop_asks_for_time_with_the_first_message(receiver: Receiver, path: str) -> None:
    notifier = starting(path)
    notifier.notify(STOPPING)
    (message,) = only(receiver, "STOPPING")
    assert "EXTEND_TIMEOUT_USEC=10000000" in message.splitlines()
    wake_until(notifier, 12.0)
    assert len(asked(receiver)) == 2


def test_a_reload_asks_for_time(receiver: Receiver, path: str) -> None:
    notifier = starting(path, is_ready(0.5, 0), is_ready(0.5, 1), READY)
    receiver.received()
    notifier.notify(RELOADING)
    wake_until(notifier, 7.0)
    assert len(asked(receiver)) == 2
    notifier.notify(events.ManagerReloaded(at=8.0, wall_time=8.0))
    wake_until(notifier, 60.0)
    assert asked(receiver) == []


@given(st.lists(st.floats(0.01, 50.0), max_size=40), st.floats(0.1, 30.0), st.floats(0.0, 60.0))
def test_it_never_asks_for_what_is_beyond_the_limit(
    pauses: list[float], step: float, limit: float
) -> None:
    extension = Extension(step, limit)
    extension.begin(0.0)
    now = 0.0
    for pause in pauses:
        now += pause
        text = extension.ask(now, possible=True)
        if text:
            assert now + int(text.partition("=")[2]) / 1e6 <= limit + 1e-6


# -- options


@pytest.mark.parametrize(
    ("name", "value"),
    [("watchdog_quorum", "many"), ("watchdog_quorum", "101%"), ("extend_timeout", -1.0)],
)
def test_wrong_options_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        Systemd(**{name: value})  # type: ignore[arg-type]


def test_a_quorum_of_all_is_of_those_wanted(receiver: Receiver, path: str, watched: None) -> None:
    """More than there are can be asked for, and all of them are enough."""
    assert Share.parse("9") == Share(9)
    notifier = made(socket=path, watchdog_quorum="9")
    notifier.notify(READY)
    notifier.wake(2.0)
    assert only(receiver, "WATCHDOG") == ["WATCHDOG=1"]


# -- the barrier


def test_the_end_waits_until_all_is_handled(tmp_path: Path, path: str) -> None:
    """The receiver closes the pipe's end that comes with the barrier."""
    import socket
    import threading

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
        service_manager.bind(path)
        service_manager.settimeout(DEADLINE)
        heard: list[bytes] = []

        def handle() -> None:
            while heard[-1:] != [b"BARRIER=1"]:
                try:
                    data, descriptors, _, _ = socket.recv_fds(service_manager, 4096, 4)
                except TimeoutError:
                    return
                heard.append(data)
                for descriptor in descriptors:
                    os.close(descriptor)

        before = len(os.listdir("/proc/self/fd"))
        notifier = made(socket=path)
        for event in (READY, STOPPING, STOPPED):
            notifier.notify(event)
        thread = threading.Thread(target=handle)
        thread.start()
        notifier.close()
        thread.join()
        assert [data.partition(b"=")[0] for data in heard] == [
            b"READY",
            b"STOPPING",
            b"STATUS",
            b"BARRIER",
        ]
        assert len(os.listdir("/proc/self/fd")) == before


def test_the_end_does_not_wait_for_ever(receiver: Receiver, path: str) -> None:
    """The receiver reads nothing, first with room and then without."""
    notifier = made(socket=path)
    notifier.notify(READY)
    notifier.notify(STOPPING)
    notifier.close()
    receiver.fill()
    notifier.notify(events.ManagerStopped(at=3.0, wall_time=3.0, status=1))
    notifier.close()
    assert not [message for message in receiver.received() if "EXIT_STATUS" in message]

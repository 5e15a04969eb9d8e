"""The metrics of the notifier ``statsd``, as a server on the loopback receives them."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from cotyledon_core import Cause, ExitStatus, Ledger, Phase, ServiceId, WorkerId, events

pytest.importorskip("statsd")

from cotyledon_plugins.notifiers import statsd
from cotyledon_plugins.notifiers.statsd import Statsd

SERVICE = {"service": "web", "service_id": ServiceId(UUID(int=1))}


class Server:
    """Stands in for statsd."""

    def __init__(self, family: int = socket.AF_INET, address: str = "127.0.0.1") -> None:
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def datagrams(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return found

    def received(self) -> list[str]:
        return [line for datagram in self.datagrams() for line in datagram.splitlines()]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class Told:
    """A notifier, and events for it of which a test says what matters.

    :param late: whether the manager has started before.
    """

    def __init__(self, server: Server, *, late: bool = False, **options: Any) -> None:
        self.notifier = Statsd(**{"host": "127.0.0.1", "port": server.port, **options})
        self.now = 0.0
        self._server = server
        if not late:
            self.tell(events.ManagerStarted, pid=1, name="m")

    def tell(self, event: type[events.Event], **fields: Any) -> list[str]:
        """What the server gets for it."""
        self.notifier.notify(event(at=self.now, wall_time=1000.5 + self.now, **fields))
        return self._server.received()

    def of_service(self, event: type[events.Event], **fields: Any) -> list[str]:
        return self.tell(event, **{**SERVICE, **fields})

    def of_worker(
        self, event: type[events.Event], worker_id: int = 0, incarnation: int = 1, **fields: Any
    ) -> list[str]:
        given = {"worker_id": WorkerId(worker_id), "incarnation": incarnation, "pid": 42}
        return self.of_service(event, **{**given, **fields})

    def spawn(self, worker_id: int = 0, incarnation: int = 1) -> list[str]:
        return self.of_worker(events.WorkerSpawned, worker_id, incarnation)

    def ready(self, worker_id: int = 0, incarnation: int = 1) -> list[str]:
        return self.of_worker(events.WorkerReady, worker_id, incarnation, start_duration=0.25)

    def exit(self, worker_id: int = 0, incarnation: int = 1, **fields: Any) -> list[str]:
        usual = {
            "status": ExitStatus(code=1),
            "cause": Cause.EXITED,
            "phase": Phase.RUN,
            "uptime": 1.5,
            "asked": False,
        }
        return self.of_worker(events.WorkerExited, worker_id, incarnation, **{**usual, **fields})

    def restart(self, worker_id: int = 0, incarnation: int = 1) -> list[str]:
        return self.of_worker(events.WorkerRestarting, worker_id, incarnation, delay=0.0)


@pytest.fixture
def told(server: Server) -> Iterator[Told]:
    """A notifier that is there from the start, with a service of two workers."""
    told = Told(server)
    told.of_service(events.ServiceAdded, workers=2)
    yield told
    told.notifier.close()


def gauges(wanted: int, ready: int, restarting: int, service: str = "web") -> list[str]:
    values = {"wanted": wanted, "ready": ready, "restarting": restarting}
    return [f"cotyledon.service.{service}.workers.{name}:{values[name]}|g" for name in values]


def counted(name: str) -> str:
    return f"cotyledon.service.web.{name}:1|c"


def timed(name: str, milliseconds: float) -> str:
    return f"cotyledon.service.web.{name}:{milliseconds:f}|ms"


# -- the workers of a service


def test_a_start(told: Told) -> None:
    assert told.spawn() == [counted("worker_starts"), *gauges(2, 0, 0)]
    assert told.ready() == [timed("worker_start_duration", 250), *gauges(2, 1, 0)]
    told.spawn(1)
    assert told.ready(1)[1:] == gauges(2, 2, 0)


def test_a_restart_lasts_until_the_worker_is_ready(told: Told) -> None:
    told.ready()
    assert told.exit() == [
        counted("worker_exits.error"),
        timed("worker_uptime", 1500),
        *gauges(2, 0, 0),
    ]
    assert told.restart() == [counted("worker_restarts.error"), *gauges(2, 0, 1)]
    assert told.spawn(0, 2)[1:] == gauges(2, 0, 1)
    assert told.ready(0, 2)[1:] == gauges(2, 1, 0)


ENDS: dict[str, dict[str, Any]] = {
    "success": {"status": ExitStatus(code=0)},
    "error": {"status": ExitStatus(code=3)},
    "signal": {"status": ExitStatus(signal=9)},
    "oom_killed": {"status": ExitStatus(signal=9), "oom_killed": True},
    "unknown": {"status": ExitStatus()},
    "hung": {"status": ExitStatus(signal=6), "cause": Cause.HUNG, "forced": True},
    "start_timeout": {"status": ExitStatus(signal=9), "cause": Cause.START_TIMEOUT},
    "spawn_failed": {"status": ExitStatus(), "cause": Cause.SPAWN_FAILED},
    "asked": {"status": ExitStatus(code=0), "asked": True},
    "forced": {"status": ExitStatus(signal=9), "asked": True, "forced": True},
}


@pytest.mark.parametrize("cause", ENDS)
def test_ends_by_cause(told: Told, cause: str) -> None:
    assert told.exit(**ENDS[cause])[0] == counted(f"worker_exits.{cause}")
    assert told.restart()[0] == counted(f"worker_restarts.{cause}")


def test_no_uptime_without_a_process(told: Told) -> None:
    assert told.exit(pid=None, cause=Cause.SPAWN_FAILED) == [
        counted("worker_exits.spawn_failed"),
        *gauges(2, 0, 0),
    ]


def test_the_old_incarnation_counts_until_the_new_one_is_ready(told: Told) -> None:
    told.ready()
    told.spawn(0, 2)
    assert told.exit(0, 2)[2:] == gauges(2, 1, 0)
    told.spawn(0, 3)
    assert told.ready(0, 3)[1:] == gauges(2, 1, 0)
    assert told.exit(0, 1, asked=True)[2:] == gauges(2, 1, 0)


def test_other_counts(told: Told) -> None:
    hung = told.of_worker(events.WorkerHung, waited_for=events.Waited.HEARTBEAT, dump="")
    assert hung == [counted("worker_hangs.heartbeat"), *gauges(2, 0, 0)]
    recycled = told.of_worker(events.WorkerRecycled, reason="max_uptime")
    assert recycled == [counted("worker_recycles"), *gauges(2, 0, 0)]
    status = told.of_worker(events.WorkerStatus, text="busy")
    assert status == gauges(2, 0, 0)


def test_who_waits_for_a_restart_waits_no_longer_when_it_is_given_up(told: Told) -> None:
    for worker_id in range(2):
        told.exit(worker_id)
        told.restart(worker_id)
    told.spawn(0, 2)
    given_up = told.of_service(events.ServiceGivenUp, reason="enough")
    assert given_up == [counted("given_up"), *gauges(2, 0, 1)]


def test_scaling(told: Told) -> None:
    for worker_id in range(2):
        told.exit(worker_id)
        told.restart(worker_id)
    assert told.of_service(events.ServiceScaled, old_workers=2, workers=3) == gauges(3, 0, 2)
    assert told.of_service(events.ServiceScaled, old_workers=3, workers=1) == gauges(1, 0, 1)


def test_a_service_that_is_gone_leaves_no_gauges_above_0(told: Told) -> None:
    told.exit()
    told.restart()
    assert told.of_service(events.ServiceRemoved) == gauges(0, 0, 0)
    assert told.tell(events.ManagerReloading) == []


def test_nor_does_a_manager(told: Told) -> None:
    told.ready()
    told.exit(1)
    told.restart(1)
    assert told.tell(events.ManagerStopping) == gauges(2, 1, 0)
    assert told.tell(events.ManagerStopped, status=0) == gauges(0, 0, 0)


# -- the manager


def test_reloads_and_hooks(told: Told) -> None:
    more = gauges(2, 0, 0)
    assert told.tell(events.ManagerReloaded, duration=0.5) == [
        "cotyledon.reloads.succeeded:1|c",
        "cotyledon.reload_duration:500.000000|ms",
        "cotyledon.last_reload_timestamp_seconds:1000|g",
        *more,
    ]
    refused = told.tell(events.ReloadFailed, error="no")
    assert refused == ["cotyledon.reloads.refused:1|c", *more]
    failed = told.tell(events.ReloadFailed, error="no", service="web")
    assert failed == ["cotyledon.reloads.failed:1|c", *more]
    hook = told.tell(events.HookFailed, hook="dead_worker", error="no")
    assert hook == ["cotyledon.hook_failures.dead_worker:1|c", *more]


# -- what is not known is not told


def test_who_comes_later_sends_gauges_when_it_knows_them(server: Server) -> None:
    told = Told(server, late=True)
    assert told.tell(events.ManagerReady, services=1, workers=2) == []
    assert told.exit() == [counted("worker_exits.error"), timed("worker_uptime", 1500)]
    told.notifier.synchronize(ledger_of_three())
    assert server.received() == gauges(3, 2, 0)
    assert told.exit(1)[2:] == gauges(3, 1, 0)
    assert told.restart(1) == [counted("worker_restarts.error"), *gauges(3, 1, 1)]
    told.notifier.close()


def test_what_is_missing_makes_gauges_wait(server: Server, told: Told) -> None:
    told.ready()
    assert told.tell(events.EventsDropped, count=3, reason="slow") == []
    assert told.exit() == [counted("worker_exits.error"), timed("worker_uptime", 1500)]
    told.notifier.synchronize(ledger_of_three())
    assert server.received() == gauges(3, 2, 0)


def ledger_of_three() -> Ledger:
    """Of three workers, two of which are ready."""
    ledger = Ledger()
    ledger.note(events.ServiceAdded(at=0.0, wall_time=0.0, workers=3, **SERVICE))
    for worker_id in range(2):
        of_worker = {"worker_id": WorkerId(worker_id), "incarnation": 1, "pid": 42, **SERVICE}
        ledger.note(events.WorkerReady(at=0.0, wall_time=0.0, start_duration=0.25, **of_worker))
    return ledger


def test_a_restart_after_an_end_that_was_not_heard_of(told: Told) -> None:
    assert told.restart()[0] == counted("worker_restarts.unknown")


def test_gauges_are_sent_again_without_an_event(server: Server, told: Told) -> None:
    assert told.notifier.deadline() == statsd.GAUGES_EVERY
    told.now = statsd.GAUGES_EVERY
    told.spawn()
    assert told.notifier.deadline() == statsd.GAUGES_EVERY
    told.notifier.wake(statsd.GAUGES_EVERY)
    assert server.received() == gauges(2, 0, 0)
    assert told.notifier.deadline() == 2 * statsd.GAUGES_EVERY


def test_who_is_told_nothing_has_nothing_to_send(server: Server) -> None:
    assert Statsd(host="127.0.0.1", port=server.port).deadline() is None


# -- names


@pytest.mark.parametrize(
    ("service", "part"), [("a.b", "a_b"), ("web-2", "web-2"), ("é:1|c\nx@y", "__1_c_x_y")]
)
def test_a_service_is_one_part_of_a_name(told: Told, service: str, part: str) -> None:
    added = told.of_service(events.ServiceAdded, service=service, workers=1)
    assert added == gauges(1, 0, 0, part)


@pytest.mark.parametrize(("prefix", "first"), [("", ""), ("lab.host-1", "lab.host-1.")])
def test_prefix(server: Server, prefix: str, first: str) -> None:
    told = Told(server, late=True, prefix=prefix)
    assert told.of_worker(events.WorkerSpawned) == [f"{first}service.web.worker_starts:1|c"]
    told.notifier.close()


def test_what_belongs_together_goes_in_one_datagram(server: Server, told: Told) -> None:
    told.notifier.notify(
        events.WorkerSpawned(
            at=0.0, wall_time=0.0, worker_id=WorkerId(0), incarnation=1, pid=42, **SERVICE
        )
    )
    assert len(server.datagrams()) == 1


# -- no address, no server


class Names:
    """The name service; tells where ``metrics.test`` is, if anything."""

    def __init__(self) -> None:
        self.address: str | None = None
        self.asked = 0

    def look_up(self, host: str, port: int, *hints: int) -> list[Any]:
        assert host == "metrics.test"
        self.asked += 1
        if self.address is None:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (self.address, port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    return names


def test_a_look_up_that_fails_is_told_once_and_tried_again(
    server: Server, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told(server, host="metrics.test")
    assert told.of_service(events.ServiceAdded, workers=1) == []
    told.spawn()
    told.ready()
    assert names.asked == 1
    told.now = statsd.RETRY_AFTER
    told.exit()
    assert names.asked == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    names.address = "127.0.0.1"
    told.now *= 2
    # counts have waited, times are lost, gauges are what they are
    assert told.restart() == [
        counted("worker_starts"),
        counted("worker_exits.error"),
        counted("worker_restarts.error"),
        *gauges(1, 0, 1) * 2,
    ]
    assert told.restart()[0] == counted("worker_restarts.error")
    assert len(caplog.records) == 1
    told.notifier.close()


def test_a_look_up_is_tried_again_without_an_event(server: Server, names: Names) -> None:
    told = Told(server, host="metrics.test")
    told.of_service(events.ServiceAdded, workers=1)
    told.spawn()
    names.address = "127.0.0.1"
    told.notifier.wake(statsd.RETRY_AFTER - 1)
    assert server.received() == []
    told.notifier.wake(statsd.RETRY_AFTER)
    assert server.received() == [counted("worker_starts"), *gauges(1, 0, 0)]
    told.notifier.close()


def test_a_host_that_has_moved(
    server: Server, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    names.address = "127.0.0.2"
    told = Told(server, host="metrics.test")
    assert told.of_service(events.ServiceAdded, workers=1) == []
    assert told.spawn() == []
    names.address = "127.0.0.1"
    told.now = statsd.LOOK_UP_AGAIN
    assert told.ready()[1:] == gauges(1, 1, 0) * 2
    names.address = None
    told.now *= 2
    assert told.ready()[1:] == gauges(1, 1, 0)
    assert len(caplog.records) == 1
    # another failure, after a success
    for names.address in ("127.0.0.1", None):
        told.now += statsd.LOOK_UP_AGAIN
        told.ready()
    assert len(caplog.records) == 2
    told.notifier.close()


def test_ipv6() -> None:
    try:
        server = Server(socket.AF_INET6, "::1")
    except OSError:
        pytest.skip("no IPv6 here")
    told = Told(server, host="::1", ipv6=True)
    assert told.of_service(events.ServiceAdded, workers=1)[:3] == gauges(1, 0, 0)
    told.notifier.close()
    server.close()


def test_nobody_listens(server: Server) -> None:
    told = Told(server)
    server.close()
    for _ in range(3):
        told.notifier.notify(events.ManagerReloading(at=0.0, wall_time=0.0))
        told.notifier.notify(events.ManagerReloaded(at=0.0, wall_time=0.0))
    told.notifier.close()


# -- options


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"host": ""}, "host: '' must be a name or an address"),
        ({"host": " a"}, "host: ' a' must be"),
        ({"port": 0}, "port: 0 must be from 1 to 65535"),
        ({"port": 65536}, "port: 65536 must be"),
        ({"prefix": "a b"}, "prefix: 'a b' must consist of letters, digits, _ and -"),
        ({"prefix": "a."}, "prefix: 'a.' must"),
        ({"prefix": "é"}, "prefix: 'é' must"),
        ({"prefix": "a\n"}, "prefix: 'a\\\\n' must"),
    ],
)
def test_wrong_options(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        Statsd(**options)


def test_each_fault_has_a_line() -> None:
    with pytest.raises(ValueError, match=r"^host: .*\nport: .*\nprefix: .*$"):
        Statsd.check_options(host="", port=0, prefix=".")


def test_without_the_package_one_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsd", None)
    with pytest.raises(
        ValueError, match=r"^[^\n]*package statsd[^\n]*cotyledon-core\[statsd\][^\n]*$"
    ):
        Statsd()

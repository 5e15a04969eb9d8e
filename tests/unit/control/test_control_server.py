"""The server, with a selector that is asked by hand."""

from __future__ import annotations

import errno
import itertools
import json
import logging
import os
import select
import selectors
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core import events
from cotyledon_core.control import listener as listening
from cotyledon_core.control import server as serving
from cotyledon_core.control.access import Peer
from cotyledon_core.control.commands.status import WORKERS_AT_ONCE
from cotyledon_core.control.connection import Connection
from cotyledon_core.control.listener import InUse, Listener, Unusable, expanded
from cotyledon_core.control.server import Server
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.ledger import Ledger
from cotyledon_core.runtime.children import WorkerProcess
from cotyledon_core.runtime.recorder import Recorder
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.supervision.snapshot import WorkerSnapshot
from cotyledon_core.types import ServiceId, WorkerId


class Manager:
    """Nothing runs."""

    stopping = False
    log_levels: Any = None

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.recorder = Recorder(3)
        self.commands: list[str] = []
        self.peeked = 0

    def peek(self, service_id: ServiceId, worker_id: WorkerId) -> WorkerSnapshot | None:
        self.peeked += 1
        return None

    def expected(self, service_id: ServiceId) -> int:
        services = self.ledger.services.values()
        return next(each.wanted for each in services if each.service_id == service_id)

    def note_command(self, text: str, peer: Peer) -> None:
        self.commands.append(text)

    def command(self, command: Any, done: Any) -> int:
        raise RuntimeError("it is broken")

    def forget(self, number: int) -> None:
        raise AssertionError

    def preview_reload(self) -> dict[str, Any]:
        raise ConfigurationError(["it is wrong"])

    def worker(self, service_id: ServiceId, worker_id: int) -> WorkerProcess | None:
        return None

    def shut_down(self, *, graceful: bool) -> None:
        pass


class Bench:
    """A server and its turns."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.path = str(path)
        self.selector = selectors.DefaultSelector()
        self.settings = ControlSettings(socket=self.path, **settings)
        self.listener = Listener(self.path, self.settings)
        self.manager = Manager()
        self.server = Server(self.listener, self.selector, self.manager, self.settings)
        self.clients: list[socket.socket] = []

    def connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(10)
        made.connect(self.path)
        self.clients.append(made)
        return made

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            for key, _ in self.selector.select(0):
                key.data()
            self.server.obey()
            self.server.tell()

    def close(self) -> None:
        self.server.close()
        self.selector.close()
        for client in self.clients:
            client.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made = []

    def one(**settings: Any) -> Bench:
        made.append(Bench(tmp_path / "socket", **settings))
        return made[-1]

    yield one
    for bench in made:
        bench.close()


def request(command: str, **more: Any) -> bytes:
    return json.dumps({"version": 1, "command": command, **more}).encode() + b"\n"


def test_a_turn_takes_so_many_requests(make: Callable[..., Bench]) -> None:
    bench = make()
    clients = [bench.connect() for _ in range(serving.REQUEST_LIMIT + 1)]
    for client in clients:
        client.send(request("shutdown") * 3)
    counts = [0]
    for _ in range(12):
        bench.turn()
        counts.append(len(bench.manager.commands))
    steps = [after - before for before, after in itertools.pairwise(counts)]
    assert max(steps) == serving.REQUEST_LIMIT
    assert counts[-1] == 3 * len(clients)


def test_a_command_that_raises_is_an_error(make: Callable[..., Bench]) -> None:
    bench = make()
    client = bench.connect()
    client.send(request("reload", id=4))
    bench.turn(3)
    answer = json.loads(client.recv(10000))
    assert (answer["id"], answer["error"]["code"]) == (4, "failed")


def test_a_faulty_configuration_is_an_error(make: Callable[..., Bench]) -> None:
    bench = make()
    client = bench.connect()
    client.send(request("reload", arguments={"dry_run": True}))
    bench.turn(3)
    assert json.loads(client.recv(10000))["error"]["text"] == "it is wrong"


def test_the_recorder_is_told_in_pieces(make: Callable[..., Bench]) -> None:
    bench = make()
    for number in range(5):
        bench.manager.recorder.note(events.ManagerReloading(at=0.0, wall_time=number))
    client = bench.connect()
    client.send(request("events", id=1, arguments={"after": 1, "since": 3.0}))
    bench.turn(3)
    *told, last = map(json.loads, client.recv(10000).splitlines())
    assert told[0]["event"] == {"dropped": 1}
    assert [line["event"]["number"] for line in told[1:]] == [4, 5]
    assert last["result"] == {"last": 5}


def test_followers_are_told_what_comes(make: Callable[..., Bench]) -> None:
    bench = make()
    client = bench.connect()
    client.send(request("events", id=1, arguments={"follow": True}))
    bench.turn(3)
    assert bench.server.deadline() is None
    for number in range(3):
        bench.manager.recorder.note(events.ManagerReloading(at=0.0, wall_time=number))
    assert bench.server.deadline() == 0.0
    bench.turn()
    lines = list(map(json.loads, client.recv(10000).splitlines()))
    assert [line["event"]["number"] for line in lines] == [1, 2, 3]
    assert bench.server.deadline() is None


def test_an_answer_that_is_too_large(make: Callable[..., Bench]) -> None:
    bench = make(max_output=150)
    client = bench.connect()
    client.send(request("status"))
    bench.turn(3)
    assert json.loads(client.recv(10000))["error"]["code"] == "too_large"


def add(bench: Bench, name: str, workers: int) -> None:
    moment = {"at": 0.0, "wall_time": 0.0}
    bench.manager.ledger.note(
        events.ServiceAdded(**moment, service=name, service_id=ServiceId(name), workers=workers)
    )


def read(client: socket.socket) -> Any:
    """The next line, whole."""
    received = b""
    while not received.endswith(b"\n"):
        received += client.recv(1 << 20)
    return json.loads(received)


def test_a_long_status_is_made_in_slices(make: Callable[..., Bench]) -> None:
    bench = make()
    add(bench, "many", 2 * WORKERS_AT_ONCE + 1)
    add(bench, "few", 3)
    add(bench, "none", 0)
    client = bench.connect()
    client.send(request("status", id=7))
    counts = [0]
    while not client_has_something(client):
        bench.turn()
        counts.append(bench.manager.peeked)
        assert len(counts) < 20
    steps = [after - before for before, after in itertools.pairwise(counts)]
    assert max(steps) <= WORKERS_AT_ONCE
    answer = read(client)
    assert answer["id"] == 7
    services = answer["result"]["services"]
    assert [each["name"] for each in services] == ["many", "few", "none"]
    told = [[worker["worker"] for worker in each["workers"]] for each in services]
    assert told == [list(range(2 * WORKERS_AT_ONCE + 1)), [0, 1, 2], []]


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_status_that_just_fills_a_slice(make: Callable[..., Bench], more: int) -> None:
    bench = make()
    add(bench, "web", WORKERS_AT_ONCE + more)
    add(bench, "batch", 1)
    client = bench.connect()
    client.send(request("status"))
    bench.turn(6)
    services = read(client)["result"]["services"]
    assert [len(each["workers"]) for each in services] == [WORKERS_AT_ONCE + more, 1]


def test_workers_that_leave_meanwhile(make: Callable[..., Bench]) -> None:
    bench = make()
    add(bench, "web", WORKERS_AT_ONCE + 5)
    client = bench.connect()
    client.send(request("status"))
    while not bench.manager.peeked:
        bench.turn()
    bench.manager.ledger.services["web"].workers.pop(WorkerId(WORKERS_AT_ONCE))
    bench.turn(6)
    (web,) = read(client)["result"]["services"]
    numbers = [worker["worker"] for worker in web["workers"]]
    assert WORKERS_AT_ONCE not in numbers
    assert numbers[-1] == WORKERS_AT_ONCE + 4


def test_tasks_share_the_time_of_a_turn(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time of a turn is over, what is left goes first in the next."""
    bench = make()
    add(bench, "web", 1)
    clients = [bench.connect() for _ in range(3)]
    bench.turn()
    for client in clients:
        client.send(request("status"))
    clock = itertools.count()
    monkeypatch.setattr(serving.time, "monotonic", lambda: next(clock) * 0.75 * serving.TASK_TIME)
    counts = []
    for _ in clients:
        bench.turn()
        counts.append(bench.manager.peeked)
    assert counts == [1, 2, 3]
    assert all(client_has_something(client) for client in clients)
    assert bench.server.deadline() != 0.0


def test_a_task_without_end_does_not_keep_others_from_their_turn(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    add(bench, "web", 1)
    endless, client = bench.connect(), bench.connect()
    bench.turn()
    endless.send(request("shutdown", arguments={"wait": True}))
    bench.turn()
    assert bench.server.deadline() != 0.0
    second = bench.connect()
    bench.turn()
    second.send(request("shutdown", arguments={"wait": True}))
    client.send(request("status"))
    clock = itertools.count()
    monkeypatch.setattr(serving.time, "monotonic", lambda: next(clock) * 0.75 * serving.TASK_TIME)
    bench.turn()
    # whoever was left out makes the wait return
    assert bench.server.deadline() == 0.0
    bench.turn(2)
    assert bench.manager.peeked == 1
    assert client_has_something(client)


def test_tasks_with_nothing_to_do_let_the_manager_rest(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Bench]
) -> None:
    """However many they are."""
    bench = make()
    monkeypatch.setattr(bench.manager, "command", lambda command, done: 1)
    monkeypatch.setattr(bench.manager, "forget", lambda number: None)
    add(bench, "web", 1)
    client = bench.connect()
    bench.turn()
    client.send(
        request("wait")
        + request("events", arguments={"follow": True})
        + request("shutdown", arguments={"wait": True})
    )
    bench.turn(4)
    clock = itertools.count()
    monkeypatch.setattr(serving.time, "monotonic", lambda: next(clock) * 0.75 * serving.TASK_TIME)
    bench.turn()
    assert bench.server.deadline() is None
    bench.manager.ledger.note(events.ManagerReady(at=0.0, wall_time=0.0, services=1, workers=1))
    assert bench.server.deadline() == 0.0
    bench.turn(3)
    assert bench.server.deadline() is None


def client_has_something(client: socket.socket) -> bool:
    return bool(select.select([client], [], [], 0)[0])


def test_who_is_gone_is_forgotten(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.connect().close()
    bench.turn(3)
    assert len(bench.selector.get_map()) == 1
    assert bench.server.deadline() is None


def test_who_only_listens_is_answered(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``nc -N``, which ends what it sends with its input."""
    bench = make()
    waiting: list[Callable[[CommandDone], None]] = []
    monkeypatch.setattr(
        bench.manager, "command", lambda command, done: waiting.append(done) or len(waiting)
    )
    add(bench, "web", 1)
    client = bench.connect()
    client.send(request("wait", id=1) + request("hello", id=2) + b'{"version": 1, "com')
    client.shutdown(socket.SHUT_WR)
    bench.turn(6)
    # nothing makes the wait return until there is news
    assert bench.selector.get_map().keys() == {bench.listener.fileno()}
    deadline = bench.server.deadline()
    assert deadline is not None
    assert deadline > serving.time.monotonic()
    waiting[0](CommandDone(1, True, ""))
    bench.turn(2)
    *lines, last = map(json.loads, client.recv(10000).splitlines())
    assert [line["id"] for line in lines if "result" in line] == [2]
    assert last == {"id": 1, "result": {}}
    assert client.recv(1) == b""
    assert bench.server.deadline() is None


def test_who_listened_and_has_gone_is_forgotten(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    client = bench.connect()
    client.send(request("events", arguments={"follow": True}))
    client.shutdown(socket.SHUT_WR)
    bench.turn(4)
    first = bench.server.deadline()
    assert first is not None
    monkeypatch.setattr(serving.time, "monotonic", lambda: first)
    bench.turn()
    second = bench.server.deadline()
    assert second is not None
    assert second > first
    monkeypatch.setattr(serving.time, "monotonic", lambda: second)
    client.close()
    bench.turn()
    assert bench.server.deadline() is None


def test_who_listens_too_slowly_is_let_go(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(idle_timeout=5.0)
    add(bench, "web", 10_000)
    client = bench.connect()
    client.send(request("events", arguments={"follow": True}) + request("status"))
    client.shutdown(socket.SHUT_WR)
    bench.turn(10_000 // WORKERS_AT_ONCE + 5)
    assert client_has_something(client)
    later = serving.time.monotonic() + 5.0
    monkeypatch.setattr(serving.time, "monotonic", lambda: later)
    bench.turn()
    assert bench.server.deadline() is None


def test_accepting_is_tried_again_later(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    bench.connect()

    def refuse() -> socket.socket:
        raise OSError(errno.EMFILE, "no descriptors")

    with monkeypatch.context() as patched:
        patched.setattr(bench.listener, "accept", refuse)
        bench.turn()
    # it does not make the wait return
    assert not bench.selector.get_map()
    deadline = bench.server.deadline()
    assert deadline is not None
    monkeypatch.setattr(serving.time, "monotonic", lambda: deadline)
    bench.server.tell()
    bench.turn()
    assert len(bench.selector.get_map()) == 2


def test_a_manager_that_was_behind_rests_once_all_are_gone(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make()
    add(bench, "web", 1)
    clients = [bench.connect() for _ in range(2)]
    bench.turn()
    for client in clients:
        client.send(request("status"))
    clock = itertools.count()
    monkeypatch.setattr(serving.time, "monotonic", lambda: next(clock) * 0.75 * serving.TASK_TIME)
    bench.turn()
    assert bench.server.deadline() == 0.0
    for client in clients:
        client.close()
    bench.turn()
    assert bench.server.deadline() is None


def test_after_any_number(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.manager.recorder.note(events.ManagerReloading(at=0.0, wall_time=0.0))
    client = bench.connect()
    client.send(request("events", id=1, arguments={"after": 2**70}))
    bench.turn(3)
    assert read(client) == {"id": 1, "result": {"last": 2**70}}


def more(client: socket.socket) -> bytes:
    """What has come."""
    received = client.recv(1 << 20)
    assert received, "the connection is closed"
    return received


def test_long_entries_are_told_as_there_is_room(make: Callable[..., Bench]) -> None:
    bench = make(max_output=6000)
    bench.manager.recorder = Recorder(9)
    dump = "x" * 1000
    for _ in range(9):
        bench.manager.recorder.note(
            events.WorkerHung(
                at=0.0,
                wall_time=0.0,
                service="web",
                service_id=ServiceId("web"),
                worker_id=WorkerId(0),
                incarnation=1,
                pid=7,
                waited_for=events.Waited.HEARTBEAT,
                dump=dump,
            )
        )
    client = bench.connect()
    client.send(request("events", id=1))
    bench.turn()
    received = b""
    while b"result" not in received:
        bench.turn()
        received += more(client)
    *told, last = map(json.loads, received.splitlines())
    assert [line["event"]["number"] for line in told] == list(range(1, 10))
    assert last["result"] == {"last": 9}


def test_progress_of_many_services_is_told_as_there_is_room(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(max_output=3000)
    for number in range(100):
        add(bench, f"service{number}", 1)
    waiting: list[Callable[[CommandDone], None]] = []
    monkeypatch.setattr(
        bench.manager, "command", lambda command, done: waiting.append(done) or len(waiting)
    )
    client = bench.connect()
    client.send(request("reload", id=1, arguments={"wait": True}))
    bench.turn()
    names = []
    while len(names) < 100:
        bench.turn()
        for line in more(client).splitlines():
            names.append(json.loads(line)["event"]["service"])
    assert len(set(names)) == 100
    (done,) = waiting
    done(CommandDone(1, ok=True))
    bench.turn()
    assert read(client) == {"id": 1, "result": {}}


def test_who_only_looks_makes_no_loggers(make: Callable[..., Bench]) -> None:
    bench = make()
    client = bench.connect()
    client.send(request("log-level", arguments={"logger": "no.such.logger"}))
    bench.turn(3)
    assert read(client)["result"] == {
        "logger": "no.such.logger",
        "level": "NOTSET",
        "effective": logging.getLevelName(logging.root.level),
    }
    assert "no.such" not in logging.root.manager.loggerDict


def test_idle_clients_have_a_deadline(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(idle_timeout=5.0)
    client = bench.connect()
    bench.turn()
    deadline = bench.server.deadline()
    assert deadline is not None
    monkeypatch.setattr(serving.time, "monotonic", lambda: deadline - 0.1)
    bench.server.tell()
    assert bench.server.deadline() == deadline
    monkeypatch.setattr(serving.time, "monotonic", lambda: deadline)
    bench.server.tell()
    assert client.recv(1) == b""


# -- the socket in the file system


def test_who_sees_the_end_finds_the_socket_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path / "socket")
    bench.connect()
    bench.turn()
    close, there = Connection.close, []

    def closed(connection: Connection) -> None:
        there.append(os.path.exists(bench.path))
        close(connection)

    monkeypatch.setattr(Connection, "close", closed)
    bench.close()
    assert there == [False]


def test_names_in_the_path() -> None:
    assert expanded("/run/{name}/{uid}.sock", "web", 7) == "/run/web/7.sock"
    assert expanded("/run/{name}", "../etc/x", 7) == "/run/_etc_x"
    assert expanded("/run/{name}", "..", 7) == "/run/manager"


def test_a_live_socket_is_left(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    first = Listener(path, ControlSettings())
    with pytest.raises(InUse) as caught:
        Listener(path, ControlSettings())
    assert caught.value.pid == os.getpid()
    assert os.path.exists(path)
    first.close()
    assert not os.path.exists(path)


def test_a_stale_one_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    Listener(path, ControlSettings()).close()
    assert not os.path.exists(path)


def test_a_full_backlog_is_somebody(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as slow, socket.socket(socket.AF_UNIX) as waiting:
        slow.bind(path)
        slow.listen(0)
        waiting.connect(path)
        with pytest.raises(InUse):
            Listener(path, ControlSettings())


def test_a_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(Unusable):
        Listener(str(path), ControlSettings())
    assert path.read_text() == "precious"


def test_the_longest_path(tmp_path: Path) -> None:
    room = listening.LONGEST_PATH - len(os.fsencode(str(tmp_path))) - 1
    Listener(str(tmp_path / ("x" * room)), ControlSettings()).close()
    with pytest.raises(Unusable, match=str(listening.LONGEST_PATH)):
        Listener(str(tmp_path / ("x" * (room + 1))), ControlSettings())


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_mode_is_exact(tmp_path: Path, mode: int) -> None:
    made = Listener(str(tmp_path / "socket"), ControlSettings(mode=mode))
    assert os.stat(made.path).st_mode & 0o777 == mode
    made.close()

"""Where a service's sockets come from, and what the service manager keeps."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from cotyledon_core import activation
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.listening import Listening
from cotyledon_core.process.descriptors import close_private
from cotyledon_core.runtime.listeners import Listeners
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.service import Service
from cotyledon_core.service_options import ServiceOptions
from cotyledon_core.types import ServiceId

FIRST = 300
"""Stands for 3, which is taken while tests run."""


class ServiceManager:
    """Stands in for systemd: passes sockets, and keeps others."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self._passed: list[tuple[str, int]] = []
        self.kept: dict[str, list[int]] = {}

    def listens(self, name: str, path: Path) -> None:
        made = socket.socket(socket.AF_UNIX)
        made.bind(str(path))
        made.listen()
        self.passes(name, made.detach())

    def passes(self, name: str, descriptor: int) -> None:
        self._passed.append((name, descriptor))

    def start(self, fdstore: str = "9") -> dict[str, str]:
        """The environment of a manager that begins."""
        kept = [(name, number) for name, numbers in self.kept.items() for number in numbers]
        every = [*self._passed, *kept]
        for index, (_, descriptor) in enumerate(every):
            os.dup2(descriptor, FIRST + index)
        told = activation.environment_for([name for name, _ in every], os.getpid())
        return {**told, "NOTIFY_SOCKET": self.address, "FDSTORE": fdstore}

    def hear(self) -> list[str]:
        """What it was told since the last time; does it."""
        heard = []
        while True:
            try:
                data, numbers, _, _ = socket.recv_fds(self._socket, 4096, 64)
            except BlockingIOError:
                return heard
            verb, name, *more = data.decode().splitlines()
            name = name.removeprefix("FDNAME=")
            verb = verb.removesuffix("=1")
            heard.append(" ".join([verb, name, str(len(numbers)), *more]))
            if verb == "FDSTORE":
                self.kept.setdefault(name, []).extend(numbers)
            else:
                self._close(self.kept.pop(name, []))

    def _close(self, descriptors: Sequence[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    def close(self) -> None:
        self._socket.close()
        self._close([number for _, number in self._passed])
        for numbers in self.kept.values():
            self._close(numbers)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceManager]:
    monkeypatch.setattr(activation, "FIRST", FIRST)
    made = ServiceManager(str(tmp_path / "notify"))
    yield made
    made.close()
    close_private(*range(FIRST, FIRST + 20))


Begun = list[Listeners]


@pytest.fixture
def begun() -> Iterator[Begun]:
    """The listeners of a test; closed after it."""
    every: Begun = []
    yield every
    for listeners in every:
        listeners.close()


def begin(
    begun: Begun, environment: Mapping[str, str], asked: str, **given: Listening
) -> Listeners:
    listeners = Listeners(asking(asked))
    listeners.given = given
    begun.append(listeners)
    listeners.begin(environment)
    return listeners


def asking(*names: str) -> dict[ServiceId, ServiceDefinition]:
    """A service that asks for these sockets."""
    service_id = ServiceId(uuid.UUID(int=1))
    options = ServiceOptions.checked(sockets=" ".join(names).split())
    return {service_id: ServiceDefinition(service_id, "web", Service, 1, options=options)}


def ask(listeners: Listeners, *names: str) -> None:
    """Have the service ask for these instead."""
    listeners._definitions.update(asking(*names))


def at(*paths: Path, **options: object) -> Listening:
    return Listening.checked(address=[str(path) for path in paths], **options)


def names(listeners: Listeners, *asked: str) -> list[str]:
    """Where they listen."""
    found = []
    for _, descriptor in listeners.of(asked):
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            found.append(Path(copy.getsockname()).name)
    return found


def connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_passed_before_opened(begun: Begun, system: ServiceManager, tmp_path: Path) -> None:
    system.listens("http", tmp_path / "passed")
    listeners = begin(begun, system.start(), "http", http=at(tmp_path / "own"))
    assert names(listeners, "http") == ["passed"]
    assert not (tmp_path / "own").exists()
    assert system.hear() == []


def test_the_configuration_before_the_program(begun: Begun, tmp_path: Path) -> None:
    listeners = Listeners(asking("http", "admin"))
    begun.append(listeners)
    listeners.given = {"http": at(tmp_path / "given"), "admin": at(tmp_path / "admin")}
    listeners.configured = {"http": at(tmp_path / "configured")}
    listeners.begin({})
    assert names(listeners, "admin", "http") == ["admin", "configured"]


def test_all_faults_are_told(begun: Begun, system: ServiceManager, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as idle:
        system.passes("idle", idle.detach())
    wrong = at(tmp_path / "right", tmp_path / "file")
    with pytest.raises(ConfigurationError) as caught:
        begin(begun, system.start(), "idle wrong absent", wrong=wrong)
    one, two, three = caught.value.faults
    assert one.startswith(f"environment variable LISTEN_FDS: idle, descriptor {FIRST}, is a sock")
    assert two.startswith(f"[socket:wrong] address: cannot listen on {tmp_path}/file: ")
    assert three.startswith("service web: sockets: there is no socket 'absent'; ")
    assert not (tmp_path / "right").exists()


def test_a_descriptor_that_is_not_there(begun: Begun, system: ServiceManager) -> None:
    environment = {**system.start(), **activation.environment_for(["http"], os.getpid())}
    with pytest.raises(ConfigurationError, match=f"LISTEN_FDS: there is no descriptor {FIRST}"):
        begin(begun, environment, "http")


def test_what_nobody_asks_for_is_left_alone(
    begun: Begun, system: ServiceManager, tmp_path: Path
) -> None:
    system.listens("http", tmp_path / "passed")
    begin(begun, system.start(), "")
    assert os.get_inheritable(FIRST)
    assert system.hear() == []


def test_kept_over_a_restart(begun: Begun, system: ServiceManager, tmp_path: Path) -> None:
    own = at(tmp_path / "one", tmp_path / "two")
    first = begin(begun, system.start(), "http", http=own)
    assert system.hear() == ["FDSTORE cotyledon/http 2 FDPOLL=0"]
    first.close()
    connect(tmp_path / "two")
    second = begin(begun, system.start(), "http", http=own)
    assert names(second, "http") == ["one", "two"]
    assert system.hear() == []
    second.close()
    connect(tmp_path / "one")


def test_an_address_more(begun: Begun, system: ServiceManager, tmp_path: Path) -> None:
    begin(begun, system.start(), "http", http=at(tmp_path / "one")).close()
    system.hear()
    more = at(tmp_path / "zero", tmp_path / "one")
    second = begin(begun, system.start(), "http", http=more)
    assert names(second, "http") == ["zero", "one"]
    assert system.hear() == ["FDSTORE cotyledon/http 1 FDPOLL=0"]


def test_an_address_less(begun: Begun, system: ServiceManager, tmp_path: Path) -> None:
    begin(begun, system.start(), "http", http=at(tmp_path / "one", tmp_path / "two")).close()
    system.hear()
    second = begin(begun, system.start(), "http", http=at(tmp_path / "two"))
    assert names(second, "http") == ["two"]
    assert system.hear() == [
        "FDSTOREREMOVE cotyledon/http 0",
        "FDSTORE cotyledon/http 1 FDPOLL=0",
    ]
    with pytest.raises(ConnectionRefusedError):
        connect(tmp_path / "one")


@pytest.mark.parametrize("asked", ["", "admin"])
def test_what_is_not_asked_for_any_more_is_dropped(
    begun: Begun, system: ServiceManager, tmp_path: Path, asked: str
) -> None:
    given = {"http": at(tmp_path / "http"), "admin": at(tmp_path / "admin")}
    begin(begun, system.start(), "http admin", **given).close()
    system.hear()
    begin(begun, system.start(), asked, **given)
    assert sorted(system.hear()) == sorted(
        f"FDSTOREREMOVE cotyledon/{name} 0" for name in given if name != asked
    )
    with pytest.raises(ConnectionRefusedError):
        connect(tmp_path / "http")


def test_passed_now_and_kept_before(begun: Begun, system: ServiceManager, tmp_path: Path) -> None:
    own = at(tmp_path / "own")
    begin(begun, system.start(), "http", http=own).close()
    system.hear()
    system.listens("http", tmp_path / "passed")
    assert names(begin(begun, system.start(), "http", http=own), "http") == ["passed"]
    assert system.hear() == ["FDSTOREREMOVE cotyledon/http 0"]


def test_a_start_that_fails_leaves_the_store_alone(
    begun: Begun, system: ServiceManager, tmp_path: Path
) -> None:
    own = at(tmp_path / "own")
    begin(begun, system.start(), "http", http=own).close()
    system.hear()
    with pytest.raises(ConfigurationError):
        begin(begun, system.start(), "http absent", http=own)
    begun.pop().close()
    assert system.hear() == []
    connect(tmp_path / "own")


@pytest.mark.parametrize("limit", ["0", "", "many"])
def test_no_store(begun: Begun, system: ServiceManager, tmp_path: Path, limit: str) -> None:
    listeners = begin(begun, system.start(limit), "http", http=at(tmp_path / "own"))
    assert system.hear() == []
    listeners.close()
    assert not (tmp_path / "own").exists()


def test_closed_when_a_reload_leaves_it(
    begun: Begun, system: ServiceManager, tmp_path: Path
) -> None:
    system.listens("passed", tmp_path / "passed")
    own = at(tmp_path / "own")
    listeners = begin(begun, system.start(), "http passed", http=own)
    system.hear()
    ask(listeners, "http")
    listeners.close_unused()
    assert names(listeners, "http", "passed") == ["own", "passed"]
    ask(listeners)
    listeners.close_unused()
    assert names(listeners, "passed") == ["passed"], "it could not be had again"
    assert system.hear() == ["FDSTOREREMOVE cotyledon/http 0"]
    assert not (tmp_path / "own").exists()
    ask(listeners, "http")
    listeners.open()
    assert names(listeners, "http") == ["own"]


def test_a_store_that_cannot_be_told(
    begun: Begun, system: ServiceManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {**system.start(), "NOTIFY_SOCKET": str(tmp_path / "absent")}
    listeners = begin(begun, environment, "http", http=at(tmp_path / "own"))
    assert names(listeners, "http") == ["own"]
    assert "socket http: the store of the service manager cannot be told" in caplog.text

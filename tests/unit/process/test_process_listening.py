"""Listening sockets of the manager's own."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotyledon_core.listening import Address, Listening
from cotyledon_core.process import descriptors, listening
from cotyledon_core.process.listening import Open, listen, take_back


@pytest.fixture
def opened() -> Iterator[list[Open]]:
    """What the test has opened; closed after it."""
    every: list[Open] = []
    yield every
    for one in every:
        one.close(unlink=True)


def wanted(address: Address, **options: object) -> Listening:
    return Listening.checked(address=(address,), **options)


def listen_on(opened: list[Open], text: str, **options: object) -> Open:
    address = Address.parse(text)
    opened.append(listen(address, wanted(address, **options)))
    return opened[-1]


def look(one: Open) -> socket.socket:
    return socket.socket(fileno=os.dup(one.descriptor))


def connect(name: object, family: int = socket.AF_UNIX) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.connect(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:0", "@cotyledon-test-listening"])
def test_it_listens_and_is_the_manager_s_own(opened: list[Open], text: str) -> None:
    one = listen_on(opened, text)
    with look(one) as found:
        connect(found.getsockname(), found.family)
    assert not os.get_inheritable(one.descriptor)
    assert one.descriptor in descriptors._own


def test_a_file_has_its_mode_from_the_beginning_and_goes(
    opened: list[Open], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it"
    monkeypatch.setattr(os, "chmod", None)
    before = os.umask(0o022)
    try:
        one = listen_on(opened, str(path), mode="660")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    one.close(unlink=True)
    assert not path.exists()


def test_another_s_file_stays(opened: list[Open], tmp_path: Path) -> None:
    path = tmp_path / "it"
    one = listen_on(opened, str(path))
    path.unlink()
    path.touch()
    one.close(unlink=True)
    assert path.exists()


def test_a_file_that_nobody_listens_to_is_replaced(opened: list[Open], tmp_path: Path) -> None:
    path = tmp_path / "it"
    listen_on(opened, str(path)).close(unlink=False)
    assert path.exists()
    listen_on(opened, str(path))
    connect(str(path))


@pytest.mark.parametrize("what", ["listens", "is a file"])
def test_what_is_somebody_s_is_left_alone(opened: list[Open], tmp_path: Path, what: str) -> None:
    path = tmp_path / "it"
    if what == "listens":
        listen_on(opened, str(path))
    else:
        path.write_text("it")
    with pytest.raises(OSError, match="in use"):
        listen_on(opened, str(path))
    assert path.exists()


def test_both_families_on_one_port(opened: list[Open]) -> None:
    with look(listen_on(opened, "0.0.0.0:0")) as found:
        port = found.getsockname()[1]
    listen_on(opened, f"[::]:{port}")


def test_reuse_port(opened: list[Open]) -> None:
    with look(listen_on(opened, "127.0.0.1:0", reuse_port=True)) as found:
        port = found.getsockname()[1]
    listen_on(opened, f"127.0.0.1:{port}", reuse_port=True)
    with pytest.raises(OSError, match="in use"):
        listen_on(opened, f"127.0.0.1:{port}")


def test_taken_back_where_it_is_still_bound(opened: list[Open], tmp_path: Path) -> None:
    path = tmp_path / "it"
    for text in ("127.0.0.1:0", "[::1]:0", "@cotyledon-test-kept", str(path)):
        one = listen_on(opened, text)
        assert one.address is not None
        again = take_back(one.descriptor, one.address, wanted(one.address))
        assert again == one
    path.chmod(0o600)
    assert take_back(one.descriptor, one.address, wanted(one.address, mode="666"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


@pytest.mark.parametrize("text", ["127.0.0.2:0", "127.0.0.1:1", "[::1]:0", "/it", "@it"])
def test_not_taken_back_for_another_address(opened: list[Open], text: str) -> None:
    one = listen_on(opened, "127.0.0.1:0")
    address = Address.parse(text)
    assert take_back(one.descriptor, address, wanted(address)) is None
    os.fstat(one.descriptor)  # it is the caller's still


def test_not_taken_back_without_its_file(opened: list[Open], tmp_path: Path) -> None:
    path = tmp_path / "it"
    one = listen_on(opened, str(path))
    path.unlink()
    assert one.address is not None
    assert take_back(one.descriptor, one.address, wanted(one.address)) is None


def test_what_cannot_be_served_on(opened: list[Open], tmp_path: Path) -> None:
    one = listen_on(opened, "127.0.0.1:0")
    assert listening.fault(one.descriptor) is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert listening.fault(datagrams.fileno()) is None
    with socket.socket() as idle:
        assert "does not listen" in (listening.fault(idle.fileno()) or "")
    with (tmp_path / "file").open("w") as file:
        assert "is no socket" in (listening.fault(file.fileno()) or "")


def test_lent_to_one_child_alone(opened: list[Open]) -> None:
    one = listen_on(opened, "127.0.0.1:0")
    assert not survives_fork(one.descriptor)
    with descriptors.lent(one.descriptor):
        assert survives_fork(one.descriptor)
    assert not survives_fork(one.descriptor)


def survives_fork(descriptor: int) -> bool:
    pid = os.fork()
    if not pid:
        try:
            os.fstat(descriptor)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

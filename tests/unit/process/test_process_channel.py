"""What workers tell the manager, and what else may arrive."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cotyledon_core.process.channel import (
    MESSAGE_LIMIT,
    Channel,
    NotifySocket,
    Reader,
    SocketWriter,
    Told,
    encode,
    parse,
    tell,
)

InChild = Callable[[Callable[[], Any]], Any]

PIDS = st.integers(1, 2**22)
KEYS = st.from_regex(r"[A-Z_]{1,20}", fullmatch=True)
VALUES = st.text(max_size=200)
MESSAGES = st.tuples(PIDS, KEYS, VALUES)


def encoded(message: tuple[int, str, str]) -> bytes:
    pid, key, value = message
    return encode(pid, f"{key}={value}")


def understood(message: tuple[int, str, str]) -> Told:
    pid, key, value = message
    text = value.replace("\n", " ").replace("\0", " ")
    return Told(pid, {key: text.encode(errors="replace").decode()})


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The data, cut at these places."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        yield data[start:end]


@given(st.lists(MESSAGES, max_size=20), st.lists(st.integers(0, 10_000), max_size=20))
def test_messages_may_arrive_in_any_pieces(
    messages: list[tuple[int, str, str]], cuts: list[int]
) -> None:
    reader = Reader()
    data = b"".join(map(encoded, messages))
    heard = [told for piece in pieces(data, cuts) for told in reader.messages(piece)]
    assert heard == list(map(understood, messages))


@given(st.lists(st.binary(max_size=300), max_size=20), MESSAGES)
@example([b"\0\n=\0==\0\xff\xfe\0-1\nA=1\0 7\nA=1"], (1, "READY", "1"))
@example(["\u0663\nREADY=1\0²\nREADY=1\0".encode()], (1, "READY", "1"))
def test_garbage_is_survived(garbage: list[bytes], message: tuple[int, str, str]) -> None:
    """And what comes behind it is understood."""
    reader = Reader()
    for piece in garbage:
        assert all(isinstance(told, Told) for told in reader.messages(piece))
    assert list(reader.messages(b"\0" + encoded(message)))[-1] == understood(message)


@pytest.mark.parametrize("piece", [b"x", b"7" * 1000, bytes(range(1, 256)) * 30])
def test_garbage_without_end_is_not_kept(piece: bytes) -> None:
    reader = Reader()
    for _ in range(100):
        assert list(reader.messages(piece)) == []
    assert len(reader._rest) <= MESSAGE_LIMIT


def test_a_number_without_end_is_no_pid() -> None:
    assert list(Reader().messages(b"7" * 5000 + b"\nREADY=1\0")) == []


@given(st.text(max_size=3 * MESSAGE_LIMIT))
@example("\N{EURO SIGN}" * MESSAGE_LIMIT)
def test_a_message_is_written_in_one_piece(text: str) -> None:
    data = encode(12345, f"STATUS={text}")
    assert len(data) <= MESSAGE_LIMIT
    assert data.endswith(b"\0")
    assert data.count(b"\0") == 1
    (told,) = Reader().messages(data)
    assert told.pid == 12345


def test_the_syntax_is_that_of_sd_notify() -> None:
    lines = "READY=1\nSTATUS=a=b c\n\nnonsense\n=nothing\nX_EMPTY="
    assert parse(lines) == {"READY": "1", "STATUS": "a=b c", "X_EMPTY": ""}


# -- the pipe


@pytest.fixture(params=[False, True], ids=["pipe", "socket"])
def channel(request: pytest.FixtureRequest) -> Iterator[Channel]:
    channel = Channel(portable=request.param)
    yield channel
    channel.close()


def receive_all(channel: Channel, number: int) -> list[Told]:
    heard: list[Told] = []
    while len(heard) < number:
        assert select.select([channel.reader], [], [], 30)[0], f"only {len(heard)} came"
        heard.extend(channel.receive())
    return heard


def test_children_are_heard(channel: Channel, in_child: InChild) -> None:
    pid = in_child(lambda: (tell(channel.writer, os.getpid(), "READY=1"), os.getpid())[1])
    assert receive_all(channel, 1) == [Told(pid, {"READY": "1"})]


def test_nothing_to_hear_is_no_wait(channel: Channel) -> None:
    assert list(channel.receive()) == []


def test_messages_of_many_writers_do_not_mix() -> None:
    channel = Channel()
    size, number, writers = MESSAGE_LIMIT - 100, 50, 4
    children = []
    for writer in range(writers):
        pid = os.fork()
        if pid == 0:
            for _ in range(number):
                tell(channel.writer, os.getpid(), f"STATUS={str(writer) * size}")
            os._exit(0)
        children.append(pid)
    try:
        heard = receive_all(channel, number * writers)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        channel.close()
    for told in heard:
        digit = str(children.index(told.pid))
        assert told.values == {"STATUS": digit * size}


def test_a_manager_that_is_gone_is_not_told() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    tell(SocketWriter(theirs), 1, "READY=1")
    theirs.close()
    tell(SocketWriter(theirs), 1, "READY=1")


def test_children_have_the_writing_end_only(in_child: InChild) -> None:
    channel = Channel()

    def look() -> tuple[bool, bool]:
        return _is_open(channel.reader), _is_open(channel.writer.fileno())

    assert in_child(look) == (False, True)
    channel.close()
    assert look() == (False, False)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


# -- the socket for external programs

linux = pytest.mark.skipif(
    not hasattr(socket, "SCM_CREDENTIALS"), reason="the kernel does not say who has sent"
)


@pytest.fixture
def notify_socket() -> Iterator[NotifySocket]:
    made = NotifySocket()
    yield made
    made.close()


def program(address: str) -> socket.socket:
    """The other end, as a program opens it."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.connect("\0" + address.removeprefix("@"))
    return end


@linux
def test_the_kernel_says_which_program_speaks(
    notify_socket: NotifySocket, in_child: InChild
) -> None:
    def speak() -> int:
        with program(notify_socket.address) as end:
            end.send(b"1\nREADY=1\nSTATUS=up")
        return os.getpid()

    pid = in_child(speak)
    assert list(notify_socket.receive()) == [Told(pid, {"READY": "1", "STATUS": "up"})]
    assert list(notify_socket.receive()) == []


@linux
@given(data=st.binary(max_size=3 * MESSAGE_LIMIT))
def test_programs_may_send_anything(data: bytes) -> None:
    notify_socket = NotifySocket()
    try:
        with program(notify_socket.address) as end:
            end.send(data)
            end.send(b"READY=1")
        *_, last = notify_socket.receive()
        assert last == Told(os.getpid(), {"READY": "1"})
    finally:
        notify_socket.close()


@linux
def test_descriptors_that_a_program_sends_are_not_kept(notify_socket: NotifySocket) -> None:
    """As sd_notify's FDSTORE and BARRIER do."""
    before = os.listdir("/proc/self/fd")
    reader, writer = os.pipe()
    with program(notify_socket.address) as end:
        socket.send_fds(end, [b"BARRIER=1"], [writer] * 10)
    os.close(writer)
    assert [told.values for told in notify_socket.receive()] == [{"BARRIER": "1"}]
    assert os.read(reader, 1) == b"", "somebody holds the writing end"
    os.close(reader)
    assert os.listdir("/proc/self/fd") == before

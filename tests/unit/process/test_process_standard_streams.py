"""What the manager has printed is written before a fork, unless that could have it wait."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from cotyledon_core.process.standard_streams import flush_before_fork, forget_unwritten


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """The end to read and a buffered stream to write."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    stream = os.fdopen(writer, "w")
    yield reader, stream
    try:
        stream.close()
    except OSError:  # nobody reads
        pass
    try:
        os.close(reader)
    except OSError:  # the test has closed it
        pass


def fill(stream: TextIO) -> None:
    os.set_blocking(stream.fileno(), False)
    try:
        while True:
            os.write(stream.fileno(), b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(stream.fileno(), True)


def unread(reader: int) -> int:
    number: int = struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, b"\0" * 4))[0]
    return number


def drain(reader: int) -> bytes:
    found = b""
    try:
        while block := os.read(reader, 65536):
            found += block
    except BlockingIOError:
        pass
    return found


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_was_printed_is_written(
    name: str, pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stream = pipe
    monkeypatch.setattr(sys, name, stream)
    stream.write("printed")
    flush_before_fork()
    assert drain(reader) == b"printed"


@pytest.mark.timeout(30)
def test_a_full_pipe_is_left_for_later(
    pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("printed")
    fill(stream)
    assert not flush_before_fork()
    assert b"printed" not in drain(reader)
    assert flush_before_fork()
    assert drain(reader) == b"printed"


@pytest.mark.timeout(30)
@pytest.mark.parametrize("pages", range(1, 16))
@pytest.mark.parametrize("piece", [3000, 4000, 5000, 8000])
def test_it_never_waits_for_a_pipe_with_little_room(
    pages: int, piece: int, pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("x" * piece)
    stream.write("y" * piece)
    fill(stream)
    found = os.read(reader, 4096 * pages)
    before = unread(reader)
    if not flush_before_fork():
        assert unread(reader) == before
        found += drain(reader)
        assert flush_before_fork()
    found += drain(reader)
    assert found.count(b"y") == piece


def test_a_child_does_not_write_what_its_parent_has_printed(
    pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("printed by the parent")
    inheritable = os.get_inheritable(stream.fileno())
    forget_unwritten()
    stream.write("printed by the child")
    stream.flush()
    assert drain(reader) == b"printed by the child"
    assert os.get_inheritable(stream.fileno()) == inheritable


def test_a_pipe_that_nobody_reads_is_no_fault(
    pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("printed")
    os.close(reader)
    flush_before_fork()


def test_what_a_full_disk_has_not_taken_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        stream.write("printed")
        assert not flush_before_fork()
        forget_unwritten()
        assert flush_before_fork()


@pytest.mark.parametrize("kind", ["none", "closed"])
def test_the_other_stream_is_written_without_the_first(
    kind: str, pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stream = pipe
    gone: TextIO | None = None
    if kind == "closed":
        with open(os.devnull, "w") as gone:
            pass
    monkeypatch.setattr(sys, "stdout", gone)
    monkeypatch.setattr(sys, "stderr", stream)
    stream.write("printed")
    flush_before_fork()
    assert drain(reader) == b"printed"

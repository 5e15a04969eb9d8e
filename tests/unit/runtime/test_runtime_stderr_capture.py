"""Standard error of workers: lines are made of pieces, and the work is bounded."""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator

import pytest

from cotyledon_core.process.captured_stderr import READ_LIMIT, TAIL, CapturedStderr
from cotyledon_core.process.descriptors import private_pipe
from cotyledon_core.runtime.stderr_capture import (
    LINE_LIMIT,
    PACE,
    READS,
    REST,
    Lines,
    Piece,
    StderrCapture,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="pipes to wait for")


def piece(data: bytes, *, key: int = 3, dropped: int = 0, last: bool = False) -> Piece:
    return Piece(key, f"web({key})", data, dropped, last)


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([piece(b"one\ntwo\n")], ["web(3): one", "web(3): two"]),
        ([piece(b"on"), piece(b"e\ntw"), piece(b"o", last=True)], ["web(3): one", "web(3): two"]),
        ([piece(b"a"), piece(b"b\n", key=4), piece(b"\n")], ["web(4): b", "web(3): a"]),
        ([piece(b"one\r\n\n\n")], ["web(3): one"]),
        ([piece(b"\xff\n")], ["web(3): \N{REPLACEMENT CHARACTER}"]),
        ([piece(b"one"), piece(b"", last=True)], ["web(3): one"]),
        (
            [piece(b"begun"), piece(b"two\n", dropped=7)],
            [
                "web(3): begun",
                "web(3): … 7 bytes were dropped, the log was too slow",
                "web(3): two",
            ],
        ),
        (
            [piece(b"x" * LINE_LIMIT), piece(b"y\n")],
            ["web(3): " + "x" * LINE_LIMIT, "web(3): y"],
        ),
    ],
)
def test_lines(pieces: list[Piece], lines: list[str]) -> None:
    made = Lines()
    assert [line for piece in pieces for line in made.of(piece)] == lines
    assert list(made.rest()) == []


def test_what_was_not_completed_is_not_lost() -> None:
    made = Lines()
    assert list(made.of(piece(b"one"))) == []
    assert list(made.rest()) == ["web(3): one"]
    assert list(made.rest()) == []


def test_a_line_without_an_end_takes_no_memory() -> None:
    made = Lines()
    for _ in range(100):
        list(made.of(piece(b"x" * 1000)))
    assert sum(len(rest) for _, rest in made._rest.values()) <= LINE_LIMIT + 1000


class Captured:
    """Pipes, and where their pieces go."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.capture = StderrCapture(self.selector, self._forward)
        self.pieces: list[Piece] = []
        self.room = True
        self.ends: list[int] = []

    def _forward(self, piece: Piece) -> bool:
        if self.room:
            self.pieces.append(piece)
        return self.room

    def worker(self, name: str = "web(0)") -> tuple[CapturedStderr, int]:
        reader, writer = private_pipe()
        pipe = CapturedStderr(name, reader)
        self.ends.append(writer)
        self.capture.watch(pipe)
        return pipe, writer

    def turn(self, now: float | None = None) -> None:
        """What the loop does; the clock shows ``now``."""
        for key, _ in self.selector.select(0):
            key.data()
        if now is not None:
            self.capture.read_due(now)


@pytest.fixture
def captured() -> Iterator[Captured]:
    made = Captured()
    yield made
    for end in made.ends:
        os.close(end)
    made.selector.close()


FOREVER = 1e12


def test_what_is_written_is_passed_on(captured: Captured) -> None:
    pipe, writer = captured.worker()
    captured.turn(FOREVER)
    assert captured.pieces == []
    os.write(writer, b"said\n")
    captured.turn(FOREVER)
    (found,) = captured.pieces
    assert (found.worker, found.data, found.dropped, found.last) == ("web(0)", b"said\n", 0, False)
    captured.capture.ended(pipe)
    assert captured.pieces[-1].last
    assert captured.capture.deadline() is None
    assert not captured.selector.get_map()
    pipe.close()


def test_a_pipe_rests_between_two_reads(captured: Captured) -> None:
    pipe, writer = captured.worker()
    os.write(writer, b"a")
    captured.turn()
    due = captured.capture.deadline()
    assert due is not None
    captured.capture.read_due(due)
    os.write(writer, b"b")
    captured.turn(due)
    assert [piece.data for piece in captured.pieces] == [b"a"]
    captured.capture.read_due(due + REST)
    assert [piece.data for piece in captured.pieces] == [b"a", b"b"]
    # with nothing more to read it is waited for again
    captured.capture.read_due(FOREVER)
    assert captured.capture.deadline() is None
    assert captured.selector.get_map()
    pipe.close()


def test_all_together_are_read_so_often_and_no_more(captured: Captured) -> None:
    workers = [captured.worker(f"web({number})") for number in range(READS * 2)]
    for _, writer in workers:
        os.write(writer, b"x")
    captured.turn()
    first = captured.capture.deadline()
    assert first is not None
    captured.capture.read_due(first + PACE * 3.5)
    assert len(captured.pieces) == 4
    captured.capture.read_due(FOREVER)
    assert len(captured.pieces) == 4 + READS
    for pipe, _ in workers:
        captured.capture.ended(pipe)
        pipe.close()


def test_what_does_not_fit_is_counted_and_said(captured: Captured) -> None:
    pipe, writer = captured.worker()
    captured.room = False
    os.write(writer, b"12345")
    captured.turn(FOREVER)
    captured.room = True
    os.write(writer, b"6\n")
    captured.capture.ended(pipe)
    (found,) = captured.pieces
    assert (found.data, found.dropped, found.last) == (b"6\n", 5, True)
    assert pipe.tail == "123456\n"
    assert found.without_content()[2:] == (b"", 7, True)
    pipe.close()


def test_an_end_is_no_reason_to_read_for_ever(captured: Captured) -> None:
    pipe, writer = captured.worker()
    os.set_blocking(writer, False)
    while True:
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
    captured.capture.ended(pipe)
    assert len(captured.pieces) == 1
    assert len(captured.pieces[0].data) <= READ_LIMIT
    assert len(pipe.tail) == TAIL
    pipe.close()


def test_a_closed_pipe_is_left_alone(captured: Captured) -> None:
    pipe, writer = captured.worker()
    captured.ends.remove(writer)
    os.close(writer)
    captured.turn(FOREVER)
    captured.turn(FOREVER)
    assert captured.pieces == []
    assert not captured.selector.get_map()
    assert captured.capture.deadline() is None
    captured.capture.ended(pipe)
    pipe.close()

"""What workers leave for the manager to look at."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cotyledon_core.process.board import DUMP_ROOM, NOWHERE, Board, Place, default_signal
from cotyledon_core.process.stamps import CAPACITY
from cotyledon_core.signal_names import signal_number

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux only")

InChild = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board(default_signal())
    made.open()
    yield made
    made.close()


def recursive_name_in_the_stacks(place: Place) -> None:
    place.settle()
    os.kill(os.getpid(), place.dump_signal)


def test_heartbeats_of_a_child_are_seen_here(board: Board, in_child: InChild) -> None:
    places = [board.take() for _ in range(3)]
    now = time.monotonic()
    assert in_child(lambda: places[1].beat(now))
    assert [place.last_beat() for place in places] == [0.0, now, 0.0]


def test_a_place_that_was_given_back_is_clean(board: Board) -> None:
    place = board.take()
    place.beat(5.0)
    place.give_back()
    again = board.take()
    assert (again.number, again.last_beat()) == (place.number, 0.0)


def test_stacks_are_written_each_to_its_place(board: Board, in_child: InChild) -> None:
    places = [board.take() for _ in range(3)]
    in_child(lambda: recursive_name_in_the_stacks(places[2]))
    assert [bool(place.take_dump()) for place in places] == [False, False, True]


def test_a_child_finds_the_place_that_was_lent_before_its_fork(
    board: Board, in_child: InChild
) -> None:
    places = [board.take() for _ in range(3)]

    def forked_writes() -> None:
        in_child(lambda: os.kill(os.getpid(), places[0].dump_signal))

    with board.lending():
        for place in (places[1], NOWHERE, places[2], NOWHERE):
            board.lend(place)
            forked_writes()
        board.lend(places[0])
    forked_writes()
    dumps = [place.take_dump() for place in places]
    assert [dump.count("in forked_writes") for dump in dumps] == [0, 1, 1]


def test_where_the_file_cannot_be_opened_nobody_writes_to_anothers_place(
    board: Board, in_child: InChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = board.take(), board.take()
    with board.lending():
        board.lend(first)
        monkeypatch.setattr(board, "_path", b"/proc/self/fd/nothing")
        board.lend(second)
        in_child(lambda: os.kill(os.getpid(), second.dump_signal))
    assert (first.take_dump(), second.take_dump()) == ("", "")


def test_stacks_that_nobody_took_are_not_the_next_workers(board: Board, in_child: InChild) -> None:
    first, second = board.take(), board.take()
    in_child(lambda: recursive_name_in_the_stacks(first))
    second.give_back()
    assert first.take_dump()
    in_child(lambda: recursive_name_in_the_stacks(first))
    first.give_back()
    assert board.take().take_dump() == ""


def test_fatal_errors_are_written_to_the_place_too() -> None:
    """In a process of its own: the test runner has handlers already."""
    program = """if True:
        import faulthandler, os, signal
        from cotyledon_core.process.board import Board
        board = Board(0)
        board.open()
        board.take()
        place = board.take()
        pid = os.fork()
        if pid == 0:
            place.settle()
            os.kill(os.getpid(), signal.SIGSEGV)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        dump = place.take_dump()
        board.close()
        assert not faulthandler.is_enabled()
        faulthandler.enable()
        other = Board(0)
        other.open()
        other.close()
        assert faulthandler.is_enabled()
        print(status)
        print(dump)
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("-11\nFatal Python error: Segmentation fault\n")


def test_stacks_are_taken_once_and_the_next_are_whole(board: Board, in_child: InChild) -> None:
    place = board.take()
    for _ in range(2):
        in_child(lambda: recursive_name_in_the_stacks(place))
        dump = place.take_dump()
        assert dump.count("recursive_name_in_the_stacks") == 1
        assert "\0" not in dump
    assert place.take_dump() == ""


def test_a_process_can_write_its_stacks_itself(board: Board, in_child: InChild) -> None:
    place = board.take()

    def write() -> None:
        place.settle()
        place.dump()

    in_child(write)
    assert "in write" in place.take_dump()


def test_a_signal_that_the_application_handles_is_left_alone() -> None:
    number = default_signal()
    before = signal.signal(number, lambda *_: None)
    try:
        board = Board(number)
        board.open()
        assert board.take().dump_signal == 0
        board.close()
        assert callable(signal.getsignal(number))
    finally:
        signal.signal(number, before)


def test_the_signal_is_given_back() -> None:
    board = Board(default_signal())
    board.open()
    board.close()
    assert signal.getsignal(default_signal()) == signal.SIG_DFL


def test_without_a_signal_there_are_heartbeats_only(in_child: InChild) -> None:
    board = Board(0)
    board.open()
    place = board.take()
    in_child(place.settle)
    assert place.beat(3.0)
    assert (place.last_beat(), place.take_dump()) == (3.0, "")
    board.close()


def test_nowhere_holds_nothing() -> None:
    NOWHERE.settle()
    NOWHERE.dump()
    assert not NOWHERE.beat(3.0)
    assert (NOWHERE.last_beat(), NOWHERE.take_dump(), NOWHERE.dump_signal) == (0.0, "", 0)


def test_of_very_many_stacks_beginning_and_end_are_told(board: Board, in_child: InChild) -> None:
    place = board.take()

    def write() -> None:
        place.settle()
        for part in (b"first\n", b"x" * 500_000, b"\nlast"):
            os.write(board.descriptor, part)

    in_child(write)
    dump = place.take_dump()
    assert dump.startswith("first")
    assert dump.endswith("last")
    assert len(dump) < 50_000
    assert "characters are left out" in dump
    assert place.take_dump() == ""


def test_what_is_written_after_it_was_taken_is_taken_too(board: Board) -> None:
    board.take()
    place = board.take()
    writer = os.open(f"/proc/self/fd/{board.descriptor}", os.O_WRONLY)
    os.lseek(writer, DUMP_ROOM, os.SEEK_SET)
    for text in ("x" * 40_000, "second"):
        os.write(writer, text.encode())
        assert place.take_dump() == text
    os.close(writer)


def test_who_has_lost_the_file_writes_nowhere(board: Board, in_child: InChild) -> None:
    place = board.take()

    def lose() -> bytes:
        place.settle()
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.dup2(writer, board.descriptor)
        dump_signal = place.dump_signal
        place.abandon()
        os.kill(os.getpid(), dump_signal)
        try:
            return os.read(reader, 1000)
        except BlockingIOError:
            return b""

    assert in_child(lose) == b""


def test_who_has_lost_the_file_tells_no_fatal_errors_there(in_child: InChild) -> None:
    def lose() -> list[bool]:
        faulthandler.disable()
        board = Board(0)
        board.open()
        enabled = [faulthandler.is_enabled()]
        board.take().abandon()
        return [*enabled, faulthandler.is_enabled()]

    assert in_child(lose) == [True, False]


# -- signals by name


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("TERM", signal.SIGTERM),
        ("sigabrt", signal.SIGABRT),
        (9, 9),
        ("9", 9),
        ("RTMIN+1", signal.SIGRTMIN + 1),
        ("SIGRTMAX-2", signal.SIGRTMAX - 2),
    ],
)
def test_signals_by_name(name: str | int, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize("name", ["", "NOSUCH", "0", "-1", "RTMIN-1", "RTMIN+99", "TERM+1", "9.0"])
def test_what_is_no_signal_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no signal; it must be"):
        signal_number(name)


def test_a_grace_period_that_changes() -> None:
    board = Board(0)
    place = board.take()
    assert [place.grace(configured) for configured in (None, 0.0, 5.0)] == [None, 0.0, 5.0]
    for configured in (7.0, 0.0, None, 3.5):
        place.set_grace(configured)
        assert place.grace(99.0) == configured
    place.beat(12.0)
    assert (place.last_beat(), place.grace(1.0)) == (12.0, 3.5)
    place.give_back()
    place = board.take()
    assert (place.last_beat(), place.grace(1.0)) == (0.0, 1.0)
    board.close()
    assert NOWHERE.grace(4.0) == 4.0
    NOWHERE.set_grace(5.0)


def test_a_note_is_read_by_those_that_are_forked(board: Board, in_child: InChild) -> None:
    place = board.take()
    assert board.read_note() == b""
    with board.lending():
        board.lend(place)
        board.write_note(b"a longer one")
        assert in_child(board.read_note) == b"a longer one"
        board.write_note(b"another")
        assert in_child(board.read_note) == b"another"
    assert board.read_note() == b"another"
    # it is no worker's stacks
    assert place.take_dump() == ""


def test_a_torn_note_is_none(board: Board) -> None:
    board.write_note(b"something")
    os.pwrite(board.descriptor, b"X", CAPACITY * DUMP_ROOM + 10)
    with pytest.raises(ValueError, match="torn"):
        board.read_note()


def test_who_begins_later_has_to_read_the_note(board: Board) -> None:
    assert not board.take().noted
    board.noted = True
    assert board.take().noted
    assert not NOWHERE.noted
    copy = os.dup(board.descriptor)
    assert Board(0, copy).noted
    os.close(copy)

"""What a forked process keeps, and what it does not."""

from __future__ import annotations

import itertools
import os
import select
import signal
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from cotyledon_core.process import descriptors
from cotyledon_core.process.channel import Channel
from cotyledon_core.process.descriptors import close_private
from cotyledon_core.process.signals import Signals
from cotyledon_core.worker.manager_link import ManagerLink

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is inherited")

InChild = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    descriptors.close_private(*ends)


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_private_descriptors_are_closed_in_every_child(
    pipe: tuple[int, int], in_child: InChild
) -> None:
    private, common = pipe
    descriptors.keep_private(private)
    assert in_child(lambda: (is_open(private), is_open(common))) == (False, True)
    assert is_open(private)


def test_what_is_no_longer_private_is_inherited(pipe: tuple[int, int], in_child: InChild) -> None:
    descriptors.keep_private(*pipe)
    descriptors.forget_private(pipe[0])
    assert in_child(lambda: [is_open(end) for end in pipe]) == [True, False]


def test_a_child_does_not_close_what_took_the_number_in_it(
    pipe: tuple[int, int], in_child: InChild
) -> None:
    """In a child's child nothing is the manager's any more."""
    descriptors.keep_private(*pipe)

    def look() -> bool:
        for end in pipe:
            os.dup2(0, end)
        pid = os.fork()
        if pid == 0:
            os._exit(all(map(is_open, pipe)))
        return os.waitpid(pid, 0)[1] >> 8 == 1

    assert in_child(look)


def test_closing_twice_is_harmless(pipe: tuple[int, int]) -> None:
    descriptors.keep_private(*pipe)
    descriptors.close_private(*pipe)
    assert not any(map(is_open, pipe))
    descriptors.close_private(*pipe)


CLOSED = [subset for length in range(4) for subset in itertools.combinations(range(3), length)]


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_standard_descriptors_are_filled(closed: tuple[int, ...], in_child: InChild) -> None:
    def look() -> tuple[list[bool], bool, bool]:
        kept = {number: os.fstat(number) for number in range(3) if number not in closed}
        for number in closed:
            os.close(number)
        descriptors.fill_standard_descriptors()
        null = os.stat(os.devnull)
        filled = [os.fstat(number).st_rdev == null.st_rdev for number in closed]
        untouched = all(os.fstat(number).st_ino == kept[number].st_ino for number in kept)
        for number in closed:
            if number:
                os.write(number, b"not lost in somebody's file")
        return filled, untouched, os.open(os.devnull, os.O_RDONLY) > 2

    assert in_child(look) == ([True] * len(closed), True, True)


def test_nothing_is_done_where_nothing_is_closed(in_child: InChild) -> None:
    def look() -> bool:
        before = os.listdir("/proc/self/fd")
        descriptors.fill_standard_descriptors()
        return os.listdir("/proc/self/fd") == before

    assert in_child(look)


def test_children_see_the_death_of_the_manager(in_child: InChild) -> None:
    """Though siblings live, and children of children."""

    def look() -> bytes:
        channel = Channel()
        seen, report = os.pipe()
        for with_child in (False, True):
            if os.fork() == 0:
                _wait_for_the_end(channel, report, with_child)
        if select.select([seen], [], [], 0.2)[0]:
            return b"the manager seems to be dead before it is"
        close_private(channel.reader)
        told = b""
        while len(told) < 2 and select.select([seen], [], [], 20)[0]:
            told += os.read(seen, 10)
        return told

    assert in_child(look) == b"xx"


def _wait_for_the_end(channel: Channel, report: int, with_child: bool) -> NoReturn:
    """A process that tells when its link sees the end, and then stays."""
    try:
        if with_child and os.fork() == 0:
            signal.pause()
        noted = Signals([signal.SIGUSR2])
        noted.install()
        noted.open()
        while not ManagerLink(channel.writer).wait(noted, None):
            pass
        os.write(report, b"x")
        signal.pause()
    finally:
        os._exit(0)

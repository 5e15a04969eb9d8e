"""No signal is lost, and nothing stays behind."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import contextlib
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from cotyledon_core.process import signals
from cotyledon_core.process.signals import SIGTERM, Signals

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="POSIX signals")

InChild = Callable[[Callable[[], Any]], Any]
USR1, USR2 = int(signal.SIGUSR1), int(signal.SIGUSR2)
STORM = 5000


def ignored(number: int, frame: object) -> None:
    """The application's own handler."""


@pytest.fixture
def application() -> Iterator[int]:
    """An application with a handler and a wake-up descriptor of its own."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handlers = {number: signal.signal(number, ignored) for number in (USR1, USR2)}
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    yield writer
    signal.set_wakeup_fd(wakeup)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    os.close(reader)
    os.close(writer)


@pytest.fixture(params=[False, True], ids=["pipe", "peekable"])
def noted(application: int, request: pytest.FixtureRequest) -> Iterator[Signals]:
    made = Signals([USR1, USR2], private=request.param)
    made.install()
    made.open()
    yield made
    made.restore()


def readable(noted: Signals) -> bool:
    return bool(select.select([noted.reader], [], [], 0)[0])


def test_a_signal_is_taken_once(noted: Signals) -> None:
    os.kill(os.getpid(), USR1)
    assert readable(noted)
    assert noted.take() == {USR1}
    assert noted.take() == set()
    assert not readable(noted)


def test_a_storm_of_one_signal_does_not_hide_another(noted: Signals) -> None:
    for _ in range(STORM):
        os.kill(os.getpid(), USR1)
    for _ in range(STORM):
        noted.wake()
    os.kill(os.getpid(), USR2)
    assert noted.take() == {USR1, USR2}
    while readable(noted):
        assert noted.take() == set()


def test_signals_before_the_descriptor_is_open_are_kept(application: int) -> None:
    noted = Signals([USR1])
    noted.install()
    os.kill(os.getpid(), USR1)
    noted.wake()
    noted.open()
    assert noted.take() == {USR1}
    noted.restore()


def test_the_urgent_are_told_at_once(application: int) -> None:
    told: list[int] = []
    noted = Signals([USR1], urgent=told.append)
    noted.install()
    os.kill(os.getpid(), USR1)
    os.kill(os.getpid(), USR2)
    assert told == [USR1]
    noted.restore()


def test_a_signal_can_be_posted_from_a_thread(noted: Signals) -> None:
    thread = threading.Thread(target=noted.post, args=(USR1,))
    thread.start()
    thread.join()
    assert readable(noted)
    assert noted.take() == {USR1}


def test_waking_is_no_signal(noted: Signals) -> None:
    noted.wake()
    assert readable(noted)
    assert noted.take() == set()


def test_restore_leaves_everything_as_it_was(application: int) -> None:
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc") else []
    for _ in range(3):
        noted = Signals([USR1, USR2], private=True)
        noted.install()
        noted.open()
        noted.restore()
        noted.restore()
    assert signal.getsignal(USR1) is ignored
    wakeup = signal.set_wakeup_fd(application, warn_on_full_buffer=False)
    assert wakeup == application
    assert before == (os.listdir("/proc/self/fd") if before else [])


def test_after_the_end_a_wake_is_harmless(noted: Signals) -> None:
    noted.close()
    noted.wake()
    os.kill(os.getpid(), USR1)
    assert noted.take() == {USR1}


def test_a_private_descriptor_is_not_inherited(application: int, in_child: InChild) -> None:
    noted = Signals([USR1], private=True)
    noted.install()
    noted.open()
    reader = noted.reader

    def look() -> tuple[int, bool]:
        wakeup = signal.set_wakeup_fd(-1)
        try:
            os.fstat(reader)
        except OSError:
            return wakeup, False
        return wakeup, True

    assert in_child(look) == (-1, False)
    noted.restore()


@contextlib.contextmanager
def lost(noted: Signals) -> Iterator[None]:
    """Something else is open where its descriptor was."""
    # a writer that has no reader is complained of
    kept = os.dup(noted.reader)
    with open(os.devnull, "rb") as other:
        os.dup2(other.fileno(), noted.reader)
    yield
    os.close(kept)


def is_interrupted(noted: Signals, arrive: Callable[[], object]) -> bool:
    """Whether a wait ends with what arrives while it lasts."""

    def wait() -> None:
        noted.waiting = wait.__code__
        arrive()
        noted.waiting = None

    try:
        wait()
    except signals.Interrupted:
        signals.go_on()
        return True
    return False


def raise_usr1() -> None:
    os.kill(os.getpid(), USR1)


# called without a frame of its own, as poll(2) is
USR1_ARRIVES = partial(_signal.raise_signal, USR1)


def test_a_signal_ends_a_wait_whose_descriptor_is_lost(noted: Signals) -> None:
    with lost(noted):
        assert is_interrupted(noted, USR1_ARRIVES)
        assert noted.take() == {USR1}
        assert not is_interrupted(noted, lambda: None)
        USR1_ARRIVES()
        assert noted.take() == {USR1}


def test_a_signal_does_not_end_a_wait_that_has_its_descriptor(noted: Signals) -> None:
    assert not is_interrupted(noted, USR1_ARRIVES)
    assert readable(noted)
    assert noted.take() == {USR1}


def test_a_signal_ends_nothing_but_the_wait(noted: Signals) -> None:
    """What the wait calls is none."""
    with lost(noted):
        assert not is_interrupted(noted, raise_usr1)
    assert noted.take() == {USR1}


def test_a_wait_that_a_signal_ends_loses_none_that_came_with_it(noted: Signals) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {USR1, USR2})
    for number in (USR1, USR2):
        # another thread would take what is sent to the process
        signal.pthread_kill(threading.get_ident(), number)
    let_through = partial(_signal.pthread_sigmask, signal.SIG_UNBLOCK, {USR1, USR2})
    with lost(noted):
        assert is_interrupted(noted, let_through)
    assert noted.take() == {USR1, USR2}


@pytest.fixture
def other(noted: Signals) -> Iterator[socket.socket]:
    """What foreign code has woken by signals instead; the end that it reads."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno())
        yield ours
        noted.restore()


def test_a_descriptor_that_was_displaced_is_taken_back(
    noted: Signals, other: socket.socket
) -> None:
    os.kill(os.getpid(), USR1)
    assert not readable(noted)
    noted.take_back()
    assert readable(noted)
    assert noted.take() == {USR1}
    assert not readable(noted)
    os.kill(os.getpid(), USR2)
    assert readable(noted)
    assert noted.take() == {USR2}


def test_what_has_displaced_it_is_woken_by_signals_all_the_same(
    noted: Signals, other: socket.socket
) -> None:
    noted.take_back()
    for _ in range(100):
        os.kill(os.getpid(), USR1)
    os.kill(os.getpid(), USR2)
    noted.wake()
    assert noted.take() == {USR1, USR2}
    assert other.recv(200) == bytes([USR1] * 100 + [USR2])


def test_what_has_its_number_later_is_let_be(noted: Signals, other: socket.socket) -> None:
    theirs = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(theirs)
    noted.take_back()
    reader, writer = os.pipe()
    os.dup2(writer, theirs)
    os.set_blocking(reader, False)
    os.kill(os.getpid(), USR1)
    assert noted.take() == {USR1}
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)


def test_a_descriptor_that_was_turned_off_is_taken_back(noted: Signals) -> None:
    signal.set_wakeup_fd(-1)
    noted.take_back()
    noted.take()
    os.kill(os.getpid(), USR1)
    assert readable(noted)
    assert noted.take() == {USR1}


def test_nothing_is_taken_back_that_was_not_displaced(noted: Signals) -> None:
    noted.take_back()
    assert not readable(noted)
    with lost(noted):
        noted.take_back()
        assert noted.lost()


def test_signals_in_a_handler_are_noted_all(application: int) -> None:
    """The wait is not ended by the second before the first is noted."""

    class Slow(Signals):
        def note(self, number: int) -> None:
            if number == USR1:
                os.kill(os.getpid(), USR2)
            super().note(number)

    noted = Slow([USR1, USR2])
    noted.install()
    noted.open()
    with lost(noted):
        assert is_interrupted(noted, USR1_ARRIVES)
    assert noted.take() == {USR1, USR2}
    noted.restore()


def test_a_child_is_not_interrupted_for_its_parents_wait(noted: Signals, in_child: InChild) -> None:
    """Another thread forks it meanwhile."""

    def look() -> bool:
        signal.set_wakeup_fd(-1)
        with contextlib.suppress(OSError):
            os.close(noted.reader)
        os.kill(os.getpid(), USR1)
        return True

    def fork() -> None:
        answers.append(in_child(look))

    def wait() -> None:
        noted.waiting = wait.__code__
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        noted.waiting = None

    answers: list[bool] = []
    wait()
    assert answers == [True]


@pytest.mark.parametrize("covered", [False, True])
def test_a_descriptor_that_is_lost_is_replaced(application: int, covered: bool) -> None:
    noted = Signals([USR1])
    noted.install()
    noted.open()
    old = noted.reader
    assert not noted.lost()
    if covered:
        with open(os.devnull, "rb") as other:
            os.set_blocking(other.fileno(), False)
            os.dup2(other.fileno(), old)
    else:
        os.close(old)
    assert noted.lost()
    noted.reopen()
    assert not noted.lost()
    os.kill(os.getpid(), USR1)
    assert readable(noted)
    assert noted.take() == {USR1}
    noted.restore()
    if covered:
        os.close(old)


def test_what_is_blocked_arrives_afterwards(in_child: InChild) -> None:
    def look() -> list[set[int]]:
        noted = Signals([SIGTERM])
        noted.install()
        found = []
        with signals.blocked():
            os.kill(os.getpid(), SIGTERM)
            found.append(noted.take())
        found.append(noted.take())
        return found

    assert in_child(look) == [set(), {SIGTERM}]


def test_a_child_that_was_made_while_blocked_keeps_its_signal(in_child: InChild) -> None:
    """It goes to the child only, and is there when the child lets it through."""

    def look() -> tuple[set[int], int]:
        ours = Signals([SIGTERM])
        ours.install()
        ours.open()
        reader, writer = os.pipe()
        theirs = Signals([SIGTERM])
        theirs.prepare()
        with signals.blocked():
            pid = os.fork()
            if pid == 0:
                os.close(writer)
                theirs.inherit()
                os.read(reader, 1)
                held = theirs.take()
                signals.unblock()
                os._exit(42 if (held, theirs.take()) == (set(), {SIGTERM}) else 1)
        os.kill(pid, SIGTERM)
        os.close(writer)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return ours.take(), status

    assert in_child(look) == (set(), 42)


def test_a_child_handles_as_before_what_its_parent_alone_notes(in_child: InChild) -> None:
    def dispositions() -> list[bool]:
        return [signal.getsignal(number) is signal.SIG_IGN for number in (USR1, USR2)]

    def look() -> list[Any]:
        signal.signal(USR1, signal.SIG_IGN)
        signal.signal(USR2, signal.SIG_DFL)
        ours = Signals([SIGTERM])
        ours.install()
        ours.open()
        ours.add_own(USR1, USR2)
        theirs = Signals([SIGTERM])
        theirs.prepare()
        statuses = []
        for begin in (theirs.inherit, signals.disown):
            pid = os.fork()
            if pid == 0:
                begin()
                os._exit(42 if dispositions() == [True, False] else 1)
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.kill(os.getpid(), USR1)
        found = [*statuses, ours.take()]
        ours.restore()
        return [*found, dispositions()]

    assert in_child(look) == [42, 42, {USR1}, [True, False]]


def test_a_signal_that_the_application_uses_is_left_to_it() -> None:
    assert signals.for_notes() == signal.SIGURG
    before = signal.signal(signal.SIGURG, ignored)
    try:
        assert signals.for_notes() is None
    finally:
        signal.signal(signal.SIGURG, before)


def test_the_signal_for_notes_waits_for_the_child_s_handler(in_child: InChild) -> None:
    def held_back() -> set[int]:
        os.kill(os.getpid(), signal.SIGURG)
        made = Signals([int(signal.SIGURG)])
        made.install()
        signals.unblock()
        return made.take()

    with signals.blocked():
        assert in_child(held_back) == {signal.SIGURG}

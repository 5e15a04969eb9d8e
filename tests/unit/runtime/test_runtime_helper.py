"""Helper processes: the manager never waits for them."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import select
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cotyledon_core.runtime.helper import MESSAGE_LIMIT, QUEUE_LIMIT, Dropped, Helper, Receive

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="helpers are forked")

DEADLINE = 30.0


class Results:
    """What a helper sends back."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def fileno(self) -> int:
        return self._ours.fileno()

    def send(self, result: Any) -> None:
        self._theirs.send(pickle.dumps(result))

    def receive(self) -> Any:
        assert select.select([self], [], [], DEADLINE)[0], "nothing comes"
        return pickle.loads(self._ours.recv(2 * MESSAGE_LIMIT))

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


@pytest.fixture
def results() -> Iterator[Results]:
    made = Results()
    yield made
    made.close()


@pytest.fixture
def helpers() -> Iterator[Callable[..., Helper]]:
    """Start helpers; they end with the test."""
    made: list[Helper] = []

    def start(serve: Callable[[Callable[[], Any]], None]) -> Helper:
        helper = Helper("test", serve)
        made.append(helper)
        helper.start()
        return helper

    yield start
    for helper in made:
        helper.let_go()
        if helper.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(helper.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(helper.pid, 0)


def passing_on(results: Results) -> Callable[[Callable[[], Any]], None]:
    def serve(receive: Receive) -> None:
        try:
            while True:
                message = receive(None)
                results.send(
                    ("dropped", message.count) if isinstance(message, Dropped) else message
                )
        except EOFError:
            results.send("end")

    return serve


def flush_all(helper: Helper) -> None:
    while not helper.flush():
        assert select.select([], [helper], [], DEADLINE)[1], "it does not read"


def test_messages_arrive_in_order_and_whole(
    helpers: Callable[..., Helper], results: Results
) -> None:
    helper = helpers(passing_on(results))
    messages = [{"number": number, "text": "x" * number} for number in range(50)]
    for message in messages:
        helper.put(message)
    flush_all(helper)
    assert [results.receive() for _ in messages] == messages


def test_what_was_put_before_the_start_is_not_lost(results: Results) -> None:
    helper = Helper("test", passing_on(results))
    helper.put("early")
    pid = helper.start()
    flush_all(helper)
    helper.let_go()
    assert [results.receive(), results.receive()] == ["early", "end"]
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_it_ends_when_it_has_read_everything(
    helpers: Callable[..., Helper], results: Results
) -> None:
    helper = helpers(passing_on(results))
    for number in range(20):
        helper.put(number)
    flush_all(helper)
    helper.let_go()
    helper.let_go()
    assert [results.receive() for _ in range(21)] == [*range(20), "end"]


def test_signals_to_the_group_do_not_end_it(
    helpers: Callable[..., Helper], results: Results
) -> None:
    helper = helpers(passing_on(results))
    helper.put("ready")
    flush_all(helper)
    assert results.receive() == "ready"
    assert helper.pid is not None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        os.kill(helper.pid, number)
    helper.put("still here")
    flush_all(helper)
    assert results.receive() == "still here"


def test_of_one_that_never_reads_the_oldest_are_dropped_and_it_is_told(
    helpers: Callable[..., Helper], results: Results
) -> None:
    gate, key = os.pipe()

    def wait_then_pass_on(receive: Receive) -> None:
        os.close(key)
        os.read(gate, 1)
        passing_on(results)(receive)

    helper = helpers(wait_then_pass_on)
    total = 3 * QUEUE_LIMIT
    for number in range(total):
        helper.put((number, b"x" * 500))
        helper.flush()
        assert helper.waiting <= QUEUE_LIMIT + 1
    os.close(key)
    os.close(gate)
    heard, dropped = [], 0
    while not heard or heard[-1] != total - 1:
        helper.flush()
        message = results.receive()
        if message[0] == "dropped":
            dropped += message[1]
        else:
            heard.append(message[0])
    assert heard == sorted(heard), "in order"
    assert dropped > 0
    assert len(heard) + dropped == total, "every one is accounted for"
    gap = next(i for i, number in enumerate(heard) if number != i)
    assert heard[gap:] == list(range(heard[gap], total)), "the oldest that waited were dropped"


def test_what_is_too_large_is_dropped_and_counted(
    helpers: Callable[..., Helper], results: Results
) -> None:
    helper = helpers(passing_on(results))
    helper.put("x" * (MESSAGE_LIMIT + 1))
    helper.put("y" * (MESSAGE_LIMIT - 100))
    flush_all(helper)
    assert results.receive() == ("dropped", 1)


def test_what_waits_for_one_that_is_gone_is_kept(helpers: Callable[..., Helper]) -> None:
    helper = helpers(lambda receive: None)
    os.waitid(os.P_PID, helper.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(10):
        helper.put("x")
        assert helper.flush()
    helper.take_back()
    assert helper.waiting == 10, "kept for the next one"


def test_what_one_that_was_killed_has_not_read_goes_to_the_next(
    helpers: Callable[..., Helper], results: Results
) -> None:
    gate, key = os.pipe()

    def read_one_then_wait(receive: Receive) -> None:
        results.send(receive(None))
        os.read(gate, 1)
        passing_on(results)(receive)

    helper = helpers(read_one_then_wait)
    for number in range(100):
        helper.put(number)
    flush_all(helper)
    assert results.receive() == 0
    assert helper.pid is not None
    os.kill(helper.pid, signal.SIGKILL)
    os.waitpid(helper.pid, 0)
    helper.put(100)
    helper.take_back()
    helper.let_go()
    os.close(key)
    helper.start()
    os.close(gate)
    flush_all(helper)
    assert [results.receive() for _ in range(100)] == list(range(1, 101))


def test_what_is_taken_back_is_bounded_and_a_loss_is_not_forgotten(
    helpers: Callable[..., Helper],
) -> None:
    helper = helpers(lambda receive: os.kill(os.getpid(), signal.SIGKILL))
    os.waitid(os.P_PID, helper.pid, os.WEXITED | os.WNOWAIT)
    helper.put("x" * (MESSAGE_LIMIT + 1))
    for number in range(50):
        helper.put(number)
    assert helper.flush()
    for number in range(QUEUE_LIMIT - 20):
        helper.put(number)
    helper.take_back()
    assert helper.waiting == QUEUE_LIMIT + 1
    assert helper._dropped == 31


def test_one_that_fails_ends_quietly(helpers: Callable[..., Helper]) -> None:
    def fail(receive: Receive) -> None:
        raise SystemExit("never")

    helper = helpers(fail)
    assert os.waitid(os.P_PID, helper.pid, os.WEXITED | os.WNOWAIT).si_status == 0


def test_a_refused_fork_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir("/proc/self/fd")

    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    helper = Helper("test", lambda receive: None)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", refuse)
        with pytest.raises(BlockingIOError):
            helper.start()
    assert helper.pid is None
    assert os.listdir("/proc/self/fd") == before

"""Looping calls and thread groups, where oslo.service's own tests do not look."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import fixtures
import pytest

from cotyledon_core.compat.oslo_service import fixture, loopingcall, threadgroup

DEADLINE = 30.0
"""Seconds; only a failing test waits so long."""


@pytest.fixture
def group() -> Iterator[threadgroup.ThreadGroup]:
    made = threadgroup.ThreadGroup()
    yield made
    made.stop(graceful=True)


def end(result: object = None) -> None:
    raise loopingcall.LoopingCallDone(result)


def test_a_loop_starts_again_right_after_its_end() -> None:
    loop = loopingcall.FixedIntervalLoopingCall(end, "done")
    for _ in range(200):
        assert loop.start(interval=1).wait(DEADLINE) == "done"


def test_one_loop_at_a_time() -> None:
    loop = loopingcall.FixedIntervalLoopingCall(lambda: None)
    outcome = loop.start(interval=DEADLINE)
    with pytest.raises(RuntimeError, match="can only run one function at a time"):
        loop.start(interval=1)
    loop.stop()
    assert outcome.wait(DEADLINE) is True
    assert loop.wait() is True


def test_what_ends_a_loop_is_raised_by_its_wait() -> None:
    def fail() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        loopingcall.DynamicLoopingCall(fail).start().wait(DEADLINE)


def test_waiting_for_a_loop_may_take_too_long() -> None:
    loop = loopingcall.FixedIntervalLoopingCall(lambda: None)
    outcome = loop.start(interval=DEADLINE)
    with pytest.raises(RuntimeError, match="Timed out waiting for event"):
        outcome.wait(0)
    loop.stop()


def test_each_call_of_a_retried_function_has_all_its_retries() -> None:
    calls: list[int] = []

    @loopingcall.RetryDecorator(max_retry_count=2, inc_sleep_time=0, exceptions=(ValueError,))
    def fail() -> None:
        calls.append(1)
        raise ValueError

    for _ in range(2):
        calls.clear()
        with pytest.raises(ValueError):  # noqa: PT011 - it says nothing
            fail()
        assert len(calls) == 3


def test_no_sleep_with_the_fixture() -> None:
    left = [1, 2, 3]
    loop = loopingcall.FixedIntervalLoopingCall(lambda: left.pop() if left else end())

    class Test(fixtures.Fixture):  # type: ignore[misc]
        def _setUp(self) -> None:  # noqa: N802
            self.sleep = self.useFixture(fixture.SleepFixture())

    with Test() as test:
        loop.start(interval=3600).wait(DEADLINE)
        assert test.sleep.mock_wait.call_count == 3


def test_a_running_loop_does_not_keep_the_interpreter() -> None:
    program = (
        "from cotyledon_core.compat.oslo_service import loopingcall\n"
        "loopingcall.FixedIntervalLoopingCall(print, 'called').start(interval=3600)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""


def test_threads_that_end_leave_their_group(group: threadgroup.ThreadGroup) -> None:
    ended: list[object] = []
    thread = group.add_thread(lambda: None)
    thread.link(lambda *given: ended.append(given), "argument")
    thread.wait()
    group.wait()
    assert group.threads == []
    assert ended == [(thread, "argument")]
    thread.link(ended.append)
    assert ended[1:] == [thread]


def test_a_group_is_waited_for_on_one_of_its_threads(group: threadgroup.ThreadGroup) -> None:
    waited = threading.Event()

    def wait() -> None:
        group.wait()
        waited.set()

    group.add_thread(wait)
    assert waited.wait(DEADLINE)


def test_a_timer_that_failed_does_not_fail_those_who_wait(group: threadgroup.ThreadGroup) -> None:
    group.add_timer(0.01, lambda: 1 / 0)
    group.wait()


def test_a_graceful_stop_lets_timers_leave_the_group(group: threadgroup.ThreadGroup) -> None:
    called = threading.Event()

    def leave() -> None:
        called.set()
        group.timer_done(timer)

    timer = group.add_timer(0.01, leave)
    assert called.wait(DEADLINE)
    group.stop(graceful=True)
    assert group.timers == []


def test_a_signal_handler_may_stop_a_group_that_is_being_looked_at(
    group: threadgroup.ThreadGroup,
) -> None:
    with group._lock:
        group.stop()


def test_too_many_threads() -> None:
    group = threadgroup.ThreadGroup(1)
    hold = threading.Event()
    group.add_thread(hold.wait, DEADLINE)
    with pytest.raises(RuntimeError, match="Maximum number of threads reached"):
        group.add_thread(hold.wait)
    hold.set()
    group.wait()


def test_the_old_name_of_the_pool_size(group: threadgroup.ThreadGroup) -> None:
    with pytest.warns(DeprecationWarning, match="thread_pool_size"):
        assert group.max_threads == 1000

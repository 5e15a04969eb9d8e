"""Functions that are called again and again, each on a thread of futurist's.

A loop ends when its function raises :class:`LoopingCallDone` or, unless told
otherwise, anything else; when :meth:`LoopingCallBase.stop` is called; and when
the interpreter ends.
"""

from __future__ import annotations

import atexit
import functools
import logging
import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import futurist

from cotyledon_core.compat.oslo_service._naming import callable_name

LOG = logging.getLogger(__name__)

IdleFor = Callable[[Any, float], float]
"""Seconds to sleep; gets what the function has returned, and how long it took."""

_loops: weakref.WeakSet[LoopingCallBase] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Before futurist waits for its threads."""
    for loop in list(_loops):
        loop.stop()


class LoopingCallDone(Exception):
    """Raised by the function to end its loop.

    :param retvalue: what waiting for the loop returns.
    """

    def __init__(self, retvalue: Any = True) -> None:
        super().__init__(retvalue)
        self.retvalue = retvalue


class LoopingCallTimeOut(Exception):
    """The loop took longer than it may."""


class Abort(threading.Event):
    """What a loop sleeps on, so that it can be ended meanwhile."""


class Outcome:
    """What :meth:`LoopingCallBase.start` returns."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def send(self, result: Any) -> None:
        """Have it end with a result."""
        self._result = result
        self._over.set()

    def send_exception(self, error: BaseException) -> None:
        """Have it end with an exception."""
        self._error = error
        self._over.set()

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for the end.

        :param timeout: in seconds; None waits without end.
        :returns: what the loop's function gave to :class:`LoopingCallDone`; True if it was stopped.
        :raises RuntimeError: if it is not over in time.
        :raises Exception: what ended the loop.
        """
        if not self._over.wait(timeout):
            raise RuntimeError("Timed out waiting for event")
        if self._error is not None:
            raise self._error
        return self._result


class LoopingCallBase:
    """A function and its arguments; one loop at a time."""

    _KIND = "Unknown looping call"
    _RUN_ONLY_ONE_MESSAGE = "A looping call can only run one function at a time"

    def __init__(self, f: Callable[..., Any] | None = None, *args: Any, **kw: Any) -> None:
        self.f = f
        self.args = args
        self.kw = self.kwargs = kw
        self.done: Outcome | None = None
        self._abort = Abort()
        self._thread: Any = None
        self._lock = threading.Lock()

    @property
    def _running(self) -> bool:
        return not self._abort.is_set()

    def stop(self) -> None:
        """End the loop, when the call that is under way is over."""
        self._abort.set()

    def wait(self) -> Any:
        """Wait for the end of the loop; see :meth:`Outcome.wait`."""
        assert self.done is not None, "start() comes before wait()"
        return self.done.wait()

    def _start(
        self,
        idle_for: IdleFor,
        initial_delay: float | None = None,
        stop_on_exception: bool = True,
    ) -> Outcome:
        with self._lock:
            if self._thread is not None:
                raise RuntimeError(self._RUN_ONLY_ONE_MESSAGE)
            self._abort.clear()
            self.done = outcome = Outcome()
            self._thread = executor = futurist.ThreadPoolExecutor(max_workers=1)
            _loops.add(self)
            executor.submit(
                self._run, executor, outcome, idle_for, initial_delay, stop_on_exception
            )
        return outcome

    def _run(
        self,
        executor: Any,
        outcome: Outcome,
        idle_for: IdleFor,
        initial_delay: float | None,
        stop_on_exception: bool,
    ) -> None:
        """On the thread: loop, and make way for the next loop before anybody hears of the end."""
        finish: Callable[[], None]
        try:
            result = self._loop(idle_for, initial_delay, stop_on_exception)
            finish = functools.partial(outcome.send, result)
        except BaseException as error:
            LOG.exception("%s %r failed", self._KIND, callable_name(self.f))
            finish = functools.partial(outcome.send_exception, error)
        self._thread = None
        executor.shutdown(wait=False)
        finish()

    def _loop(self, idle_for: IdleFor, initial_delay: float | None, stop_on_exception: bool) -> Any:
        if initial_delay:
            self._sleep(initial_delay)
        try:
            while self._running:
                started = time.monotonic()
                result = self._call(stop_on_exception)
                elapsed = self._elapsed(started)
                if not self._running:
                    break
                idle = idle_for(result, elapsed)
                LOG.debug(
                    "%s %r sleeping for %.02f seconds", self._KIND, callable_name(self.f), idle
                )
                self._sleep(idle)
        except LoopingCallDone as end:
            return end.retvalue
        return True

    def _call(self, stop_on_exception: bool) -> Any:
        assert self.f is not None, "there is no function to call"
        try:
            return self.f(*self.args, **self.kw)
        except LoopingCallDone:
            raise
        except Exception:
            if stop_on_exception:
                raise
            LOG.exception("%s %r failed", self._KIND, callable_name(self.f))
            return 0

    def _sleep(self, timeout: float) -> None:
        self._abort.wait(timeout)

    def _elapsed(self, started: float) -> float:
        return time.monotonic() - started


class FixedIntervalLoopingCall(LoopingCallBase):
    """The function is called once an interval, whatever it takes."""

    _KIND = "Fixed interval looping call"
    _RUN_ONLY_ONE_MESSAGE = "A fixed interval looping call can only run one function at a time"

    def start(
        self,
        interval: float,
        initial_delay: float | None = None,
        stop_on_exception: bool = True,
    ) -> Outcome:
        """
        :param interval: seconds from one call's start to the next one's.
        :param initial_delay: seconds before the first call.
        :param stop_on_exception: whether an exception of the function ends the loop.
        :raises RuntimeError: if a loop is running.
        """
        return self._start(
            lambda _, elapsed: self._rest(interval, elapsed), initial_delay, stop_on_exception
        )

    def _rest(self, interval: float, elapsed: float) -> float:
        rest = round(interval - elapsed, 2)
        if rest < 0:
            LOG.warning(
                "Function %r run outlasted interval by %.2f sec", callable_name(self.f), -rest
            )
        return max(rest, 0)


class FixedIntervalWithTimeoutLoopingCall(FixedIntervalLoopingCall):
    """The same, with a bound to the whole."""

    _KIND = "Fixed interval looping call with timeout checking."
    _RUN_ONLY_ONE_MESSAGE = (
        "A fixed interval looping call with timeout checking and can only run one function at"
        " at a time"
    )

    def start(
        self,
        interval: float,
        initial_delay: float | None = None,
        stop_on_exception: bool = True,
        timeout: float = 0,
    ) -> Outcome:
        """
        :param timeout: seconds after which the loop ends with :class:`LoopingCallTimeOut`; 0 is
            without bound.
        """
        started = time.monotonic()

        def idle_for(_: Any, elapsed: float) -> float:
            rest = self._rest(interval, elapsed)
            total = time.monotonic() - started
            if 0 < timeout < total:
                raise _timed_out(total)
            return rest

        return self._start(idle_for, initial_delay, stop_on_exception)


class DynamicLoopingCall(LoopingCallBase):
    """The function returns how many seconds to sleep before the next call."""

    _KIND = "Dynamic interval looping call"
    _RUN_ONLY_ONE_MESSAGE = "A dynamic interval looping call can only run one function at a time"
    _TASK_MISSING_SLEEP_VALUE_MESSAGE = (
        "A dynamic interval looping call should supply either an interval or periodic_interval_max"
    )

    def start(
        self,
        initial_delay: float | None = None,
        periodic_interval_max: float | None = None,
        stop_on_exception: bool = True,
    ) -> Outcome:
        """
        :param periodic_interval_max: the longest sleep, in seconds, and the one if the function
            returns None.
        """

        def idle_for(suggested: float | None, _: float) -> float:
            given = [each for each in (suggested, periodic_interval_max) if each is not None]
            if not given:
                raise RuntimeError(self._TASK_MISSING_SLEEP_VALUE_MESSAGE)
            return min(given)

        return self._start(idle_for, initial_delay, stop_on_exception)


class BackOffLoopingCall(LoopingCallBase):
    """The function is called ever more seldom, as long as it returns what is false."""

    _KIND = "Dynamic backoff interval looping call"
    _RUN_ONLY_ONE_MESSAGE = (
        "A dynamic backoff interval looping call can only run one function at a time"
    )
    _RNG = random.SystemRandom()

    def start(
        self,
        initial_delay: float | None = None,
        starting_interval: float = 1,
        timeout: float = 300,
        max_interval: float = 300,
        jitter: float = 0.75,
        min_interval: float = 0.001,
    ) -> Outcome:
        """
        :param starting_interval: in seconds; before jitter, the sleep after a success.
        :param timeout: seconds of sleep since the last success after which the loop ends with
            :class:`LoopingCallTimeOut`; 0 is without bound.
        :param jitter: the mean of what each sleep is multiplied with.
        """
        interval, slept = starting_interval, 0.0

        def idle_for(success: Any, _: float) -> float:
            nonlocal interval, slept
            factor = abs(self._RNG.gauss(jitter, 0.1))
            if success:
                interval, slept = starting_interval, 0.0
                return interval * factor
            idle = min(max(interval * 2 * factor, min_interval), max_interval)
            interval = max(interval * 2 * jitter, min_interval)
            if 0 < timeout < slept + idle:
                raise _timed_out(slept + idle)
            slept += idle
            return idle

        return self._start(idle_for, initial_delay)


class RetryDecorator:
    """Has a function called again when it raises one of some exceptions.

    :param max_retry_count: how many times at the most; -1 is without bound.
    :param inc_sleep_time: seconds by which each sleep is longer than the one before.
    :param max_sleep_time: the longest sleep, in seconds.
    :param exceptions: those to try again after; all others are raised.
    """

    def __init__(
        self,
        max_retry_count: int = -1,
        inc_sleep_time: float = 10,
        max_sleep_time: float = 60,
        exceptions: Any = (),
    ) -> None:
        self._max_retry_count = max_retry_count
        self._inc_sleep_time = inc_sleep_time
        self._max_sleep_time = max_sleep_time
        self._exceptions = exceptions
        self._retry_count = 0
        """Of the last call."""
        self._sleep_time: float = 0

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(f)
        def function(*args: Any, **kwargs: Any) -> Any:
            attempt = functools.partial(self._attempt, f, _Tries())
            loop = DynamicLoopingCall(attempt, *args, **kwargs)
            return loop.start(periodic_interval_max=self._max_sleep_time).wait()

        return function

    def _attempt(self, f: Callable[..., Any], tries: _Tries, *args: Any, **kwargs: Any) -> float:
        """
        :returns: seconds until the next attempt.
        """
        self._retry_count = tries.count
        self._sleep_time = tries.sleep
        try:
            result = f(*args, **kwargs)
        except self._exceptions:
            if tries.count == self._max_retry_count:
                raise
        else:
            raise LoopingCallDone(result)
        tries.count += 1
        tries.sleep += self._inc_sleep_time
        return tries.sleep


class _Tries:
    """The retries of one call."""

    def __init__(self) -> None:
        self.count = 0
        self.sleep: float = 0


def _timed_out(seconds: float) -> LoopingCallTimeOut:
    return LoopingCallTimeOut(f"Looping call timed out after {seconds:.02f} seconds")

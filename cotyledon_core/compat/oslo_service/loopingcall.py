"""Functions that are called again and again, each on a thread of its own."""

from __future__ import annotations

import functools
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from cotyledon_core.compat.oslo_service._loop import (
    LoopingCallBase,
    LoopingCallDone,
    LoopingCallTimeOut,
    Outcome,
)
from cotyledon_core.compat.oslo_service._naming import callable_name
from cotyledon_core.compat.oslo_service.backend import get_backend

__all__ = [
    "BackOffLoopingCall",
    "DynamicLoopingCall",
    "FixedIntervalLoopingCall",
    "FixedIntervalWithTimeoutLoopingCall",
    "LoopingCallBase",
    "LoopingCallDone",
    "LoopingCallTimeOut",
    "RetryDecorator",
]

LOG = logging.getLogger(__name__)

get_backend()  # whoever uses a component has chosen; services and thread groups come by here, too


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

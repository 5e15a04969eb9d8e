"""Threads and timers that are stopped and waited for together."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cotyledon_core.compat.oslo_service.loopingcall import (
    DynamicLoopingCall,
    FixedIntervalLoopingCall,
    LoopingCallBase,
)

LOG = logging.getLogger(__name__)


class Thread:
    """A thread of a group. A native thread cannot be stopped from outside."""

    def __init__(self, thread: threading.Thread, group: ThreadGroup | None = None) -> None:
        self.thread = thread
        self.group = group
        self._lock = threading.Lock()
        self._over = False
        self._links: list[Callable[[], Any]] = []

    @property
    def ident(self) -> int | None:
        """The thread's identifier."""
        return self.thread.ident

    def stop(self) -> None:
        """Does nothing, since a native thread cannot be ended."""

    def cancel(self, *throw_args: Any) -> None:
        """Does nothing, since the thread has begun."""

    def wait(self) -> None:
        """Wait for the thread's end."""
        self.thread.join()

    def link(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Have ``func`` called with this thread and the arguments when it has ended.

        At once if it has. Otherwise on the thread itself, as the last it does.
        """
        with self._lock:
            if not self._over:
                self._links.append(lambda: func(self, *args, **kwargs))
                return
        func(self, *args, **kwargs)

    def _finish(self) -> None:
        with self._lock:
            self._over = True
        for call in self._links:
            try:
                call()
            except Exception:
                LOG.exception("a function that was linked to a thread failed")


class ThreadGroup:
    """A group of threads and of timers.

    :param max_threads: how many threads there may be at a time.
    """

    def __init__(self, max_threads: int = 1000) -> None:
        self.thread_pool_size = max_threads
        self.threads: list[threading.Thread] = []
        self.timers: list[LoopingCallBase] = []
        # a signal handler may stop the group while the main thread looks at it
        self._lock = threading.RLock()

    @property
    def max_threads(self) -> int:
        """Deprecated: ``thread_pool_size``."""
        warnings.warn(
            "ThreadGroup.max_threads is deprecated and will be removed. "
            "Use thread_pool_size instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.thread_pool_size

    # -- adding

    def add_thread(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Thread:
        """Call ``callback`` on a thread of its own.

        :raises RuntimeError: if there are as many threads as there may be.
        """

        def run() -> None:
            try:
                callback(*args, **kwargs)
            finally:
                self.thread_done(native)
                thread._finish()

        native = threading.Thread(target=run)
        native.args, native.kw = args, kwargs  # type: ignore[attr-defined]
        thread = Thread(native, group=self)
        with self._lock:
            if len(self.threads) >= self.thread_pool_size:
                raise RuntimeError("Maximum number of threads reached")
            native.start()
            self.threads.append(native)
        return thread

    def add_timer_args(
        self,
        interval: float,
        callback: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        initial_delay: float | None = None,
        stop_on_exception: bool = True,
    ) -> FixedIntervalLoopingCall:
        """Call ``callback`` at a fixed interval; see :class:`.FixedIntervalLoopingCall`."""
        timer = FixedIntervalLoopingCall(callback, *(args or ()), **(kwargs or {}))
        timer.start(interval, initial_delay, stop_on_exception)
        self._add(timer)
        return timer

    def add_timer(
        self,
        interval: float,
        callback: Callable[..., Any],
        initial_delay: float | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> FixedIntervalLoopingCall:
        """The same; arguments for the callback are deprecated here."""
        if args or kwargs:
            _warn_of_arguments("add_timer")
        return self.add_timer_args(interval, callback, args, kwargs, initial_delay)

    def add_dynamic_timer_args(
        self,
        callback: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        initial_delay: float | None = None,
        periodic_interval_max: float | None = None,
        stop_on_exception: bool = True,
    ) -> DynamicLoopingCall:
        """Call ``callback`` at the intervals that it says; see :class:`.DynamicLoopingCall`."""
        timer = DynamicLoopingCall(callback, *(args or ()), **(kwargs or {}))
        timer.start(initial_delay, periodic_interval_max, stop_on_exception)
        self._add(timer)
        return timer

    def add_dynamic_timer(
        self,
        callback: Callable[..., Any],
        initial_delay: float | None = None,
        periodic_interval_max: float | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> DynamicLoopingCall:
        """The same; arguments for the callback are deprecated here."""
        if args or kwargs:
            _warn_of_arguments("add_dynamic_timer")
        return self.add_dynamic_timer_args(
            callback, args, kwargs, initial_delay, periodic_interval_max
        )

    def _add(self, timer: LoopingCallBase) -> None:
        with self._lock:
            self.timers.append(timer)

    # -- leaving

    def thread_done(self, thread: threading.Thread) -> None:
        """Take a thread that has ended out of the group; threads do it themselves."""
        with self._lock, contextlib.suppress(ValueError):
            self.threads.remove(thread)

    def timer_done(self, timer: LoopingCallBase) -> None:
        """Take a timer out of the group."""
        with self._lock, contextlib.suppress(ValueError):
            self.timers.remove(timer)

    # -- stopping

    def stop(self, graceful: bool = False) -> None:
        """Stop all timers, and let go of all threads but this one.

        :param graceful: whether to wait for them, which takes as long as they take.
        """
        self.stop_timers(wait=graceful)
        if graceful:
            self._wait_threads()
            return
        current = threading.current_thread()
        with self._lock:
            self.threads = [thread for thread in self.threads if thread is current]

    def stop_timers(self, wait: bool = False) -> None:
        """Stop all timers.

        :param wait: whether to wait for their calls that are under way.
        """
        with self._lock:
            stopped, self.timers = self.timers, []
        for timer in stopped:
            timer.stop()
        if wait:
            _wait_timers(stopped)

    def cancel(
        self, *throw_args: Any, timeout: float | None = None, wait_time: float = 1.0
    ) -> None:
        """Let threads that have begun go on, for a while.

        :param timeout: seconds after which the group lets go of them; None is never.
        :param wait_time: is not needed.
        """
        if timeout is None:
            return
        until = time.monotonic() + timeout
        for thread in self._others():
            thread.join(max(until - time.monotonic(), 0))
        self.stop()

    # -- waiting

    def wait(self) -> None:
        """Wait for all timers and threads but this one; what they raised is logged.

        Timers have to be stopped for that, by whomever. Those that
        :meth:`stop_timers` has stopped are not waited for.
        """
        with self._lock:
            timers = list(self.timers)
        _wait_timers(timers)
        self._wait_threads()

    waitall = wait

    def _wait_threads(self) -> None:
        for thread in self._others():
            thread.join()

    def _others(self) -> list[threading.Thread]:
        current = threading.current_thread()
        with self._lock:
            return [thread for thread in self.threads if thread is not current]


def _wait_timers(timers: Sequence[LoopingCallBase]) -> None:
    for timer in timers:
        try:
            timer.wait()
        except Exception:
            LOG.exception("a timer ended by an exception")


def _warn_of_arguments(method: str) -> None:
    warnings.warn(
        f"Calling {method}() with arguments is deprecated. Use {method}_args() instead.",
        DeprecationWarning,
        stacklevel=3,
    )

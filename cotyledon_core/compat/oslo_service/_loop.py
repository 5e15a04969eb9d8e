"""What all looping calls share: a loop on a thread of futurist's, and its outcome.

A loop ends when its function raises :class:`LoopingCallDone` or, unless told
otherwise, anything else; when :meth:`LoopingCallBase.stop` is called; and when
the interpreter ends.
"""

from __future__ import annotations

import atexit
import functools
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

try:
    import futurist
except ImportError as error:
    raise ImportError(
        "oslo.service's names need futurist; pip install 'cotyledon-core[oslo]'", name="futurist"
    ) from error

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

"""A service whose methods are coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cotyledon_core.service import Service
from cotyledon_core.worker.event_loop import EventLoop


class AsyncService(Service):
    """A :class:`Service` whose ``run``, ``terminate`` and ``reload`` are coroutines.

    They run on one event loop of the worker, on the worker's run thread, and
    may start tasks there. The loop runs from the moment that the service is
    made until the worker ends, whether or not :meth:`run` has returned. The
    constructor is called before that, on the main thread; what it makes may be
    bound to the loop when it is first awaited. When the worker ends, the tasks
    that are left are cancelled and awaited within the grace period,
    asynchronous generators are closed, and so is the loop; threads of the
    loop's executor are not waited for. SystemExit in any task ends the worker
    with its status.

    Signals are the worker's; the loop cannot have handlers for them.
    """

    async def run(self) -> None:
        """The service's work.

        It may return; that does not end the worker. SystemExit ends the worker
        with its status, any other exception is logged and ends it with status 1.
        """

    async def terminate(self) -> None:
        """Shut down cleanly, once, on SIGTERM; the worker ends when it returns.

        It begins after :meth:`run` has begun and runs beside it, or after it.
        SystemExit sets the worker's exit status, which is 0 otherwise.
        """

    async def reload(self) -> None:
        """Take over changes, on SIGHUP; never beside :meth:`terminate`.

        Unless overridden, the worker is terminated and replaced by a new one
        with the same id.
        """
        Service.reload(self)

    _default_reload = reload

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Make the worker's event loop; override it for another kind."""
        return asyncio.new_event_loop()

    def _make_event_loop(self, fail: Callable[[BaseException], None]) -> EventLoop:
        return EventLoop(self, fail)

"""The event loop of a worker whose service consists of coroutines.

The loop runs on the worker's run thread until the worker ends. The threads of
``terminate`` and ``reload`` hand their coroutine over and wait for it, so that
the order of the calls is that of any service. Whatever ends the worker, the
loop is wound up by the thread that it has run on all the time: what is still
to be done is cancelled and awaited, for as long as the grace period allows.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any


class EventLoop:
    """Runs the service's coroutines.

    :param fail: ends the worker for an exception, without blocking the caller.
    """

    def __init__(self, service: Any, fail: Callable[[BaseException], None]) -> None:
        self._service = service
        self._fail = fail
        self._loop: asyncio.AbstractEventLoop = service.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._winding_up = self._wound_up = False
        self._closed: Future[None] = Future()
        # before anything that another thread hands over
        self._loop.call_soon(self._begin_run)

    def run(self) -> None:
        """Run the loop until it is wound up."""
        while not self._wound_up:
            try:
                self._loop.run_forever()
            except BaseException as error:
                # SystemExit or KeyboardInterrupt of some task
                self._fail(error)
        self._loop.close()
        self._closed.set_result(None)

    def _begin_run(self) -> None:
        ran: Future[None] = Future()
        ran.add_done_callback(self._ran)
        self._begin(self._service.run, ran)

    def _ran(self, ran: Future[None]) -> None:
        error = ran.exception()
        if error is not None and not self._winding_up:
            self._fail(error)

    def terminate(self) -> None:
        """Await the service's ``terminate``; raise what it raises."""
        self._call(self._service.terminate)

    def reload(self) -> None:
        """Await the service's ``reload``; raise what it raises."""
        self._call(self._service.reload)

    def _call(self, method: Callable[[], Any]) -> None:
        ended: Future[None] = Future()
        try:
            self._loop.call_soon_threadsafe(self._begin, method, ended)
        except RuntimeError:
            # closed: the worker has come to its end
            return
        ended.result()

    def _begin(self, method: Callable[[], Any], ended: Future[None]) -> None:
        task = self._loop.create_task(_attend(method, ended))
        # the loop itself does not keep it
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def wind_up(self) -> None:
        """Cancel and await what is still to be done, close the loop; from any other thread."""
        self._loop.call_soon_threadsafe(self._begin_end)
        self._closed.result()

    def _begin_end(self) -> None:
        self._winding_up = True
        self._end = self._loop.create_task(self._wind_up())

    async def _wind_up(self) -> None:
        tasks = asyncio.all_tasks() - {self._end}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            self._report(task)
        await self._loop.shutdown_asyncgens()
        self._wound_up = True
        self._loop.stop()

    def _report(self, task: asyncio.Task[Any]) -> None:
        """As the loop reports exceptions that nobody asks for."""
        if not task.cancelled() and task.exception() is not None:
            self._loop.call_exception_handler(
                {
                    "message": "unhandled exception at the end of the worker",
                    "exception": task.exception(),
                    "task": task,
                }
            )


async def _attend(method: Callable[[], Awaitable[Any]], ended: Future[None]) -> None:
    """Await what the method returns, and hand over what it raises.

    Nothing is raised here: SystemExit would leave the loop.
    """
    try:
        awaitable = method()
        if not inspect.isawaitable(awaitable):
            name = getattr(method, "__qualname__", method)
            raise TypeError(f"{name} must be a coroutine function: async def")
        await awaitable
    except BaseException as error:
        ended.set_exception(error)
    else:
        ended.set_result(None)

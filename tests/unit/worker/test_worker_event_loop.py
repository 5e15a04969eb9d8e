"""The event loop of a worker, with its threads but without a process of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cotyledon_core import AsyncService
from cotyledon_core.types import WorkerId
from cotyledon_core.worker.event_loop import EventLoop

DEADLINE = 30.0
"""Seconds; only a failing test waits so long."""


class Scripted(AsyncService):
    """Its coroutines are given."""

    def __init__(self, **methods: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__(WorkerId(0))
        self.__dict__.update(methods)


class Running:
    """A loop on its thread, and what was to end the worker."""

    def __init__(self, service: AsyncService) -> None:
        self.failures: list[BaseException] = []
        self.failed = threading.Event()
        self.loop = EventLoop(service, self._fail)
        self.thread = threading.Thread(target=self.loop.run, daemon=True)

    def _fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.failed.set()


@contextmanager
def running(**methods: Callable[[], Coroutine[Any, Any, None]]) -> Iterator[Running]:
    made = Running(Scripted(**methods))
    made.thread.start()
    try:
        yield made
    finally:
        made.loop.wind_up()
        made.thread.join(DEADLINE)
        assert not made.thread.is_alive()


async def nothing() -> None:
    """Return at once."""


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def raising(error: BaseException) -> Callable[[], Coroutine[Any, Any, None]]:
    async def fail() -> None:
        raise error

    return fail


ERRORS = [SystemExit(3), KeyboardInterrupt(), RuntimeError("x"), asyncio.CancelledError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_run_raises_ends_the_worker(error: BaseException) -> None:
    with running(run=raising(error)) as made:
        assert made.failed.wait(DEADLINE)
    assert made.failures == [error]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["terminate", "reload"])
def test_what_the_others_raise_reaches_their_thread(method: str, error: BaseException) -> None:
    with running(**{method: raising(error)}) as made, pytest.raises(type(error)) as raised:
        getattr(made.loop, method)()
    assert raised.value is error
    assert made.failures == []


def test_exit_of_a_task_ends_the_worker_and_the_loop_goes_on() -> None:
    async def run() -> None:
        task = asyncio.create_task(raising(SystemExit(5))())
        await asyncio.wait([task])

    with running(run=run) as made:
        assert made.failed.wait(DEADLINE)
        made.loop.terminate()
    assert [error.code for error in made.failures if isinstance(error, SystemExit)] == [5]


def test_what_is_called_before_the_loop_runs_begins_after_run() -> None:
    order = []

    async def run() -> None:
        order.append("run")

    async def terminate() -> None:
        order.append("terminate")

    made = Running(Scripted(run=run, terminate=terminate))
    caller = threading.Thread(target=made.loop.terminate, daemon=True)
    caller.start()
    made.thread.start()
    caller.join(DEADLINE)
    made.loop.wind_up()
    made.thread.join(DEADLINE)
    assert order == ["run", "terminate"]


def test_cancelling_run_is_no_failure() -> None:
    with running(run=forever) as made:
        made.loop.terminate()
    assert made.failures == []


def test_what_is_called_after_the_end_does_nothing() -> None:
    with running(terminate=raising(RuntimeError("x"))) as made:
        pass
    made.loop.terminate()


def test_exceptions_at_the_end_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        try:
            await forever()
        finally:
            raise RuntimeError("on purpose")

    async def work() -> None:
        task = asyncio.create_task(run())
        task.set_name("the task")
        await task

    with caplog.at_level(logging.ERROR), running(run=work) as made:
        made.loop.terminate()
    assert "the task" in caplog.text
    assert made.failures == []


def test_a_method_that_is_no_coroutine_is_told() -> None:
    service: Any = {"terminate": lambda: None}
    with running(**service) as made, pytest.raises(TypeError, match="async def"):
        made.loop.terminate()


def test_another_loop_may_be_made() -> None:
    made = []

    class Own(AsyncService):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            made.append(asyncio.SelectorEventLoop())
            return made[-1]

        async def terminate(self) -> None:
            assert asyncio.get_running_loop() is made[0]

    found = Running(Own(WorkerId(0)))
    found.thread.start()
    found.loop.terminate()
    found.loop.wind_up()
    found.thread.join(DEADLINE)
    assert made[0].is_closed()

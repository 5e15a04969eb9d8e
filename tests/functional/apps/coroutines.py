"""Services of coroutines; the first argument says which."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from ending import WAYS, leave
from support import (
    Reloading,
    context,
    main,
    manager,
    on_dead_worker,
    on_new_worker,
    record,
    wait_at,
    watch,
)

import cotyledon_core as cotyledon


class Ending(cotyledon.AsyncService):
    """Ends in one of the ways; a task and an executor's thread of it would go on for ever."""

    def __init__(self, worker_id: int, where: str, way: str) -> None:
        super().__init__(worker_id)
        self.where = where
        self.way = way

    async def run(self) -> None:
        self.task = asyncio.create_task(self._work())
        self.thread = asyncio.create_task(asyncio.to_thread(time.sleep, 3600))
        await asyncio.sleep(0)
        record("run", way=self.way)
        self._reached("run")

    async def terminate(self) -> None:
        await asyncio.sleep(0)
        self._reached("terminate")

    async def reload(self) -> None:
        await asyncio.sleep(0)
        self._reached("reload")

    async def _work(self) -> None:
        self._reached("task")
        await asyncio.get_running_loop().create_future()

    def _reached(self, where: str) -> None:
        if where == self.where:
            leave(self.way)


def method(where: str) -> None:
    made = manager()
    made.register_hooks(on_dead_worker=on_dead_worker)
    for way in WAYS:
        record("added", way=way, id=str(made.add(Ending, args=(where, way))))
    made.run()


class Watched(cotyledon.AsyncService):
    """Notes what is called, and where."""

    name = "watched"

    def __init__(self, worker_id: int, returns: bool) -> None:
        self.returns = returns
        self.loops: set[Any] = set()
        record("init")
        wait_at("init")

    async def run(self) -> None:
        self._note("run", worker_id=self.worker_id, service=self.name)
        self.task = asyncio.create_task(self._consume())
        if not self.returns:
            await asyncio.get_running_loop().create_future()

    async def terminate(self) -> None:
        self._note("terminate")
        await asyncio.sleep(0.01)
        record("terminated")

    async def reload(self) -> None:
        self._note("reload")
        await asyncio.to_thread(wait_at, "reload")
        record("reloaded")

    async def _numbers(self) -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0.01)
            record("generator closed", loops=len(self.loops))

    async def _consume(self) -> None:
        self.numbers = self._numbers()
        await anext(self.numbers)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0.01)
            self._note("cancelled")

    def _note(self, event: str, **fields: Any) -> None:
        self.loops.add((asyncio.get_running_loop(), threading.get_ident()))
        record(event, loops=len(self.loops), **fields)


def watched(returns: str) -> None:
    made = manager()
    made.register_hooks(on_dead_worker=on_dead_worker)
    made.add(Watched, args=(bool(int(returns)),))
    made.run()


class OwnLoop(Reloading):
    """Its own event loop handles SIGUSR1, and so has taken what signals wake.

    :param keeps: whether it goes on to handle it.
    """

    name = "own_loop"

    def __init__(self, worker_id: int, keeps: bool) -> None:
        super().__init__(worker_id)
        self.loop = asyncio.new_event_loop()
        self.loop.add_signal_handler(signal.SIGUSR1, self._note, "usr1")
        if not keeps:
            self.loop.remove_signal_handler(signal.SIGUSR1)
        record("taken")
        wait_at("init")

    def run(self) -> None:
        super().run()
        self.loop.run_forever()

    def terminate(self) -> None:
        super().terminate()
        self.loop.call_soon_threadsafe(self.loop.stop)


def own_loop(keeps: str) -> None:
    made = manager()
    watch(made)
    made.add(OwnLoop, args=(bool(int(keeps)),))
    made.run()


class Stubborn(cotyledon.AsyncService):
    """A task of it does not let itself be cancelled."""

    graceful_shutdown_timeout = 1

    async def run(self) -> None:
        record("run", service=self.name)
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                record("refused", deadline=self.stop_deadline)


class Plain(cotyledon.AsyncService):
    """Has no methods of its own."""


class NoCoroutine(cotyledon.AsyncService):
    """A mistake."""

    def run(self) -> None:  # type: ignore[override]
        record("run", service=self.name)


def no_coroutine(worker_id: int) -> NoCoroutine:
    """The manager does not know the class before there is a worker."""
    return NoCoroutine(worker_id)


def others() -> None:
    made = manager()
    made.register_hooks(
        on_dead_worker=on_dead_worker,
        on_new_worker=on_new_worker,
    )
    for name, factory in (
        ("Stubborn", Stubborn),
        ("Plain", Plain),
        ("NoCoroutine", no_coroutine),
    ):
        record("added", name=name, id=str(made.add(factory, name=name)))
    made.run()


class Bounded(cotyledon.Service):
    """Tells how long it has; its constructor does not call ours."""

    name = "bounded"

    def __init__(self, worker_id: int, grace: int | None) -> None:
        if grace is not None:
            self.graceful_shutdown_timeout = grace  # type: ignore[misc]
        record("init", deadline=self.stop_deadline)

    def run(self) -> None:
        record("run", worker_id=self.worker_id, service="bounded", deadline=self.stop_deadline)

    def terminate(self) -> None:
        record("terminate", worker_id=self.worker_id, deadline=self.stop_deadline)


def bounded(grace: str) -> None:
    made = cotyledon.ServiceManager(graceful_shutdown_timeout=20, mp_context=context())
    record("manager")
    made.add(Bounded, args=(int(grace) if grace else None,))
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    made.run()


if __name__ == "__main__":
    main(globals())

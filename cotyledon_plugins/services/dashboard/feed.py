"""Looks at the manager on behalf of all browsers, and keeps what was seen.

One connection asks for the status at intervals, another follows the events. After an event the
status is asked for at once, but no more often than :data:`SHORTEST_GAP` allows. When the manager
does not answer, that is told, and it is tried again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cotyledon_core.control import AsyncClient, ControlError, CpuShares, Entry, NoManager, Status
from cotyledon_plugins.services.dashboard.snapshot import History, Usage, snapshot

SHORTEST_GAP = 0.1
"""Seconds between two looks, whatever happens."""
SHORTEST_RETRY, LONGEST_RETRY = 0.5, 5.0
"""Seconds until the manager is tried again, at first and at last."""
ENTRIES = 1000
"""How many of the last entries are kept."""
MOST_WAITING = 2000
"""Messages that may wait for a browser, before it is dropped."""

Connect = Callable[[], AsyncClient]


class Message:
    """What browsers are sent, as a server-sent event."""

    def __init__(self, kind: str, data: Mapping[str, Any]) -> None:
        self.kind = kind
        body = json.dumps(data, separators=(",", ":"), default=str)
        self.encoded = f"event: {kind}\ndata: {body}\n\n".encode()


class Subscription:
    """What one browser has yet to be sent.

    :param let_go: called when it is over.
    """

    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go = let_go
        self._waiting: deque[Message] = deque()
        self._changed = asyncio.Event()
        self.over = False
        """Whether nothing comes any more, or the browser is too slow."""

    def put(self, message: Message) -> None:
        """Add a message; a newer status takes the place of one that still waits."""
        if self.over:
            return
        if message.kind == "status":
            self._waiting = deque(each for each in self._waiting if each.kind != "status")
        self._waiting.append(message)
        self._changed.set()
        if len(self._waiting) > MOST_WAITING:
            self.end()

    def end(self) -> None:
        self.over = True
        self._waiting.clear()
        self._changed.set()
        self._let_go()

    async def next(self) -> bytes:
        """All that waits, once there is something; nothing if it is over."""
        await self._changed.wait()
        taken = b"".join(message.encoded for message in self._waiting)
        self._waiting.clear()
        if not self.over:
            self._changed.clear()
        return taken


class Feed:
    """See the module's description.

    :param connect: makes a client of the manager.
    :param interval: seconds between two looks.
    :param history: how many looks are kept.
    :param has_token: whether anybody may do something.
    """

    def __init__(self, connect: Connect, interval: float, history: int, *, has_token: bool) -> None:
        self.interval = interval
        self.history = History(history)
        self.entries: deque[Entry] = deque(maxlen=ENTRIES)
        self.snapshot: Mapping[str, Any] | None = None
        """What was seen last; None while the manager does not answer."""
        self.fault = ""
        """Why it does not answer."""
        self._connect = connect
        self._has_token = has_token
        self._may_write = True
        self._manager: tuple[int, float] | None = None
        self._last_number: int | None = None
        self._shares = CpuShares()
        self._usage = Usage()
        self._happened = asyncio.Event()
        self._looked = asyncio.Event()
        self._subscriptions: set[Subscription] = set()
        self._over = False

    @property
    def may_act(self) -> bool:
        """Whether who knows the token may do something."""
        return self._has_token and self._may_write

    @property
    def subscribers(self) -> int:
        return len(self._subscriptions)

    @contextlib.contextmanager
    def subscribe(self, let_go: Callable[[], None]) -> Iterator[Subscription]:
        """All that comes from now on, after the present status.

        :param let_go: called when nothing comes any more.
        """
        subscription = Subscription(let_go)
        if self.snapshot is not None:
            subscription.put(Message("status", self.snapshot))
        elif self.fault:
            subscription.put(Message("lost", {"text": self.fault}))
        if self._over:
            subscription.end()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def end(self) -> None:
        """Have nothing come any more, for no browser."""
        self._over = True
        for subscription in self._subscriptions:
            subscription.end()

    async def looked(self) -> Mapping[str, Any] | None:
        """What was seen last, once it was looked at all."""
        await self._looked.wait()
        return self.snapshot

    # -- the connection

    async def run(self) -> None:
        """Look at the manager, without end."""
        retry = SHORTEST_RETRY
        while True:
            try:
                await self._attend()
            except* (NoManager, ControlError, TimeoutError) as group:
                if self.snapshot is not None:
                    retry = SHORTEST_RETRY
                self._lose(group.exceptions[0])
            await asyncio.sleep(retry)
            retry = min(retry * 2, LONGEST_RETRY)

    def _lose(self, error: Exception) -> None:
        self.snapshot = None
        # what was known holds, unless it is the manager that refuses us
        self._may_write = self._may_write and not isinstance(error, ControlError)
        self._looked.set()
        fault = str(error) or "the manager does not answer"
        if fault != self.fault:
            self.fault = fault
            self._publish("lost", {"text": fault})

    async def _attend(self) -> None:
        """Look at the manager as long as it answers."""
        async with self._connect() as client:
            hello = await client.hello()
            self._may_write = hello.level == "write"
            await self._look(client, whole=True)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_looking(client))
                tasks.create_task(self._follow(client))

    async def _keep_looking(self, client: AsyncClient) -> None:
        due = time.monotonic() + self.interval
        while True:
            await asyncio.sleep(min(SHORTEST_GAP, self.interval))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due - time.monotonic()):
                    await self._happened.wait()
            self._happened.clear()
            whole = time.monotonic() >= due
            if whole:
                due = time.monotonic() + self.interval
            await self._look(client, whole=whole)

    async def _follow(self, client: AsyncClient) -> None:
        events: Any = client.events(after=self._last_number, follow=True)
        async with contextlib.aclosing(events):
            async for entry in events:
                self.entries.append(entry)
                if entry.number is not None:  # as that of a gap
                    self._last_number = entry.number
                self._publish("entry", entry.as_dict())
                if entry.event == "manager_reloaded":
                    await self._ask_level()
                self._happened.set()
                # of many at once, browsers are sent some in between
                await asyncio.sleep(0)

    async def _ask_level(self) -> None:
        """What we may do is settled when a client connects, and may be something else by now."""
        async with self._connect() as client:
            self._may_write = (await client.hello()).level == "write"

    # -- what was seen

    async def _look(self, client: AsyncClient, *, whole: bool) -> None:
        """
        :param whole: whether to measure what the processes use, too.
        """
        asked_at = time.monotonic()
        status = await client.status(resources=whole)
        self._recognize(status)
        if whole:
            self._usage = Usage.of(status, self._shares.update(status, asked_at))
            self.history.add(status, self._usage, time.time())
        self.snapshot = snapshot(status, self._usage, time.time(), may_act=self.may_act)
        self.fault = ""
        self._looked.set()
        self._publish("status", self.snapshot)

    def _recognize(self, status: Status) -> None:
        """Forget the entries of a manager that was there before: another one counts anew."""
        manager = (status.manager.pid, status.manager.started_at)
        if manager != self._manager:
            self._manager = manager
            self.entries.clear()
            self._last_number = None

    def _publish(self, kind: str, data: Mapping[str, Any]) -> None:
        if self._subscriptions:
            message = Message(kind, data)
            for subscription in self._subscriptions:
                subscription.put(message)

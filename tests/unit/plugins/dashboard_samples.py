"""A manager that answers as a test has it, for the dashboard's tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from cotyledon_core.control import Entry, NoManager, Status

DEADLINE = 20.0


def worker(pid: int | None, **fields: Any) -> dict[str, Any]:
    return {"worker": 0, "goal": "up", "pid": pid, "ready": pid is not None, **fields}


def service(name: str, *workers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    ready = sum(each["ready"] for each in workers)
    counts = {"wanted": len(workers), "ready": ready, "given_up": "", "restarts": 0}
    return {"name": name, **counts, "workers": workers, **fields}


def status(*services: dict[str, Any], pid: int = 100, **fields: Any) -> Status:
    manager = {"pid": pid, "started_at": 1.0, "stopping": False, **fields}
    return Status.of({"manager": manager, "services": services})


def entry(number: int | None, service: str = "web", event: str = "worker_exited") -> Entry:
    return Entry.of({"number": number, "event": event, "service": service, "text": "x"})


class FakeManager:
    """Answers as it is told; ``connect`` makes clients of it."""

    def __init__(self) -> None:
        self.status = status(service("web", worker(7)))
        self.level = "write"
        self.fault: Exception | None = None
        self.looks: list[bool] = []
        """Of each, whether it was for resources, too."""
        self.followed: list[int | None] = []
        """After which number."""
        self.refused = 0
        self.entries: list[Entry] = []
        self._changed = asyncio.Event()

    def tell(self, *entries: Entry) -> None:
        self.entries += entries
        self._changed.set()

    def restart(self, pid: int) -> None:
        self.fail(NoManager("gone"))
        self.status = status(pid=pid, started_at=2.0)
        self.entries = []

    def fail(self, fault: Exception | None) -> None:
        self.fault = fault
        self._changed.set()

    def connect(self) -> Any:
        return _client(self)

    def _check(self) -> None:
        if self.fault is not None:
            self.refused += 1
            raise self.fault

    async def answer_hello(self) -> Any:
        self._check()
        return SimpleNamespace(level=self.level)

    async def answer_status(self, *, resources: bool) -> Status:
        self._check()
        self.looks.append(resources)
        return self.status

    async def answer_events(self, *, after: int | None, follow: bool) -> AsyncIterator[Entry]:
        assert follow
        self.followed.append(after)
        told = 0
        while True:
            self._check()
            self._changed.clear()
            while told < len(self.entries):
                each = self.entries[told]
                told += 1
                if after is None or each.number is None or each.number > after:
                    yield each
            await self._changed.wait()


@asynccontextmanager
async def _client(manager: FakeManager) -> AsyncIterator[Any]:
    yield SimpleNamespace(
        hello=manager.answer_hello, status=manager.answer_status, events=manager.answer_events
    )

"""Commands that look closer: ``events`` and ``dump``."""

from __future__ import annotations

import os
from typing import Any

from cotyledon_core.control.access import Level
from cotyledon_core.control.commands.command import SERVICE, WORKER, Argument, Command, Context
from cotyledon_core.control.protocol import Code, Refusal
from cotyledon_core.control.tasks import Done, Task, Tell
from cotyledon_core.process.board import Place
from cotyledon_core.runtime.recorder import Entry, Recorder

ENTRIES_AT_ONCE = 32
"""Of the flight recorder, told in one turn."""
DUMP_PATIENCE = 2.0
"""Seconds that a worker has to write its stacks."""
DUMP_PAUSE = 0.05
"""Seconds until it is looked again whether they are there, and whole."""


class Reading(Task):
    """Tells what the flight recorder holds, and then what comes."""

    def __init__(
        self,
        recorder: Recorder,
        after: int,
        since: float,
        service: str | None,
        follow: bool,
    ) -> None:
        self._recorder = recorder
        self._seen = after
        self._since = since
        self._service = service
        self._follow = follow

    def step(self, now: float, tell: Tell) -> Done | None:
        recorder = self._recorder
        missed = recorder.first - self._seen - 1
        if missed > 0 and self._seen:
            tell({"dropped": missed})
            self._seen += missed
        for read, entry in enumerate(recorder.after(self._seen)):
            if read == ENTRIES_AT_ONCE or (self._wants(entry) and not tell(entry.as_dict())):
                return None
            self._seen = entry.number
        return None if self._follow else Done({"last": self._seen})

    def _wants(self, entry: Entry) -> bool:
        return entry.what.wall_time >= self._since and self._service in (None, entry.service)

    def deadline(self) -> float | None:
        return 0.0 if self._seen < self._recorder.count or not self._follow else None


def events(
    context: Context,
    after: int | None,
    since: float | None,
    service: str | None,
    follow: bool,
) -> Task:
    """The last events and decisions, and those that come."""
    return Reading(context.manager.recorder, after or 0, since or 0.0, service, follow)


class Dump(Task):
    """Waits for the stacks of a worker that was asked for them."""

    def __init__(self, place: Place, now: float) -> None:
        self._place = place
        self._until = now + DUMP_PATIENCE
        self._look_at = now + DUMP_PAUSE
        self._stacks = ""

    def step(self, now: float, tell: Tell) -> Done | None:
        if now < self._look_at:
            return None
        more = self._place.take_dump()
        self._stacks += more
        if self._stacks and not more:
            return Done({"stacks": self._stacks})
        if now >= self._until:
            text = "the worker does not write its stacks: it may be stopped, or in a system call"
            raise Refusal(Code.TIMED_OUT, text)
        self._look_at = now + DUMP_PAUSE
        return None

    def deadline(self) -> float | None:
        return self._look_at


def dump(context: Context, service: str | None, worker: int | None) -> Any:
    """The Python stacks of a worker, without ending it; or of the manager."""
    if service is None:
        return {"stacks": _own_stacks()}
    found = context.service(service)
    if worker is None:
        raise Refusal(Code.BAD_REQUEST, "worker is missing")
    process = context.manager.worker(found.service_id, worker)
    if process is None:
        raise Refusal(Code.UNKNOWN_WORKER, f"{service} has no worker {worker} that runs")
    place = process.child.place
    if process.executed or not place.dump_signal:
        raise Refusal(Code.FAILED, "the worker cannot be asked for its stacks")
    if not process.child.listening:
        raise Refusal(Code.BUSY, "the worker has only just been started")
    process.child.send(place.dump_signal)
    return Dump(place, context.now)


def _own_stacks() -> str:
    import faulthandler

    if not hasattr(os, "memfd_create"):
        raise Refusal(Code.FAILED, "this platform has no files in memory")
    descriptor = os.memfd_create("stacks", os.MFD_CLOEXEC)
    try:
        faulthandler.dump_traceback(descriptor, all_threads=True)
        size = os.lseek(descriptor, 0, os.SEEK_END)
        return os.pread(descriptor, size, 0).decode(errors="replace")
    finally:
        os.close(descriptor)


COMMANDS = (
    Command(
        "events",
        Level.READ,
        events,
        (
            Argument("after", int, least=0),
            Argument("since", float, least=0.0),
            SERVICE,
            Argument("follow", bool, default=False),
        ),
    ),
    Command("dump", Level.WRITE, dump, (SERVICE, WORKER)),
)

"""One span for each worker's process, from its spawn to its end.

The span is made at the end, of what the end tells and of what was heard before, so no span is
open in a notifier's process that dies. Times are counted back from the end by the monotonic
clock: a wall clock that jumps does not distort them.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, Status, StatusCode, Tracer

from cotyledon_core import Event, Ledger, WorkerId, events, outcome

STATUSES_KEPT = 100
"""Of what a process says of itself, the last ones."""
GOOD = ("success", "asked")
"""Outcomes that are no errors."""

Key = tuple[str, WorkerId, int]


class Moment(NamedTuple):
    """Something that happened in a life."""

    name: str
    at: float
    attributes: dict[str, str]


class Life:
    """What was heard of a process."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self.statuses: deque[Moment] = deque(maxlen=STATUSES_KEPT)

    def all(self) -> list[Moment]:
        return sorted([*self.moments, *self.statuses], key=lambda moment: moment.at)


class Lives:
    """Makes the spans.

    :param tracer: who makes them.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._lives: dict[Key, Life] = {}
        self._before: dict[tuple[str, WorkerId], SpanContext] = {}
        """The last span of each worker."""

    def note(self, event: Event) -> None:
        """Take in the next event."""
        if isinstance(event, events.ServiceRemoved):
            for worker in [key for key in self._before if key[0] == event.service]:
                del self._before[worker]
        elif isinstance(event, events.WorkerExited):
            life = self._lives.pop(_key(event), None) or Life()
            if event.pid is not None:
                self._end(event, life)
        elif isinstance(event, events.WorkerReady):
            self._life(_key(event)).moments.append(Moment("ready", event.at, {}))
        elif isinstance(event, events.WorkerHung):
            told = {"cotyledon.worker.waited_for": event.waited_for.value}
            if event.dump:
                told["cotyledon.worker.stacks"] = event.dump
            self._life(_key(event)).moments.append(Moment("hung", event.at, told))
        elif isinstance(event, events.WorkerStatus):
            told = {"cotyledon.worker.status": event.text}
            self._life(_key(event)).statuses.append(Moment("status", event.at, told))

    def synchronize(self, ledger: Ledger) -> None:
        """Forget whose end was missed, and know who is ready."""
        before, self._lives = self._lives, {}
        for service in ledger.services.values():
            for worker in service.workers.values():
                for incarnation, process in worker.processes.items():
                    key = (service.name, worker.worker_id, incarnation)
                    life = before.get(key) or Life()
                    if process.ready_at is not None and not life.moments:
                        life.moments.append(Moment("ready", process.ready_at, {}))
                    self._lives[key] = life

    def _life(self, key: Key) -> Life:
        return self._lives.setdefault(key, Life())

    def _end(self, event: events.WorkerExited, life: Life) -> None:
        end = _nanoseconds(event.wall_time)
        worker = (event.service, event.worker_id)
        before = self._before.get(worker)
        span = self._tracer.start_span(
            f"worker {event.service}",
            context=Context(),
            links=[] if before is None else [Link(before)],
            attributes=_attributes(event),
            start_time=end - _nanoseconds(event.uptime),
        )
        for moment in life.all():
            happened = end - _nanoseconds(event.at - moment.at)
            span.add_event(moment.name, moment.attributes, timestamp=happened)
        _judge(span, event)
        span.end(end)
        self._before[worker] = span.get_span_context()


def _key(event: events.WorkerEvent) -> Key:
    return event.service, event.worker_id, event.incarnation


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


def _judge(span: Span, event: events.WorkerExited) -> None:
    word = outcome(event)
    if word not in GOOD:
        more = f": {event.detail}" if event.detail else ""
        span.set_status(Status(StatusCode.ERROR, f"{word}, {event.status}{more}"))


def _attributes(event: events.WorkerExited) -> dict[str, Any]:
    told: dict[str, Any] = {
        "cotyledon.service": event.service,
        "cotyledon.worker.id": event.worker_id,
        "cotyledon.worker.incarnation": event.incarnation,
        "cotyledon.worker.outcome": outcome(event),
        "cotyledon.worker.phase": event.phase.value,
        "process.pid": event.pid,
        "process.exit.code": event.status.code,
        "cotyledon.worker.exit.signal": event.status.signal,
        "cotyledon.worker.cpu.user": event.cpu_user,
        "cotyledon.worker.cpu.system": event.cpu_system,
        "cotyledon.worker.memory.peak": event.peak_memory,
    }
    return {name: value for name, value in told.items() if value is not None}

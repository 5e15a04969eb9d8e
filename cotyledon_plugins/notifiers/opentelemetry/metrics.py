"""What the ledger shows, as metrics; read whenever the SDK exports.

The SDK asks on a thread of its own, so the ledger is read with the notifier's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from cotyledon_core import START_BOUNDS, Event, Ledger, ServiceStanding, State, events

Look = Callable[[Ledger], Iterator[Observation]]
Callback = Callable[[CallbackOptions], Iterable[Observation]]


class Metrics:
    """The metrics of a manager.

    :param meter: who makes the instruments.
    :param lock: held while the ledger is read.
    """

    def __init__(self, meter: Meter, lock: Lock) -> None:
        self._lock = lock
        self.ledger: Ledger | None = None
        """None while it is not known in full; then nothing is shown."""
        for name, unit, look, text in _SUMS:
            meter.create_observable_up_down_counter(name, [self._callback(look)], unit, text)
        for name, unit, look, text in _COUNTERS:
            meter.create_observable_counter(name, [self._callback(look)], unit, text)
        self._starts = meter.create_histogram(
            "cotyledon.worker.start.duration",
            "s",
            "How long workers took to become ready",
            explicit_bucket_boundaries_advisory=START_BOUNDS,
        )
        self._reloads = meter.create_histogram(
            "cotyledon.reload.duration",
            "s",
            "How long the reloads took that have succeeded",
            explicit_bucket_boundaries_advisory=START_BOUNDS,
        )
        self._dropped = meter.create_counter(
            "cotyledon.events.dropped", "{event}", "Events that this notifier has missed"
        )

    def note(self, event: Event) -> None:
        """Take in what the ledger does not show."""
        if isinstance(event, events.WorkerReady):
            self._starts.record(event.start_duration, {"cotyledon.service": event.service})
        elif isinstance(event, events.ManagerReloaded):
            self._reloads.record(event.duration)
        elif isinstance(event, events.EventsDropped):
            self._dropped.add(event.count)

    def _callback(self, look: Look) -> Callback:
        def callback(options: CallbackOptions) -> Iterable[Observation]:
            with self._lock:
                return [] if self.ledger is None else list(look(self.ledger))

        return callback


def _of_services(count: Callable[[ServiceStanding], int]) -> Look:
    def look(ledger: Ledger) -> Iterator[Observation]:
        for service in ledger.services.values():
            yield Observation(count(service), {"cotyledon.service": service.name})

    return look


def _by(attribute: str, counts: Callable[[ServiceStanding], Mapping[str, int]]) -> Look:
    def look(ledger: Ledger) -> Iterator[Observation]:
        for service in ledger.services.values():
            for value, count in counts(service).items():
                yield Observation(count, {"cotyledon.service": service.name, attribute: value})

    return look


def _of_manager(attribute: str, counts: Callable[[Ledger], Mapping[str, int]]) -> Look:
    def look(ledger: Ledger) -> Iterator[Observation]:
        for value, count in counts(ledger).items():
            yield Observation(count, {attribute: value})

    return look


def _states(service: ServiceStanding) -> Mapping[str, int]:
    """All that a worker can be seen in, those without workers too."""
    return {s.value: service.states[s] for s in State if s is not State.STOPPING}


_SUMS = (
    (
        "cotyledon.workers",
        "{worker}",
        _by("cotyledon.worker.state", _states),
        "Workers by their state",
    ),
    (
        "cotyledon.workers.wanted",
        "{worker}",
        _of_services(lambda service: service.wanted),
        "Workers that there should be",
    ),
    (
        "cotyledon.services.given_up",
        "{service}",
        _of_services(lambda service: int(bool(service.given_up))),
        "1 for a service that was given up, else 0",
    ),
)
_COUNTERS = (
    (
        "cotyledon.worker.starts",
        "{process}",
        _of_services(lambda service: service.spawns),
        "Processes that were started",
    ),
    (
        "cotyledon.worker.restarts",
        "{restart}",
        _by("cotyledon.worker.outcome", lambda service: service.restarts),
        "Restarts that the restart policy has granted, by the end that they follow",
    ),
    (
        "cotyledon.worker.exits",
        "{exit}",
        _by("cotyledon.worker.outcome", lambda service: service.ends),
        "Ends of workers, failed starts among them",
    ),
    (
        "cotyledon.worker.hangs",
        "{worker}",
        _by("cotyledon.worker.waited_for", lambda service: service.hangs),
        "Workers that had to be ended by force",
    ),
    (
        "cotyledon.worker.recycles",
        "{worker}",
        _of_services(lambda service: service.recycles),
        "Workers that were replaced at one of their bounds",
    ),
    (
        "cotyledon.reloads",
        "{reload}",
        _of_manager("cotyledon.reload.result", lambda ledger: ledger.reloads),
        "Reloads by their result",
    ),
    (
        "cotyledon.hook.failures",
        "{failure}",
        _of_manager("cotyledon.hook", lambda ledger: ledger.hook_failures),
        "Hooks that raised",
    ),
)

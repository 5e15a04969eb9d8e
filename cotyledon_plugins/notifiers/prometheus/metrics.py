"""The metrics, made of a ledger and of what the system tells, when somebody asks for them.

Names, units and labels follow Prometheus' conventions
(https://prometheus.io/docs/practices/naming/). A worker is known by its number, never by
its pid, so the number of series does not grow with restarts. What is gone has no series.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from cotyledon_core import (
    OUTCOMES,
    Ledger,
    ServiceId,
    ServiceStanding,
    Stage,
    State,
    Vitals,
    Work,
    WorkerId,
    WorkerStanding,
    events,
)
from cotyledon_plugins.notifiers.prometheus.busy import BusyRatios
from cotyledon_plugins.notifiers.prometheus.processes import Processes, Usage

STATES = [state.value for state in State if state is not State.STOPPING]
"""All that a ledger knows."""
RELOADS = ("succeeded", "failed", "refused")
HOOKS = ("new_worker", "dead_worker", "terminate", "reload")
REASONS = [outcome for outcome in OUTCOMES if outcome not in ("asked", "forced")]
"""Outcomes that may be followed by a restart."""
WAITED_FOR = [waited.value for waited in events.Waited]
WORKER = ("service", "worker")


class ManagerMetrics:
    """All metrics of a manager, its services and their workers.

    :param vitals: signs of life; None if they cannot be had.
    """

    def __init__(self, vitals: Vitals | None) -> None:
        self._vitals = vitals
        self._processes = Processes()
        self._cpu_seconds: dict[tuple[ServiceId, WorkerId], float] = {}
        """What was told last: a counter must not go back."""
        self._work: dict[Any, Work] = {}
        """What was seen last of each process; an event that tells more comes after its end."""
        self._busy_ratios = BusyRatios()

    def of(self, ledger: Ledger, dropped: int) -> Iterator[Metric]:
        """
        :param dropped: how many events are missing, as far as they are not made up for.
        """
        services = list(ledger.services.values())
        yield from _of_manager(ledger, dropped)
        yield from _of_services(services)
        yield from self._of_workers(services)
        yield from self._of_own_process(ledger)

    def _of_workers(self, services: list[ServiceStanding]) -> Iterator[Metric]:
        families = _WorkerFamilies()
        beats = self._vitals.heartbeats() if self._vitals else {}
        work = self._vitals.work() if self._vitals else {}
        now, current = time.monotonic(), set()
        seen: dict[tuple[ServiceId, WorkerId], float] = {}
        for service in services:
            for worker in service.workers.values():
                labels = [service.name, str(worker.worker_id)]
                used, done = [], []
                for incarnation, process in worker.processes.items():
                    key = (service.service_id, worker.worker_id, incarnation)
                    current.add(key)
                    usage = self._processes.usage(key, process.pid)
                    if usage is not None:
                        used.append(usage)
                    if process.pid in work:
                        self._work[key] = work[process.pid]
                    if key in self._work:
                        done.append(self._work[key])
                    if process.pid in beats:
                        families.beat_age.add_metric(labels, max(now - beats[process.pid], 0.0))
                # a process that has ended may be gone before its end is told
                cpu = worker.cpu_seconds + sum(usage.cpu_seconds for usage in used)
                slot = (service.service_id, worker.worker_id)
                seen[slot] = max(cpu, self._cpu_seconds.get(slot, 0.0))
                families.add(labels, used, seen[slot])
                if done or worker.units or worker.busy_seconds:
                    busy = families.add_work(labels, done, worker)
                    begin = (_started(worker, now), worker.busy_seconds)
                    ratio = self._busy_ratios.of(slot, begin, (now, busy))
                    families.busy_ratio.add_metric(labels, ratio)
                if worker.processes:
                    families.uptime.add_metric(labels, max(now - _started(worker, now), 0.0))
        self._processes.keep(current | {"manager"})
        self._busy_ratios.keep(seen)
        self._cpu_seconds = seen
        self._work = {key: self._work[key] for key in self._work.keys() & current}
        yield from families.all()

    def _of_own_process(self, ledger: Ledger) -> Iterator[Metric]:
        usage = self._processes.usage("manager", ledger.pid) if ledger.pid else None
        if usage is None:
            return
        yield CounterMetricFamily(
            "cotyledon_manager_cpu_seconds", "CPU time of the manager.", usage.cpu_seconds
        )
        yield GaugeMetricFamily(
            "cotyledon_manager_resident_memory_bytes",
            "Resident memory of the manager.",
            usage.resident_memory,
        )
        if usage.open_descriptors is not None:
            yield GaugeMetricFamily(
                "cotyledon_manager_open_fds",
                "File descriptors that the manager has open.",
                usage.open_descriptors,
            )


class _WorkerFamilies:
    """The metrics that each worker has."""

    def __init__(self) -> None:
        self.cpu = CounterMetricFamily(
            "cotyledon_worker_cpu_seconds", "CPU time of a worker's processes.", labels=WORKER
        )
        self.memory = GaugeMetricFamily(
            "cotyledon_worker_resident_memory_bytes",
            "Resident memory of a worker; what it shares with others counts for each.",
            labels=WORKER,
        )
        self.descriptors = GaugeMetricFamily(
            "cotyledon_worker_open_fds", "File descriptors that a worker has open.", labels=WORKER
        )
        self.beat_age = GaugeMetricFamily(
            "cotyledon_worker_heartbeat_age_seconds",
            "Time since a worker's last heartbeat.",
            labels=WORKER,
        )
        self.busy = CounterMetricFamily(
            "cotyledon_worker_busy_seconds",
            "Time with a unit of work in progress, where the service measures it.",
            labels=WORKER,
        )
        self.busy_ratio = GaugeMetricFamily(
            "cotyledon_worker_busy_ratio",
            "Share of the last minute with a unit of work in progress.",
            labels=WORKER,
        )
        self.units = CounterMetricFamily(
            "cotyledon_worker_units",
            "Units of work that are done, where the service measures it.",
            labels=WORKER,
        )
        self.uptime = GaugeMetricFamily(
            "cotyledon_worker_uptime_seconds", "Time since a worker's start.", labels=WORKER
        )

    def add(self, labels: list[str], used: list[Usage], cpu_seconds: float) -> None:
        """
        :param used: by the worker's processes; there are two only during a replacement.
        :param cpu_seconds: with that of the processes before them.
        """
        self.cpu.add_metric(labels, cpu_seconds)
        if not used:
            return
        self.memory.add_metric(labels, sum(usage.resident_memory for usage in used))
        known = [usage.open_descriptors for usage in used if usage.open_descriptors is not None]
        if known:
            self.descriptors.add_metric(labels, sum(known))

    def add_work(self, labels: list[str], done: list[Work], worker: WorkerStanding) -> float:
        """
        :param done: what the worker's processes have measured; of those before, the worker knows.
        :returns: the seconds of work.
        """
        busy = worker.busy_seconds + sum(each.busy_seconds for each in done)
        self.busy.add_metric(labels, busy)
        self.units.add_metric(labels, worker.units + sum(each.units for each in done))
        return busy

    def all(self) -> Iterator[Metric]:
        yield from (self.cpu, self.memory, self.descriptors, self.beat_age, self.uptime)
        yield from (self.busy, self.busy_ratio, self.units)


def _started(worker: WorkerStanding, now: float) -> float:
    return min((each.started_at for each in worker.processes.values()), default=now)


def _of_manager(ledger: Ledger, dropped: int) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "cotyledon_build",
        "What the manager runs on.",
        {"version": version("cotyledon-core"), "python": platform.python_version()},
    )
    yield _labelled(
        GaugeMetricFamily("cotyledon_manager_stage", "1 for how far it is.", labels=["stage"]),
        {stage.value: stage is ledger.stage for stage in Stage},
    )
    if ledger.pid is not None:
        yield GaugeMetricFamily(
            "cotyledon_manager_start_timestamp_seconds",
            "When the manager was started.",
            ledger.started_wall_time,
        )
    yield from _of_reloads(ledger)
    yield _labelled(
        CounterMetricFamily("cotyledon_hook_failures", "Hooks that raised.", labels=["hook"]),
        _with_zeros(HOOKS, ledger.hook_failures),
    )
    yield GaugeMetricFamily(
        "cotyledon_notifiers_disabled",
        "Notifiers that have failed too often.",
        len(ledger.disabled_notifiers),
    )
    yield CounterMetricFamily(
        "cotyledon_exporter_events_dropped",
        "Events that this exporter has missed since its start. Counts go on without them.",
        dropped,
    )


def _of_reloads(ledger: Ledger) -> Iterator[Metric]:
    yield _labelled(
        CounterMetricFamily("cotyledon_reloads", "Reloads by their result.", labels=["result"]),
        {result: ledger.reloads[result] for result in RELOADS},
    )
    yield SummaryMetricFamily(
        "cotyledon_reload_duration_seconds",
        "Time that reloads which succeeded have taken.",
        count_value=ledger.reloads["succeeded"],
        sum_value=ledger.reload_seconds,
    )
    if ledger.last_reload is not None:
        yield GaugeMetricFamily(
            "cotyledon_last_reload_timestamp_seconds",
            "When the last reload was over.",
            ledger.last_reload.wall_time,
        )
        yield GaugeMetricFamily(
            "cotyledon_last_reload_successful",
            "Whether the last reload has succeeded.",
            ledger.last_reload.result == "succeeded",
        )


def _of_services(services: list[ServiceStanding]) -> Iterator[Metric]:
    yield from _gauges_of(services)
    yield _labelled(
        CounterMetricFamily(
            "cotyledon_worker_starts", "Processes that were started.", labels=["service"]
        ),
        {service.name: service.spawns for service in services},
    )
    yield _labelled(
        CounterMetricFamily(
            "cotyledon_worker_recycles", "Workers that had reached a bound.", labels=["service"]
        ),
        {service.name: service.recycles for service in services},
    )
    yield _by_service_and(
        CounterMetricFamily(
            "cotyledon_worker_restarts",
            "Restarts that the restart policy has granted, by the outcome before.",
            labels=["service", "reason"],
        ),
        {service.name: _with_zeros(REASONS, service.restarts) for service in services},
    )
    yield _by_service_and(
        CounterMetricFamily(
            "cotyledon_worker_exits",
            "Processes that have ended, by outcome.",
            labels=["service", "outcome"],
        ),
        {service.name: _with_zeros(OUTCOMES, service.ends) for service in services},
    )
    yield _by_service_and(
        CounterMetricFamily(
            "cotyledon_worker_hangs",
            "Workers that had to be ended, by what was waited for.",
            labels=["service", "waited_for"],
        ),
        {service.name: _with_zeros(WAITED_FOR, service.hangs) for service in services},
    )
    yield _start_durations(services)


def _gauges_of(services: list[ServiceStanding]) -> Iterator[Metric]:
    workers = GaugeMetricFamily(
        "cotyledon_workers", "Workers by state.", labels=["service", "state"]
    )
    for service in services:
        for state in STATES:
            workers.add_metric([service.name, state], service.states[State(state)])
    yield workers
    yield _labelled(
        GaugeMetricFamily(
            "cotyledon_workers_wanted", "Workers that there should be.", labels=["service"]
        ),
        {service.name: service.wanted for service in services},
    )
    yield _labelled(
        GaugeMetricFamily(
            "cotyledon_workers_done",
            "Workers that have done what they were for, and are not started again.",
            labels=["service"],
        ),
        {service.name: service.done for service in services},
    )
    yield _labelled(
        GaugeMetricFamily(
            "cotyledon_service_given_up",
            "Whether no worker of the service is started any more.",
            labels=["service"],
        ),
        {service.name: bool(service.given_up) for service in services},
    )


def _start_durations(services: list[ServiceStanding]) -> Metric:
    family = HistogramMetricFamily(
        "cotyledon_worker_start_duration_seconds",
        "Time from a worker's start until it was ready.",
        labels=["service"],
    )
    for service in services:
        durations = service.start_durations
        bounds = [*map(str, durations.bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(durations.counts), strict=True))
        family.add_metric([service.name], buckets, durations.total)
    return family


def _labelled(family: Any, values: Mapping[str, float]) -> Metric:
    for label, value in values.items():
        family.add_metric([label], value)
    return family  # type: ignore[no-any-return]


def _with_zeros(labels: Iterable[str], counts: Mapping[str, int]) -> Mapping[str, int]:
    """So that the first of a kind is an increase, and not a new series only."""
    return {**dict.fromkeys(labels, 0), **counts}


def _by_service_and(family: Any, values: Mapping[str, Mapping[str, float]]) -> Metric:
    for service, counts in values.items():
        for label, value in counts.items():
            family.add_metric([service, label], value)
    return family  # type: ignore[no-any-return]

"""The notifier ``statsd``: counts, times and gauges of what the events tell, by UDP.

Counters and timers are made of one event each. Gauges are read from a ledger of all
events, and none is sent while some of them are missing from it.
Each event of a service sends all its gauges, and all there are go out now and
then: a datagram may be lost, a server forget, and a name be known later only.

What may take long here is the look-up of the host's name. While there is no
address, counts wait for it and times are lost.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from cotyledon_core import (
    Event,
    Ledger,
    Notifier,
    ServiceStanding,
    Stage,
    State,
    events,
    outcome,
)

LOG = logging.getLogger(__name__)

LOOK_UP_AGAIN = 300.0
"""Seconds after which the host's name is looked up again; it may have moved."""
RETRY_AFTER = 30.0
"""Seconds after which a look-up that failed is tried again."""

GAUGES_EVERY = 30.0
"""Seconds from one sending of all gauges to the next."""

MISSING = (
    "the notifier statsd needs the package statsd, which is not installed; "
    "pip install 'cotyledon-core[statsd]' brings it"
)


class Metric(NamedTuple):
    """One value for statsd."""

    kind: str
    """The method of ``statsd.StatsClient``: ``incr``, ``gauge`` or ``timing``."""
    name: str
    value: float


class Statsd(Notifier):
    """Sends metrics of the manager, its services and their workers to a statsd server.

    :param host: name or address of the server.
    :param port: its UDP port.
    :param prefix: what all names begin with, without the dot that follows it; may be empty.
    :param ipv6: whether ``host`` is looked up as an IPv6 address, not as an IPv4 one.
    :raises ValueError: for a wrong option, or if the package ``statsd`` is not installed.
    """

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt("host", default="localhost", help="Name or address of the statsd server."),
            cfg.PortOpt("port", default=8125, min=1, help="The UDP port of the statsd server."),
            cfg.StrOpt(
                "prefix",
                default="cotyledon",
                help="What all names begin with: letters, digits, _ and -, in parts that dots "
                "separate. May be empty.",
            ),
            cfg.BoolOpt(
                "ipv6", default=False, help="Look up an IPv6 address of the host, not an IPv4 one."
            ),
        ]

    @classmethod
    def check_options(
        cls,
        host: str = "localhost",
        port: int = 8125,
        prefix: str = "cotyledon",
        ipv6: bool = False,
    ) -> None:
        """
        :raises ValueError: with a line for each option that is wrong, and one if the package
            ``statsd`` is not installed.
        """
        faults = [] if _installed() else [MISSING]
        if not host or host != host.strip():
            faults.append(f"host: {host!r} must be a name or an address")
        if not 1 <= port <= 65535:
            faults.append(f"port: {port} must be from 1 to 65535")
        if prefix and not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", prefix):
            faults.append(
                f"prefix: {prefix!r} must consist of letters, digits, _ and -, in parts that dots "
                "separate"
            )
        if faults:
            raise ValueError("\n".join(faults))

    def __init__(
        self,
        host: str = "localhost",
        port: int = 8125,
        prefix: str = "cotyledon",
        ipv6: bool = False,
    ) -> None:
        self.check_options(host, port, prefix, ipv6)
        self._server = {"host": host, "port": port, "prefix": prefix or None, "ipv6": ipv6}
        self._client: Any = None
        self._look_up_at = float("-inf")
        self._complained = False
        self._counts: Counter[str] = Counter()
        self._ledger = Ledger()
        self._complete = False
        """Whether the ledger has all events."""
        self._remind_at: float | None = None

    def notify(self, event: Event) -> None:
        if self._remind_at is None:
            self._remind_at = event.at + GAUGES_EVERY
        metrics = list(self._metrics(event))
        self._counts.update({name: int(by) for kind, name, by in metrics if kind == "incr"})
        if self._look_up(event.at):
            metrics.extend(self._gauges())
        self._send(metrics)

    def synchronize(self, ledger: Ledger) -> None:
        self._ledger, self._complete = ledger, True
        self.wake(time.monotonic())

    def deadline(self) -> float | None:
        return self._remind_at

    def wake(self, now: float) -> None:
        """Send all gauges that are known, and what has waited for an address."""
        self._remind_at = now + GAUGES_EVERY
        self._look_up(now)
        self._send(self._gauges())

    def close(self) -> None:
        self._close_client()

    def _close_client(self) -> None:
        if self._client is not None:
            self._client.close()

    def _metrics(self, event: Event) -> Iterator[Metric]:
        if isinstance(event, events.ManagerStarted):
            self._complete = True
        elif isinstance(event, events.EventsDropped):
            self._complete = False
        self._ledger.note(event)
        if not isinstance(event, events.ServiceEvent):
            yield from _of_manager(event)
            yield from self._gauges()
            return
        path = _path(event.service)
        for kind, name, value in _of_service(event, self._ledger):
            yield Metric(kind, f"{path}.{name}", value)
        if isinstance(event, events.ServiceRemoved):
            yield from _gauges(event.service, 0, 0, 0)
        else:
            yield from self._gauges_of(self._ledger.services[event.service])

    def _gauges(self) -> Iterator[Metric]:
        for service in self._ledger.services.values():
            yield from self._gauges_of(service)

    def _gauges_of(self, service: ServiceStanding) -> Iterator[Metric]:
        if not self._complete:
            return
        if self._ledger.stage is Stage.STOPPED:
            yield from _gauges(service.name, 0, 0, 0)
        else:
            yield from _gauges(service.name, service.wanted, service.ready, _restarting(service))

    def _look_up(self, now: float) -> bool:
        """Have a client that sends to where the host is now, if it is time to look.

        :returns: whether there is a new one. The one before stays if there is none.
        """
        if now < self._look_up_at:
            return False
        try:
            client = import_module("statsd").StatsClient(**self._server)
        except (OSError, UnicodeError) as error:
            self._look_up_at = now + RETRY_AFTER
            self._complain(error)
            return False
        self._close_client()
        self._client, self._look_up_at = client, now + LOOK_UP_AGAIN
        self._complained = False
        return True

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            so = "its last address is used" if self._client else "no metrics are sent"
            LOG.warning(
                "cannot look up the statsd server %s, %s until that works: %s",
                self._server["host"],
                so,
                error,
            )

    def _send(self, metrics: Iterable[Metric]) -> None:
        """In as few datagrams as it takes; one that cannot be sent is lost."""
        if self._client is None:
            return
        with self._client.pipeline() as pipe:
            for name, count in self._counts.items():
                pipe.incr(name, count)
            for kind, name, value in metrics:
                if kind != "incr":
                    getattr(pipe, kind)(name, value)
        self._counts.clear()


def _path(service: str) -> str:
    return f"service.{_plain(service)}"


def _gauges(service: str, wanted: int, ready: int, restarting: int) -> Iterator[Metric]:
    path = f"{_path(service)}.workers"
    yield Metric("gauge", f"{path}.wanted", wanted)
    yield Metric("gauge", f"{path}.ready", ready)
    yield Metric("gauge", f"{path}.restarting", restarting)


def _restarting(service: ServiceStanding) -> int:
    """How many workers wait for a restart, or are back and not ready yet."""
    waiting = service.states[State.BACKOFF]
    if not service.states[State.STARTING]:
        return waiting
    return waiting + sum(
        worker.state is State.STARTING and worker.end is not None and not worker.end.asked
        for worker in service.workers.values()
    )


@singledispatch
def _of_service(event: Event, ledger: Ledger) -> Iterator[Metric]:
    """What an event of a service says, beside the gauges; names are those in the service."""
    yield from ()


@_of_service.register(events.ServiceGivenUp)
def _(event: events.ServiceGivenUp, ledger: Ledger) -> Iterator[Metric]:
    yield _count("given_up")


@_of_service.register(events.WorkerSpawned)
def _(event: events.WorkerSpawned, ledger: Ledger) -> Iterator[Metric]:
    yield _count("worker_starts")


@_of_service.register(events.WorkerReady)
def _(event: events.WorkerReady, ledger: Ledger) -> Iterator[Metric]:
    yield _time("worker_start_duration", event.start_duration)


@_of_service.register(events.WorkerExited)
def _(event: events.WorkerExited, ledger: Ledger) -> Iterator[Metric]:
    yield _count(f"worker_exits.{outcome(event)}")
    if event.pid is not None:
        yield _time("worker_uptime", event.uptime)


@_of_service.register(events.WorkerRestarting)
def _(event: events.WorkerRestarting, ledger: Ledger) -> Iterator[Metric]:
    worker = ledger.services[event.service].workers.get(event.worker_id)
    cause = worker.end.outcome if worker and worker.end else "unknown"
    yield _count(f"worker_restarts.{cause}")


@_of_service.register(events.WorkerHung)
def _(event: events.WorkerHung, ledger: Ledger) -> Iterator[Metric]:
    yield _count(f"worker_hangs.{event.waited_for.value}")


@_of_service.register(events.WorkerRecycled)
def _(event: events.WorkerRecycled, ledger: Ledger) -> Iterator[Metric]:
    yield _count("worker_recycles")


def _count(name: str) -> Metric:
    return Metric("incr", name, 1)


def _time(name: str, seconds: float) -> Metric:
    return Metric("timing", name, seconds * 1000)


def _of_manager(event: Event) -> Iterator[Metric]:
    if isinstance(event, events.ManagerReloaded):
        yield Metric("incr", "reloads.succeeded", 1)
        yield Metric("timing", "reload_duration", event.duration * 1000)
        yield Metric("gauge", "last_reload_timestamp_seconds", int(event.wall_time))
    elif isinstance(event, events.ReloadFailed):
        yield Metric("incr", "reloads.failed" if event.service else "reloads.refused", 1)
    elif isinstance(event, events.HookFailed):
        yield Metric("incr", f"hook_failures.{_plain(event.hook)}", 1)


def _plain(name: str) -> str:
    """As one part of a metric's name."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _installed() -> bool:
    # not imported: this runs in the manager, whose memory every worker gets
    return find_spec("statsd") is not None

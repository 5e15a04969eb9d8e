"""The notifier ``statsd``: counts, times and gauges of what the events tell, by UDP.

Counters and timers are made of one event each. A gauge is made of all that a
service's events have told, and is sent only while that is enough: a notifier
that comes later than the service does not know the workers it has not heard of.
Each event of a service sends all its gauges, and a thread sends all there are now and
then: a datagram may be lost, a server forget, and a name be known later only.

What may take long here is the look-up of the host's name. While there is no
address, counts wait for it and times are lost.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatchmethod
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from cotyledon_core import Event, Notifier, WorkerId, events, outcome

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
        self._services: dict[str, _Service] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._reminder: threading.Thread | None = None

    def notify(self, event: Event) -> None:
        if self._reminder is None:
            self._reminder = threading.Thread(target=self._remind, name="gauges", daemon=True)
            self._reminder.start()
        with self._lock:
            metrics = list(self._metrics(event))
            self._counts.update({name: int(by) for kind, name, by in metrics if kind == "incr"})
            if self._look_up(event.at):
                metrics.extend(self._gauges())
            self._send(metrics)

    def close(self) -> None:
        self._closing.set()
        if self._reminder is not None:
            self._reminder.join()
        self._close_client()

    def _remind(self) -> None:
        while not self._closing.wait(GAUGES_EVERY):
            self.send_gauges(time.monotonic())

    def send_gauges(self, now: float) -> None:
        """Send all gauges that are known, and what has waited for an address.

        :param now: monotonic time in seconds.
        """
        with self._lock:
            self._look_up(now)
            self._send(self._gauges())

    def _close_client(self) -> None:
        if self._client is not None:
            self._client.close()

    def _metrics(self, event: Event) -> Iterator[Metric]:
        if not isinstance(event, events.ServiceEvent):
            yield from _of_manager(event)
            for service in self._services.values():
                service.manager_at(event)
            yield from self._gauges()
            return
        service = self._services.setdefault(event.service, _Service(event.service))
        yield from service.metrics(event)
        yield from service.gauges()
        if isinstance(event, events.ServiceRemoved):
            del self._services[event.service]

    def _gauges(self) -> Iterator[Metric]:
        for service in self._services.values():
            yield from service.gauges()

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


class _Service:
    """The metrics of one service."""

    def __init__(self, name: str) -> None:
        self._path = f"service.{_plain(name)}"
        self._wanted: int | None = None
        self._known: set[WorkerId] = set()
        """The workers of which is known whether they are ready or restarting."""
        self._ready: dict[WorkerId, int] = {}
        """The incarnation: in a rolling replacement two of a worker may run."""
        self._waiting: set[WorkerId] = set()
        """Those that the restart policy has granted a restart, which has not begun."""
        self._returning: set[WorkerId] = set()
        """Those that have been restarted and are not ready yet."""
        self._ends: dict[WorkerId, str] = {}
        """The cause of a worker's last end."""

    def gauges(self) -> Iterator[Metric]:
        """Those that are known."""
        if self._wanted is None:
            return
        yield self._gauge("wanted", self._wanted)
        if self._known.issuperset(map(WorkerId, range(self._wanted))):
            yield self._gauge("ready", len(self._ready))
            yield self._gauge("restarting", len(self._waiting | self._returning))

    def manager_at(self, event: Event) -> None:
        """What an event of the manager means for the gauges."""
        if isinstance(event, events.ManagerStopping):
            self._waiting.clear()
        elif isinstance(event, events.ManagerStopped):
            self._gone()

    def _gone(self) -> None:
        """The service has no workers, and is to have none."""
        self._wanted = 0
        for workers in (self._ready, self._waiting, self._returning):
            workers.clear()

    @singledispatchmethod
    def metrics(self, event: Event) -> Iterable[Metric]:
        """What an event of the service says, beside the gauges."""
        return ()

    @metrics.register(events.ServiceAdded)
    def _added(self, event: events.ServiceAdded) -> Iterable[Metric]:
        self._scale(0, event.workers)
        return ()

    @metrics.register(events.ServiceScaled)
    def _scaled(self, event: events.ServiceScaled) -> Iterable[Metric]:
        self._scale(event.old_workers, event.workers)
        return ()

    def _scale(self, old: int, new: int) -> None:
        """Nothing has been heard of those that are new, and so all is known of them."""
        self._wanted = new
        self._known.update(map(WorkerId, range(old, new)))
        self._waiting = {worker for worker in self._waiting if worker < new}

    @metrics.register(events.ServiceRemoved)
    def _removed(self, event: events.ServiceRemoved) -> Iterable[Metric]:
        self._gone()
        return ()

    @metrics.register(events.ServiceGivenUp)
    def _given_up(self, event: events.ServiceGivenUp) -> Iterable[Metric]:
        self._waiting.clear()
        return [self._count("given_up")]

    @metrics.register(events.WorkerSpawned)
    def _spawned(self, event: events.WorkerSpawned) -> Iterable[Metric]:
        if event.worker_id in self._waiting:
            self._waiting.discard(event.worker_id)
            self._returning.add(event.worker_id)
        return [self._count("worker_starts")]

    @metrics.register(events.WorkerReady)
    def _is_ready(self, event: events.WorkerReady) -> Iterable[Metric]:
        self._known.add(event.worker_id)
        self._returning.discard(event.worker_id)
        self._ready[event.worker_id] = event.incarnation
        return [self._time("worker_start_duration", event.start_duration)]

    @metrics.register(events.WorkerExited)
    def _exited(self, event: events.WorkerExited) -> Iterable[Metric]:
        worker_id = event.worker_id
        self._known.add(worker_id)
        self._waiting.discard(worker_id)
        self._returning.discard(worker_id)
        if self._ready.get(worker_id) == event.incarnation:
            del self._ready[worker_id]
        self._ends[worker_id] = cause = outcome(event)
        count = self._count(f"worker_exits.{cause}")
        return [count] if event.pid is None else [count, self._time("worker_uptime", event.uptime)]

    @metrics.register(events.WorkerRestarting)
    def _restarting(self, event: events.WorkerRestarting) -> Iterable[Metric]:
        self._known.add(event.worker_id)
        self._waiting.add(event.worker_id)
        return [self._count(f"worker_restarts.{self._ends.get(event.worker_id, 'unknown')}")]

    @metrics.register(events.WorkerHung)
    def _hung(self, event: events.WorkerHung) -> Iterable[Metric]:
        return [self._count(f"worker_hangs.{event.waited_for.value}")]

    @metrics.register(events.WorkerRecycled)
    def _recycled(self, event: events.WorkerRecycled) -> Iterable[Metric]:
        return [self._count("worker_recycles")]

    def _gauge(self, name: str, value: int) -> Metric:
        return Metric("gauge", f"{self._path}.workers.{name}", value)

    def _count(self, name: str) -> Metric:
        return Metric("incr", f"{self._path}.{name}", 1)

    def _time(self, name: str, seconds: float) -> Metric:
        return Metric("timing", f"{self._path}.{name}", seconds * 1000)


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

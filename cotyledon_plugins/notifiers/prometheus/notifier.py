"""The notifier's face: it keeps the ledger, and a server at its address."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from cotyledon_core import Event, Health, Ledger, Notifier, Share, events, judge
from cotyledon_plugins.notifiers.prometheus.address import Address
from cotyledon_plugins.notifiers.prometheus.application_metrics import (
    VARIABLE,
    ApplicationMetrics,
)

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from cotyledon_plugins.notifiers.prometheus.metrics import ManagerMetrics
    from cotyledon_plugins.notifiers.prometheus.server import Answer, Server

Result = TypeVar("Result")

LOG = logging.getLogger(__name__)

RETRY_AFTER = 1.0
"""Seconds until an address that could not be had is tried again."""
HEALTH_JSON = "application/health+json"
FOLD_AFTER = 1.0
"""Seconds from a worker's end until the files of all that have ended are folded."""
PACKAGES = {"prometheus_client": "prometheus-client", "psutil": "psutil"}


class Prometheus(Notifier):
    """Serves metrics at ``/metrics``, and health at ``/livez``, ``/readyz`` and ``/healthz``.

    :param address: where: ``host:port``, or ``unix:`` and a path.
    :param mode: of the socket's file, if it is one, in octal digits.
    :param quorum: how many of a service's wanted workers have to be ready for it not to fail: a
        number or a percentage.
    :param quorums: the same for some services, by name.
    :param stall_after: seconds that the manager may take for one thing, such as a hook, before it
        counts as not alive.
    :param multiprocess_dir: where the workers keep metrics of the application's own, in
        Prometheus' multiprocess mode; PROMETHEUS_MULTIPROC_DIR of the environment unless given.
    :raises ValueError: for a wrong option, or if a package is missing.
    """

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt(
                "address",
                default="127.0.0.1:9102",
                help="Where metrics and health are served: host:port, or unix: and a path.",
            ),
            cfg.StrOpt("mode", default="0660", help="Mode of the socket's file, if it is one."),
            cfg.StrOpt(
                "quorum",
                default="50%",
                help="How many of a service's wanted workers have to be ready for the service not "
                "to fail, but to warn: a number, or a percentage which is rounded up; 1 at least.",
            ),
            cfg.DictOpt(
                "quorums",
                default={},
                help="The quorum of some services, such as web:75%,billing:1.",
            ),
            cfg.FloatOpt(
                "stall_after",
                default=30.0,
                min=1.0,
                help="Seconds that the manager may take for one thing, such as a hook, before "
                "/livez says that it is not alive.",
            ),
            cfg.StrOpt(
                "multiprocess_dir",
                default="",
                help="Directory, of this manager alone, in which the workers keep the "
                "application's own metrics, in Prometheus' multiprocess mode. It is made if it is "
                "not there, old metrics in it are removed at the start, and workers get it as "
                "PROMETHEUS_MULTIPROC_DIR. Unless given: that variable of the manager's own "
                "environment; without it there are none.",
            ),
        ]

    @classmethod
    def check_options(
        cls,
        address: str = "127.0.0.1:9102",
        mode: str = "0660",
        quorum: str = "50%",
        quorums: Mapping[str, str] | None = None,
        stall_after: float = 30.0,
        multiprocess_dir: str = "",
    ) -> None:
        """
        :raises ValueError: with a line for each option that is wrong, and for each package that
            is missing.
        """
        faults = [*_missing(), *_faults("address", Address.parse, address)]
        faults += _faults("mode", _mode, mode)
        faults += _faults("quorum", Share.parse, quorum)
        for service, share in (quorums or {}).items():
            faults += _faults(f"quorums: {service}", Share.parse, share)
        if not stall_after > 0:
            faults.append(f"stall_after: {stall_after} must be above 0")
        if faults:
            raise ValueError("\n".join(faults))

    def __init__(
        self,
        address: str = "127.0.0.1:9102",
        mode: str = "0660",
        quorum: str = "50%",
        quorums: Mapping[str, str] | None = None,
        stall_after: float = 30.0,
        multiprocess_dir: str = "",
    ) -> None:
        self.check_options(address, mode, quorum, quorums, stall_after)
        self._address = address
        self._mode = _mode(mode)
        self._quorum = Share.parse(quorum)
        self._quorums = {name: Share.parse(share) for name, share in (quorums or {}).items()}
        self._stall_after = stall_after
        directory = multiprocess_dir or os.environ.get(VARIABLE)
        self._application = ApplicationMetrics(os.path.abspath(directory)) if directory else None
        self._fold_at: float | None = None
        self._failing = False
        """Whether the application's metrics cannot be had, and that was told."""
        self._ledger = Ledger()
        self._dropped = 0
        self._lock = threading.Lock()
        self._metrics: ManagerMetrics | None = None
        self._server: Server | None = None
        self._retry_at: float | None = 0.0
        self._complained = False

    # -- in step with the manager

    def prepare(self) -> Mapping[str, str]:
        return self._application.prepare() if self._application else {}

    def notify(self, event: Event) -> None:
        with self._lock:
            self._ledger.note(event)
            if isinstance(event, events.EventsDropped):
                self._dropped += event.count
        now = time.monotonic()
        if isinstance(event, events.WorkerExited) and self._fold_at is None:
            self._fold_at = now + FOLD_AFTER
        self.wake(now)

    def synchronize(self, ledger: Ledger) -> None:
        with self._lock:
            self._ledger = ledger
        self._fold_at = time.monotonic()
        self.wake(self._fold_at)

    def deadline(self) -> float | None:
        due = [at for at in (self._retry_at, self._fold_at) if at is not None]
        return min(due, default=None)

    def wake(self, now: float) -> None:
        """Do what it is time for."""
        if self._retry_at is not None and now >= self._retry_at:
            self._listen(now)
        if self._fold_at is not None and now >= self._fold_at:
            self._fold_at = None
            if self._application is not None:
                self._attempt(self._application.fold)

    def _listen(self, now: float) -> None:
        """Or say when to try again."""
        from cotyledon_plugins.notifiers.prometheus.metrics import ManagerMetrics
        from cotyledon_plugins.notifiers.prometheus.server import Server

        self._metrics = self._metrics or ManagerMetrics(self.vitals)
        answers = {
            "/metrics": self._answer_metrics,
            "/livez": self._answer_liveness,
            "/readyz": self._answer_readiness,
            "/healthz": self._answer_health,
        }
        try:
            self._server = Server(Address.parse(self._address), answers, self._mode)
        except OSError as error:
            self._retry_at = now + RETRY_AFTER
            if not self._complained:
                self._complained = True
                LOG.warning("%s cannot be listened at, will try again: %s", self._address, error)
            return
        self._retry_at = None
        if self._complained:
            LOG.warning("%s is listened at now", self._address)

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()

    # -- answers, on threads of the server's

    def collect(self) -> Iterator[Metric]:
        """All metrics at this moment; what a registry of ``prometheus_client`` asks for."""
        assert self._metrics is not None
        with self._lock:
            metrics = list(self._metrics.of(self._ledger, self._dropped))
        yield from metrics
        if self._application is not None:
            yield from self._attempt(self._application.collect) or ()

    def _attempt(self, call: Callable[[], Result]) -> Result | None:
        """Without the application's metrics the manager's are shown all the same."""
        try:
            result = call()
        except OSError as error:
            if not self._failing:
                self._failing = True
                LOG.warning("the application's metrics cannot be had: %s", error)
            return None
        self._failing = False
        return result

    def _answer_metrics(self, accept: str) -> Answer:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        from cotyledon_plugins.notifiers.prometheus.server import Answer

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        encode, content_type = choose_encoder(accept)
        return Answer(HTTPStatus.OK, content_type, encode(registry))

    def _answer_liveness(self, accept: str) -> Answer:
        with self._lock:
            problem = self._stall()
        return _short_answer(problem == "", problem)

    def _answer_readiness(self, accept: str) -> Answer:
        health = self._health()
        return _short_answer(health.ready, health.text)

    def _answer_health(self, accept: str) -> Answer:
        from cotyledon_plugins.notifiers.prometheus.server import json_answer

        health = self._health()
        return json_answer(_status(health.status.value != "fail"), HEALTH_JSON, health.as_dict())

    def _health(self) -> Health:
        with self._lock:
            return judge(self._ledger, self._quorum, self._quorums)

    def _stall(self) -> str:
        """Why the manager is not alive; empty if it is."""
        from cotyledon_plugins.notifiers.prometheus.processes import is_responsive

        if self._ledger.pid is not None and not is_responsive(self._ledger.pid):
            return "the manager is stopped, or gone"
        since = self.vitals.manager_busy_since() if self.vitals else None
        if since is not None and time.monotonic() - since > self._stall_after:
            return f"the manager has been busy for more than {self._stall_after:g} s"
        return ""


def _short_answer(fine: bool, text: str) -> Answer:
    from cotyledon_plugins.notifiers.prometheus.server import text_answer

    return text_answer(_status(fine), text or ("ok" if fine else "not ok"))


def _status(fine: bool) -> int:
    return HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE


def _mode(text: str) -> int:
    if not re.fullmatch("0*[0-7]{1,3}", text):
        raise ValueError(f"{text!r} must be octal digits, up to 0777")
    return int(text, 8)


def _faults(name: str, parse: Any, value: Any) -> list[str]:
    try:
        parse(value)
    except ValueError as error:
        return [f"{name}: {error}"]
    return []


def _missing() -> Iterator[str]:
    # not imported: this runs in the manager, whose memory every worker gets
    for module, package in PACKAGES.items():
        if find_spec(module) is None:
            yield (
                f"the notifier prometheus needs the package {package}, which is not installed; "
                "pip install 'cotyledon-core[prometheus]' brings it"
            )

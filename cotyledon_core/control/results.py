"""What commands answer with, as values.

A field that this version does not know is passed over, and one that the
manager does not tell is None: client and manager may be of different versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from cotyledon_core.record import Record


class Result(Record):
    """Base of all answers."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From the answer's JSON object."""
        return cls(**{name: data.get(name) for name in cls.field_names})

    def as_dict(self) -> dict[str, Any]:
        """As plain values, in the protocol's form."""
        return {name: _plain(getattr(self, name)) for name in self.field_names}


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.as_dict()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


class Hello(Result):
    """Who is there."""

    name: str
    """The manager's."""
    pid: int
    version: str
    """Of the package."""
    protocol: int
    level: str
    """What the client may do: ``read`` or ``write``."""


class LastExit(Result):
    """How a worker's last process ended."""

    at: float
    """Seconds since the epoch."""
    outcome: str
    """One of :data:`cotyledon_core.OUTCOMES`."""
    text: str
    pid: int | None
    code: int | None
    signal: int | None
    uptime: float
    """Seconds."""
    asked: bool
    """Whether the manager had asked for it."""


class WorkerStatus(Result):
    """One worker."""

    worker: int
    """Its id."""
    goal: str
    """``up``, or ``down`` if an operator has stopped it or it is one too many."""
    held: bool
    """Whether an operator has stopped it."""
    state: str
    """See :class:`cotyledon_core.State`."""
    ready: bool
    done: bool
    """Whether it has done what it was for, and is not started again."""
    pid: int | None
    pids: tuple[int, ...]
    """More than one while it is replaced with surge."""
    uptime: float | None
    """Seconds; None without a process."""
    since: float
    """Seconds in this state."""
    incarnation: int | None
    restarts: int
    restart_in: float | None
    """Seconds until it is started again; None if it does not wait for that."""
    pending: str
    """What has begun for its service and is yet to be done here: ``reload``, in place, or
    ``replacement``; empty if there is nothing."""
    status_text: str
    last_exit: LastExit | None
    cpu_seconds: float | None
    """User and system time of the process ``pid``, without its children; None unless asked for."""
    resident_bytes: int | None
    """Its memory that is resident, with what it shares; None unless asked for."""

    @property
    def as_wanted(self) -> bool:
        """Whether it is ready or done; one that is to be down, whether it has no process."""
        return not self.pids if self.goal == "down" else bool(self.ready or self.done)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        end = data.get("last_exit")
        return super().of(
            {
                **data,
                "pids": tuple(data.get("pids") or ()),
                "last_exit": None if end is None else LastExit.of(end),
            }
        )


class ServiceStatus(Result):
    """One service."""

    name: str
    wanted: int
    """So many workers are configured, or were asked for."""
    ready: int
    state: str
    """``running``, ``degraded``, ``starting``, ``backoff``, ``fatal``; ``stopped`` by an operator;
    ``exited`` if all have done what they were for."""
    given_up: str
    """Why; empty if it is not."""
    restarts: int
    recycles: int
    workers: tuple[WorkerStatus, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        workers = tuple(map(WorkerStatus.of, data.get("workers") or ()))
        return super().of({**data, "workers": workers})

    @property
    def as_wanted(self) -> bool:
        """Whether all is as it should be. What an operator has stopped has to be down."""
        there = len(self.workers) == self.wanted
        return not self.given_up and there and all(each.as_wanted for each in self.workers)


class LastReload(Result):
    """What came of the last reload."""

    at: float
    """Seconds since the epoch."""
    result: str
    """``succeeded``, ``failed`` or ``refused``."""
    text: str
    duration: float
    """Seconds."""


class ManagerStatus(Result):
    """The manager itself."""

    name: str
    pid: int
    stage: str
    """``starting``, ``ready``, ``stopping`` or ``stopped``."""
    stopping: bool
    stop_reason: str
    started_at: float
    """Seconds since the epoch."""
    uptime: float
    """Seconds."""
    reloading: bool
    last_reload: LastReload | None
    cpu_seconds: float | None
    """As of a worker, for the manager's own process."""
    resident_bytes: int | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        last = data.get("last_reload")
        return super().of({**data, "last_reload": None if last is None else LastReload.of(last)})


class Status(Result):
    """A manager and its services."""

    manager: ManagerStatus
    services: tuple[ServiceStatus, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        services = tuple(map(ServiceStatus.of, data.get("services") or ()))
        return super().of(
            {"manager": ManagerStatus.of(data.get("manager") or {}), "services": services}
        )

    @property
    def as_wanted(self) -> bool:
        """Whether all that was asked for is as it should be."""
        return not self.manager.stopping and all(each.as_wanted for each in self.services)


class ServiceHealth(Result):
    """How one service is."""

    name: str
    status: str
    """``pass``, ``warn`` or ``fail``."""
    wanted: int
    ready: int
    restarting: int
    fatal: int
    text: str


class Health(Result):
    """How the manager and its services are."""

    status: str
    """``pass``, ``warn`` or ``fail``."""
    stage: str
    text: str
    services: tuple[ServiceHealth, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        services = tuple(map(ServiceHealth.of, data.get("services") or ()))
        return super().of({**data, "services": services})


class Entry(Result):
    """An event or a decision, from the flight recorder."""

    number: int
    event: str
    """Its kind: that of an event, ``signalled``, ``commanded``, or ``dropped`` for a gap."""
    at: float
    """Monotonic seconds of the manager's machine."""
    wall_time: float
    """Seconds since the epoch."""
    service: str | None
    worker_id: int | None
    pid: int | None
    text: str
    """For people; the answer's ``line``."""
    data: Mapping[str, Any]
    """All fields, as in :doc:`events`."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        if "dropped" in data:
            line = f"{data['dropped']} entries are missing here"
            data = {"event": "dropped", "line": line, **data}
        return super().of({**data, "text": data.get("line"), "data": data})


class LogLevel(Result):
    """The level of a logger."""

    logger: str
    level: str
    effective: str
    """What holds if it has none of its own."""


class WorkerLogLevel(Result):
    """The level of a logger in a worker's process."""

    service: str
    worker: int
    pid: int
    logger: str
    level: str | None
    """None if the process has not answered in time."""
    effective: str | None


class Progress(Result):
    """How far a service is while a command is waited for."""

    service: str
    ready: int
    wanted: int


class ServicePreview(Result):
    """What a reload would do to a service that stays."""

    service: str
    old_workers: int
    workers: int
    effects: tuple[str, ...]
    """Of ``scaled``, ``replaced``, ``reloaded`` (in place) and ``taken over``."""
    live: tuple[str, ...]
    """Options."""
    replacing: tuple[str, ...]
    in_place: tuple[str, ...]
    restart: tuple[str, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        return super().of({**data, **_tuples(data)})


class Preview(Result):
    """What a reload would change."""

    added: tuple[str, ...]
    """Services."""
    removed: tuple[str, ...]
    changed: tuple[ServicePreview, ...]
    notifiers: Mapping[str, Any]
    """``added``, ``removed`` and ``changed``."""
    live: tuple[str, ...]
    """Options of the manager itself."""
    refused: tuple[str, ...]
    """Why it would be refused: what needs a restart of the manager."""
    sources: tuple[str, ...] | None
    """Where the manager reads its configuration, as arguments ``--config-file=…`` and
    ``--config-dir=…``; None if it does not."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        changed = tuple(map(ServicePreview.of, data.get("changed") or ()))
        return super().of({**data, **_tuples(data), "changed": changed})

    def __bool__(self) -> bool:
        notifiers = any((self.notifiers or {}).values())
        parts = (self.added, self.removed, self.changed, self.live, self.refused)
        return notifiers or any(parts)


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) for key, value in data.items() if isinstance(value, list)}

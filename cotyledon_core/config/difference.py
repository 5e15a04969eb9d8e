"""What leads from the running settings to new ones.

Everything here is compared by value, and told by name: values may be secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeVar

from cotyledon_core.config.control import CONTROL
from cotyledon_core.config.marks import (
    CONTROL_MARKS,
    DEFAULT_MARKS,
    MANAGER_MARKS,
    SERVICE_MARKS,
    Mark,
)
from cotyledon_core.config.options import MANAGER, SERVICE, is_ours
from cotyledon_core.config.settings import ManagerSettings, NotifierSettings, ServiceSettings
from cotyledon_core.config.socket_options import SOCKET
from cotyledon_core.config.sources import changed_entries
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.listening import Listening
from cotyledon_core.service_options import ServiceOptions


class Key(NamedTuple):
    """An option as it stands in files."""

    section: str
    name: str

    def __str__(self) -> str:
        return f"[{self.section}] {self.name}"


Keys = tuple[Key, ...]


@dataclass(frozen=True)
class ServiceChange:
    """What differs for a service that stays."""

    old: ServiceSettings
    new: ServiceSettings
    live: Keys = ()
    """What the manager takes over, the number of workers apart."""
    replacing: Keys = ()
    """Because of what the workers have to be replaced."""
    in_place: Keys = ()
    """What the workers find in the ConfigOpts that they were given, when they re-read it."""
    conf: Keys = ()
    """What else the service can read and is changed: its workers know whether they follow it
    (:meth:`.ConfiguredService.reread`)."""
    restart: Keys = ()
    """What cannot be changed while the manager runs."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.new.name

    @property
    def is_scaled(self) -> bool:
        """Whether the number of workers differs."""
        return self.old.workers != self.new.workers

    def __bool__(self) -> bool:
        keys = (self.live, self.replacing, self.in_place, self.conf, self.restart)
        return self.is_scaled or any(keys)


@dataclass(frozen=True)
class NotifierChanges:
    """Names; one whose type or options differ is made anew."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class Difference:
    """All that differs; false if nothing does."""

    added: tuple[ServiceSettings, ...] = ()
    """In the order of their start."""
    removed: tuple[ServiceSettings, ...] = ()
    changed: tuple[ServiceChange, ...] = ()
    """Services that stay and differ, in the order of their start."""
    notifiers: NotifierChanges = NotifierChanges()
    live: Keys = ()
    """What the manager itself takes over, of [DEFAULT] and [cotyledon]."""
    sockets: tuple[str, ...] = ()
    """Names of listening sockets whose sections come or go."""
    restart: Keys = ()
    """All that needs a restart of the manager; the reload has to be refused."""

    def __bool__(self) -> bool:
        services = self.added or self.removed or self.changed
        return any((services, self.notifiers, self.live, self.sockets, self.restart))


def difference(old: ManagerSettings, new: ManagerSettings) -> Difference:
    """What leads from ``old`` to ``new``.

    Left out is the order of services, which is that of the first start.
    """
    before, after = _by_name(old.services), _by_name(new.services)
    conf = _changed_conf(old, new)
    changes = [_service(before[name], after[name], conf) for name in after if name in before]
    manager = dict(_manager(old, new))
    return Difference(
        added=tuple(service for name, service in after.items() if name not in before),
        removed=tuple(service for name, service in before.items() if name not in after),
        changed=tuple(filter(None, changes)),
        notifiers=_notifiers(old.notifiers, new.notifiers),
        live=_marked(Mark.LIVE, manager),
        sockets=tuple(sorted(old.sockets.keys() ^ new.sockets.keys())),
        restart=(
            *_marked(Mark.RESTART, manager),
            *(key for change in changes for key in change.restart),
            *changed_sockets(old.sockets, new.sockets),
        ),
    )


def refusals(found: Difference, new: ManagerSettings) -> list[str]:
    """Why a running manager cannot take the difference over, one line for each option."""
    return refusals_of(found.restart, new)


def refusals_of(keys: Iterable[Key], new: ManagerSettings) -> list[str]:
    """A line for each of these options."""
    return [
        f"{new.sources.place(*key)}: {key}: a change needs a restart of the manager" for key in keys
    ]


def _manager(old: ManagerSettings, new: ManagerSettings) -> Iterator[tuple[Key, Mark]]:
    for field in fields(ManagerSettings):
        name = field.name
        if not field.compare or name in ("services", "notifiers", "control"):
            continue
        if getattr(old, name) != getattr(new, name):
            in_default = name in DEFAULT_MARKS
            marks = DEFAULT_MARKS if in_default else MANAGER_MARKS
            yield Key("DEFAULT" if in_default else MANAGER, name), marks[name]
    for name in ControlSettings.field_names:
        if getattr(old.control, name) != getattr(new.control, name):
            yield Key(CONTROL, name), CONTROL_MARKS[name]


def changed_sockets(old: Mapping[str, Listening], new: Mapping[str, Listening]) -> Iterator[Key]:
    """The options of sections that stay that differ."""
    for name in old.keys() & new.keys():
        for key in Listening.field_names:
            if getattr(old[name], key) != getattr(new[name], key):
                yield Key(f"{SOCKET}{name}", key)


def _service(old: ServiceSettings, new: ServiceSettings, conf: Keys) -> ServiceChange:
    section = f"{SERVICE}{new.name}"
    marks = {Key(section, name): mark for name, mark in _service_marks(old, new)}
    in_place = _in_place(section, old, new)
    return ServiceChange(
        old,
        new,
        live=_marked(Mark.LIVE, marks),
        replacing=tuple(key for key in _marked(Mark.REPLACING, marks) if key not in in_place),
        in_place=in_place,
        conf=conf if new.factory.conf is not None else (),
        restart=_marked(Mark.RESTART, marks),
    )


def _service_marks(old: ServiceSettings, new: ServiceSettings) -> Iterator[tuple[str, Mark]]:
    if old.factory.service_class is not new.factory.service_class:
        yield "service_type", SERVICE_MARKS["service_type"]
    else:
        for name in _changed(old.factory.options, new.factory.options):
            yield name, Mark.REPLACING
    if old.policy.policy_class is not new.policy.policy_class:
        yield "restart_policy", SERVICE_MARKS["restart_policy"]
    else:
        for name in _changed(old.policy.options, new.policy.options):
            yield name, Mark.LIVE
    if old.graceful_shutdown_timeout != new.graceful_shutdown_timeout:
        yield "graceful_shutdown_timeout", SERVICE_MARKS["graceful_shutdown_timeout"]
    for name in ServiceOptions.field_names:
        if getattr(old.options, name) != getattr(new.options, name):
            yield name, SERVICE_MARKS[name]


def _in_place(section: str, old: ServiceSettings, new: ServiceSettings) -> Keys:
    if old.factory.service_class is not new.factory.service_class:
        return ()
    changed = _changed(old.factory.options, new.factory.options)
    return tuple(Key(section, name) for name in changed if name in new.factory.mutable)


def _changed_conf(old: ManagerSettings, new: ManagerSettings) -> Keys:
    changed = changed_entries(old.sources.raw_entries(), new.sources.raw_entries())
    return tuple(Key(*place) for place in changed if not is_ours(place[0]))


def _notifiers(old: Sequence[NotifierSettings], new: Sequence[NotifierSettings]) -> NotifierChanges:
    before, after = _by_name(old), _by_name(new)
    return NotifierChanges(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(n for n in after if n in before and before[n] != after[n]),
    )


def _marked(wanted: Mark, marks: Mapping[Key, Mark]) -> Keys:
    return tuple(key for key, mark in marks.items() if mark is wanted)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name, value in new.items() if old.get(name) != value]


Named = TypeVar("Named", ServiceSettings, NotifierSettings)


def _by_name(named: Sequence[Named]) -> dict[str, Named]:
    return {each.name: each for each in named}

"""What two configurations differ in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cotyledon_core.config.settings import ManagerSettings, NotifierSettings, ServiceSettings
from cotyledon_core.service_options import ServiceOptions


class Scaled(NamedTuple):
    """A service with another number of workers."""

    name: str
    old: int
    new: int


@dataclass(frozen=True)
class Difference:
    """Services by name, and what else differs as ``[section] key``."""

    scaled: tuple[Scaled, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.scaled or self.added or self.removed or self.changed)


def difference(old: ManagerSettings, new: ManagerSettings) -> Difference:
    """What leads from ``old`` to ``new``.

    Left out are the options of [DEFAULT], which concern nothing that has to be
    made anew, and the order of services, which is that of the first start.
    """
    before = {service.name: service for service in old.services}
    after = {service.name: service for service in new.services}
    both = [(before[name], after[name]) for name in before if name in after]
    return Difference(
        scaled=tuple(
            Scaled(was.name, was.workers, now.workers)
            for was, now in both
            if was.workers != now.workers
        ),
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=(
            *_changed_in_manager(old, new),
            *(change for was, now in both for change in _changed_in_service(was, now)),
            *_changed_notifiers(old.notifiers, new.notifiers),
        ),
    )


def _changed_in_manager(old: ManagerSettings, new: ManagerSettings) -> Iterator[str]:
    for key in ("name", "start_method", "spawn_interval", "stop_delay", "dump_signal"):
        if getattr(old, key) != getattr(new, key):
            yield f"[cotyledon] {key}"


def _changed_in_service(old: ServiceSettings, new: ServiceSettings) -> Iterator[str]:
    section = f"[service:{old.name}]"
    if old.factory.service_class is not new.factory.service_class:
        yield f"{section} service_type"
    else:
        yield from _changed_options(section, old.factory.options, new.factory.options)
    if old.policy.policy_class is not new.policy.policy_class:
        yield f"{section} restart_policy"
    else:
        yield from _changed_options(section, old.policy.options, new.policy.options)
    if old.graceful_shutdown_timeout != new.graceful_shutdown_timeout:
        yield f"{section} graceful_shutdown_timeout"
    for name in ServiceOptions.field_names:
        if getattr(old.options, name) != getattr(new.options, name):
            yield f"{section} {name}"


def _changed_notifiers(
    old: Iterable[NotifierSettings], new: Iterable[NotifierSettings]
) -> Iterator[str]:
    before = {notifier.name: notifier for notifier in old}
    after = {notifier.name: notifier for notifier in new}
    if before.keys() != after.keys():
        yield "[cotyledon] notifiers"
    for name in before.keys() & after.keys():
        section = f"[notifier:{name}]"
        if before[name].notifier_class is not after[name].notifier_class:
            yield f"{section} notifier_type"
        else:
            yield from _changed_options(section, before[name].options, after[name].options)


def _changed_options(section: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key, value in new.items():
        if old.get(key) != value:
            yield f"{section} {key}"

"""What a reload would do, told in advance; by name, since values may be secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cotyledon_core.config.difference import Difference, ServiceChange, difference, refusals
from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.settings import ManagerSettings


def preview(old: ManagerSettings, new: ManagerSettings, sources: Sequence[str]) -> dict[str, Any]:
    """What would change, as values that JSON can hold.

    :param sources: where the manager reads its configuration, as arguments.
    """
    found = difference(old, new)
    return {"sources": list(sources), **_plain(found), "refused": refusals(found, new)}


def preview_of_others(sources: Sequence[str], new: ManagerSettings) -> dict[str, Any]:
    """What would change if a manager that runs with what these say now ran with ``new``.

    :raises ConfigurationError: with every fault found in the sources, or if this user may not
        read them.
    """
    return preview(compile_settings(load(sources, defaults=False)), new, sources)


def _plain(found: Difference) -> dict[str, Any]:
    return {
        "added": [service.name for service in found.added],
        "removed": [service.name for service in found.removed],
        "changed": [_service(change) for change in found.changed],
        "notifiers": {
            "added": list(found.notifiers.added),
            "removed": list(found.notifiers.removed),
            "changed": list(found.notifiers.changed),
        },
        "live": [str(key) for key in found.live],
    }


def _service(change: ServiceChange) -> dict[str, Any]:
    return {
        "service": change.name,
        "old_workers": change.old.workers,
        "workers": change.new.workers,
        "effects": list(_effects(change)),
        "live": [key.name for key in change.live],
        "replacing": [key.name for key in change.replacing],
        "in_place": [str(key) for key in (*change.in_place, *change.conf)],
        "restart": [key.name for key in change.restart],
    }


def _effects(change: ServiceChange) -> Iterator[str]:
    if change.is_scaled:
        yield "scaled"
    if change.replacing or (
        (change.in_place or change.conf) and change.new.options.always_replaces
    ):
        yield "replaced"
    elif change.in_place or change.conf:
        yield "reloaded"
    if change.live:
        yield "taken over"

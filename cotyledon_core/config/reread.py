"""A worker's own reading of the configuration, at a reload.

The worker compares the files as they are with what its ConfigOpts has read.
What only its own process can know decides: which options are registered in
that ConfigOpts, and which of them are mutable.
"""

from __future__ import annotations

import logging
import os

from oslo_config import cfg

from cotyledon_core.config.options import DEFAULT_OPTIONS, MANAGER, MANAGER_OPTIONS, is_ours
from cotyledon_core.config.origin import Contents, Origin, SharedConf, wrong_values
from cotyledon_core.config.sources import changed_entries, normal, raw_entries
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.service import Service, has_own_reload

LOG = logging.getLogger(__name__)

OURS_IN_DEFAULT = {("DEFAULT", option.dest) for option in DEFAULT_OPTIONS}
RELOAD_METHOD = next(option for option in MANAGER_OPTIONS if option.dest == "reload_method")

Place = tuple[str, str]


def reread(shared: SharedConf, service_class: type[Service]) -> bool:
    """Read the files again and bring the ConfigOpts up to date, as far as that is possible.

    A file that is broken is logged, and leaves the values as they are.

    :returns: False if the worker has to be replaced.
    """
    origin = shared.origin
    try:
        fresh = origin.read()
    except ConfigurationError as error:
        LOG.error("the configuration is not read again, its values stay: %s", error)
        return True
    fixed = _changed(shared, fresh, origin) - _places(origin, mutable_only=True)
    if fixed and not has_own_reload(service_class):
        return False
    fresh.register_opt(RELOAD_METHOD, MANAGER)
    if wrong := [f"[{section}] {option.dest}" for section, option, _ in wrong_values(fresh)]:
        LOG.error("the configuration's values stay, since wrong is %s", ", ".join(wrong))
        return True
    if fixed and fresh[MANAGER].reload_method == "mutate":
        shared.mutate(fresh)
        return False
    shared.take_over(fresh)
    return True


def _changed(shared: SharedConf, fresh: cfg.ConfigOpts, origin: Origin) -> set[Place]:
    """What the service could read, and has other values now."""
    registered = _places(origin)
    environment = os.environ if origin.use_env else {}
    old, new = (
        raw_entries(Contents.of(conf).files(), environment) for conf in (shared.get(), fresh)
    )
    return {
        place
        for place in changed_entries(old, new)
        if place in registered or not (is_ours(place[0]) or place in OURS_IN_DEFAULT)
    }


def _places(origin: Origin, *, mutable_only: bool = False) -> set[Place]:
    """Where the registered options stand, under their old names too."""
    places = set()
    for option, group, _, _ in origin.registered:
        if mutable_only and not option.mutable:
            continue
        section = group or "DEFAULT"
        places.add((normal(section), option.dest))
        for old in option.deprecated_opts:
            places.add((normal(old.group or section), old.name or option.dest))
    return places

"""The order in which services are added: each behind those after which it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from cotyledon_core.config.options import MANAGER, SERVICE
from cotyledon_core.config.settings import ServiceSettings
from cotyledon_core.config.values import Values

KEY = "start_after"


def check(start_after: Mapping[str, Sequence[str]], values: Values) -> None:
    """Note services that wait for unknown ones, or for each other.

    :param start_after: by service, those included that are at fault themselves.
    """
    for name, earlier in start_after.items():
        for other in earlier:
            if other not in start_after:
                near = get_close_matches(other, start_after, n=1)
                hint = f"did you mean {near[0]}?" if near else f"[{MANAGER}] services has no such"
                values.fault(f"{SERVICE}{name}", KEY, f"{other!r} is no service; {hint}")
    try:
        TopologicalSorter(start_after).prepare()
    except CycleError as error:
        # each starts before the one behind it
        cycle = error.args[1][::-1]
        text = f"{' after '.join(cycle)}: none of them could be the first"
        values.fault(f"{SERVICE}{cycle[0]}", KEY, text)


def in_order(services: Sequence[ServiceSettings]) -> tuple[ServiceSettings, ...]:
    """The services as they are, but that each comes behind those after which it starts."""
    by_name = {service.name: service for service in services}
    ordered: dict[str, ServiceSettings] = {}

    def put(name: str) -> None:
        if name not in ordered:
            for other in by_name[name].options.start_after:
                put(other)
            ordered[name] = by_name[name]

    for name in by_name:
        put(name)
    return tuple(ordered.values())

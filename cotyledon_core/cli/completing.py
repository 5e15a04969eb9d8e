"""What a shell is offered for ``SERVICE`` and ``SERVICE:WORKER``: what a running manager has.

argcomplete calls it for each argument that it was set for. Without a manager
that answers at once, or any other way to know, nothing is offered.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

PATIENCE = 1.0
"""Seconds that somebody who has pressed a key waits at most."""

Offer = Callable[["Client", str], list[str]]


def services(argument: argparse.Action) -> None:
    """Offer the names of services for this argument."""
    _offer(argument, lambda client, prefix: _names(client))


def targets(argument: argparse.Action) -> None:
    """Offer services, and the workers of one that stands there already."""
    _offer(argument, _targets)


def _offer(argument: argparse.Action, offer: Offer) -> None:
    def complete(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
        return _asked(parsed_args, prefix, offer)

    argument.completer = complete  # type: ignore[attr-defined]


def _asked(args: argparse.Namespace, prefix: str, offer: Offer) -> list[str]:
    from cotyledon_core.cli import asking
    from cotyledon_core.control.client import Client
    from cotyledon_core.exceptions import CotyledonError

    try:
        with Client(asking.address(args), PATIENCE) as client:
            return offer(client, prefix)
    except (CotyledonError, OSError):
        # nobody to tell: the line that is being typed must stay as it is
        return []


def _names(client: Client) -> list[str]:
    return [service.name for service in client.health().services]


def _targets(client: Client, prefix: str) -> list[str]:
    names = _names(client)
    service = prefix.rpartition(":")[0]
    if service in names:
        (found,) = client.status(service).services
        return [f"{service}:{worker.worker}" for worker in found.workers]
    # with the second one the shell sees that the name may go on
    return [each for name in names for each in (name, f"{name}:")]

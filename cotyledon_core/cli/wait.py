"""``cotyledon wait``: until services are ready."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, progress

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Returns when all services, or the one that is named, or one worker of it, are
ready. What an operator has stopped does not count. Changes nothing.
"""
EPILOG = f"""\
examples:
  cotyledon wait --timeout 60
  cotyledon wait api

exit status: 0 if it is so, 1 if it has not become so in time,
{asking.STATUSES}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "wait",
        wait,
        summary="return when services are ready",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    asking.add_target(parser, "the only service or worker to wait for", optional=True)
    asking.add_timeout(parser)


def wait(client: Client, args: argparse.Namespace) -> int:
    """Wait for it."""
    with progress.shown(True) as told:
        client.wait(*args.target, timeout=args.timeout, progress=told)
    return asking.DONE

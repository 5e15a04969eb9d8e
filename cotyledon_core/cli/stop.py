"""``cotyledon stop``: stop a service or a worker, until it is started."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, progress

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Stops a service, or one worker of it, gracefully. It stays so until it is started.
"""
EPILOG = f"""\
examples:
  cotyledon stop api --wait
  cotyledon stop api:3

{asking.ORDERED}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "stop",
        stop,
        summary="stop a service or a worker, until it is started",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    asking.add_target(parser, "what to stop")
    asking.add_waiting(parser)


def stop(client: Client, args: argparse.Namespace) -> int:
    """Order it."""
    with progress.shown(args.wait) as told:
        client.stop(*args.target, wait=args.wait, timeout=args.timeout, progress=told)
    return asking.DONE

"""``cotyledon restart``: give a service or a worker new processes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, progress

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Gives a service, or one worker of it, new processes; the old ones end gracefully.

With --rolling nobody else is replaced when a new process is lost.
"""
EPILOG = f"""\
examples:
  cotyledon restart api --rolling --wait
  cotyledon restart api:3

{asking.ORDERED}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "restart",
        restart,
        summary="give a service or a worker new processes",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    asking.add_target(parser, "what to restart")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--rolling", action="store_true", help="a few at a time, as a reload does")
    way.add_argument("--now", action="store_true", help="all at once (the default)")
    asking.add_waiting(parser)


def restart(client: Client, args: argparse.Namespace) -> int:
    """Order it."""
    with progress.shown(args.wait) as told:
        client.restart(
            *args.target,
            rolling=args.rolling,
            wait=args.wait,
            timeout=args.timeout,
            progress=told,
        )
    return asking.DONE

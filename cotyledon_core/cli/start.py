"""``cotyledon start``: start what was stopped, given up or has ended."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, progress

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Starts a service, or one worker of it, that was stopped, given up or has ended.
"""
EPILOG = f"""\
examples:
  cotyledon start api --wait
  cotyledon start api:3

{asking.ORDERED}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "start",
        start,
        summary="start what was stopped, given up or has ended",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    asking.add_target(parser, "what to start")
    asking.add_waiting(parser)


def start(client: Client, args: argparse.Namespace) -> int:
    """Order it."""
    with progress.shown(args.wait) as told:
        client.start(*args.target, wait=args.wait, timeout=args.timeout, progress=told)
    return asking.DONE

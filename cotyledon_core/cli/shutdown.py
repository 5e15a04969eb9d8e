"""``cotyledon shutdown``: have a running manager stop."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Has a running manager stop, gracefully, with all its services.
"""
EPILOG = f"""\
example:
  cotyledon shutdown --wait --timeout 120

{asking.ORDERED}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "shutdown",
        shutdown,
        summary="have a running manager stop",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("--now", action="store_true", help="at once, as SIGINT does")
    asking.add_waiting(parser)


def shutdown(client: Client, args: argparse.Namespace) -> int:
    """Order it."""
    client.shutdown(now=args.now, wait=args.wait, timeout=args.timeout)
    return asking.DONE

"""``cotyledon log-level``: see or change what the manager logs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Shows the level of a logger in the manager, and changes it if one is given.

The levels in workers are not concerned.
"""
EPILOG = f"""\
examples:
  cotyledon log-level
  cotyledon log-level cotyledon_core DEBUG

{asking.ORDERED}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "log-level",
        log_level,
        summary="show or change what the manager logs",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("logger", metavar="LOGGER", nargs="?", help="default: the root logger")
    parser.add_argument("level", metavar="LEVEL", nargs="?", type=str.upper, help="such as DEBUG")


def log_level(client: Client, args: argparse.Namespace) -> int:
    """Ask and show."""
    found = client.log_level(args.logger, args.level)
    more = "" if found.level == found.effective else f" ({found.effective} holds)"
    print(f"{found.logger or 'root'}: {found.level}{more}")
    return asking.DONE

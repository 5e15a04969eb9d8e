"""``cotyledon health``: a probe; imports little, since it is run every few seconds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, completing, formats
from cotyledon_core.cli.cells import printable

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Tells whether the services do what they are for; for probes.

It is cheapest with --socket or COTYLEDON_SOCKET.
"""
EPILOG = f"""\
examples:
  cotyledon health --socket /run/web/control.sock
  cotyledon health api --quorum 50%

exit status: 0 for "pass" and "warn", 1 for "fail",
{asking.STATUSES}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "health",
        health,
        summary="tell whether the services do what they are for",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    completing.services(
        parser.add_argument("service", metavar="SERVICE", nargs="?", help="the only one to look at")
    )
    parser.add_argument(
        "--quorum",
        metavar="COUNT|PERCENT",
        help="how many of the wanted workers each service needs, such as 3 or 50%%",
    )
    formats.add_format(parser, ("text", "json", "yaml"))


def health(client: Client, args: argparse.Namespace) -> int:
    """Ask and show."""
    found = client.health(args.service, args.quorum)
    if args.format == "text":
        print(printable(f"{found.status}: {found.text}" if found.text else found.status))
    else:
        formats.write(args.format, found.as_dict())
    return asking.NOT_SO if found.status == "fail" else asking.DONE

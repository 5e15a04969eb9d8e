"""``cotyledon scale``: change a service's number of workers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, completing, progress

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Changes a service's number of workers, at once, until a reload brings another.
"""
EPILOG = f"""\
example:
  cotyledon scale api 8 --wait --timeout 60

{asking.ORDERED}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "scale",
        scale,
        summary="change a service's number of workers",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    completing.services(parser.add_argument("service", metavar="SERVICE", help="its name"))
    parser.add_argument("workers", metavar="N", type=_count, help="how many workers it shall have")
    asking.add_waiting(parser)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


_count.__name__ = "number of workers"


def scale(client: Client, args: argparse.Namespace) -> int:
    """Order it."""
    with progress.shown(args.wait) as told:
        client.scale(
            args.service, args.workers, wait=args.wait, timeout=args.timeout, progress=told
        )
    return asking.DONE

"""``cotyledon top``: what ``status`` shows, live."""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Shows the services and workers of a running manager, live: sorted as you like,
with what each takes of a processor and of memory. ? shows the keys, q leaves.

It needs a terminal, and textual, of the extra [cli].
"""
EPILOG = f"""\
examples:
  cotyledon top --socket /run/web/control.sock
  cotyledon top api --interval 5

exit status: 0 when it is left, {asking.STATUSES}
"""
INTERVAL, SHORTEST_INTERVAL = 1.0, 0.1
"""Seconds."""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "top",
        lambda client, args: top(parser, client, args),
        summary="watch the services and workers of a running manager",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    asking.add_target(parser, "the only service or worker to show", optional=True)
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=_interval,
        default=INTERVAL,
        help=f"from one look to the next, {SHORTEST_INTERVAL} or more (default: %(default)g)",
    )


def _interval(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not SHORTEST_INTERVAL <= value < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be a number of seconds, {SHORTEST_INTERVAL} or more"
        )
    return value


def top(parser: argparse.ArgumentParser, client: Client, args: argparse.Namespace) -> int:
    """Show until it is left."""
    _check_terminal(parser)
    import asyncio

    from cotyledon_core.cli.top import app

    # errors are told while there is still a line to tell them in
    client.status(*args.target)
    client.close()
    return asyncio.run(app.run(client.path, args.target, args.interval))


def _check_terminal(parser: argparse.ArgumentParser) -> None:
    instead = "use cotyledon status there"
    # textual draws on standard error, and has no option for another place
    streams = (
        ("input", sys.stdin, instead),
        ("output", sys.stdout, instead),
        ("error", sys.stderr, "and the screen is drawn there: add 2>/dev/tty"),
    )
    for name, stream, advice in streams:
        if stream is None or not stream.isatty():
            parser.error(f"standard {name} is no terminal, {advice}")
    if os.environ.get("TERM") == "dumb":
        parser.error("this terminal cannot move its cursor (TERM=dumb), use cotyledon status there")

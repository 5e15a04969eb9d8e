"""``cotyledon events``: the flight recorder as a time line."""

from __future__ import annotations

import argparse
import math
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, completing, formats
from cotyledon_core.cli.cells import printable

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client
    from cotyledon_core.control.results import Entry

DESCRIPTION = """\
Shows the last events and decisions of a running manager, a line for each.
"""
EPILOG = f"""\
examples:
  cotyledon events --since 10m --service api
  cotyledon events --follow --format json | jq .text

exit status: 0, 1 if the manager has ended while it was followed,
{asking.STATUSES}
"""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "events",
        events,
        summary="show what has happened, as a time line",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until ^C")
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=_moment,
        help="nothing older: for how long, such as 90s, 10m, 2h or 1d, or a local time, such as "
        "14:02, the last one, or 2026-11-26T14:02:11",
    )
    completing.services(
        parser.add_argument("--service", metavar="SERVICE", help="only what concerns this one")
    )
    formats.add_format(parser, ("text", "json"))


def _moment(text: str) -> float:
    """Seconds since the epoch.

    :raises ValueError: if it is none of these.
    """
    now = time.time()
    if text[-1:] in UNITS:
        ago = float(text[:-1]) * UNITS[text[-1]]
        if not 0 <= ago < math.inf:
            raise ValueError(text)
        return max(now - ago, 0.0)
    if "-" in text:
        return max(datetime.fromisoformat(text).timestamp(), 0.0)
    today = datetime.fromisoformat(f"{datetime.now().date()}T{text}")
    # one that is yet to come is yesterday's
    return (today if today.timestamp() <= now else today - timedelta(days=1)).timestamp()


_moment.__name__ = "time"


def events(client: Client, args: argparse.Namespace) -> int:
    """Ask and show, each when it comes."""
    from cotyledon_core.control.errors import NoManager

    show = _json if args.format == "json" else _line
    heard = False
    try:
        for entry in client.events(since=args.since, service=args.service, follow=args.follow):
            print(show(entry), flush=args.follow)
            heard = True
    except KeyboardInterrupt:
        return asking.DONE
    except NoManager:
        if not (heard and args.follow):
            raise
        return asking.NOT_SO
    return asking.DONE


def _json(entry: Entry) -> str:
    import json

    return json.dumps(entry.data)


def _line(entry: Entry) -> str:
    at = entry.wall_time
    when = "--:--:--" if at is None else datetime.fromtimestamp(at).strftime("%H:%M:%S")
    return f"{when} {printable(entry.text or entry.event)}"

"""``cotyledon log-level``: see or change what the manager and workers log."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking
from cotyledon_core.cli.cells import printable

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Shows the level of a logger, and changes it if one is given: in the manager,
with --service in the workers of a service or in one worker, with --all in the
manager and the workers of all services.

What is set for workers holds for the processes that they get later, too, until
the manager ends or the level is RESET: then holds what the application sets.
Of orders that concern the same worker and logger the last one holds.
"""
EPILOG = f"""\
examples:
  cotyledon log-level
  cotyledon log-level cotyledon_core DEBUG
  cotyledon log-level root DEBUG --service api:3
  cotyledon log-level root RESET --all

exit status: 0 if it is done, 1 if it is not, or a worker has not answered,
{asking.STATUSES}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "log-level",
        log_level,
        summary="show or change what the manager and workers log",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("logger", metavar="LOGGER", nargs="?", help="default: the root logger")
    parser.add_argument(
        "level", metavar="LEVEL", nargs="?", type=str.upper, help="such as DEBUG; or RESET"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--service",
        metavar="SERVICE[:WORKER]",
        dest="target",
        type=asking.Target.parse,
        help="in this worker, or the service, all its workers",
    )
    where.add_argument("--all", action="store_true", help="in the manager and every worker")


def log_level(client: Client, args: argparse.Namespace) -> int:
    """Ask and show."""
    if args.target is None:
        found = client.log_level(args.logger, args.level)
        where = "manager: " if args.all else ""
        print(f"{where}{found.logger or 'root'}: {_text(found.level, found.effective)}")
        if not args.all:
            return asking.DONE
    target = args.target or asking.EVERYTHING
    result = asking.DONE
    for each in client.worker_log_levels(*target, logger=args.logger, level=args.level):
        where = f"{each.service}:{each.worker}, pid {each.pid}"
        if each.level is None:
            print(f"cotyledon: {where} has not answered", file=sys.stderr)
            result = asking.NOT_SO
        else:
            print(f"{where}: {each.logger}: {_text(each.level, each.effective)}")
    return result


def _text(level: str, effective: str | None) -> str:
    return printable(level if level == effective else f"{level} ({effective} holds)")

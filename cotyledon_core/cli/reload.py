"""``cotyledon reload``: have a running manager read its configuration again."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, difference, formats, progress

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client
    from cotyledon_core.control.results import Preview

DESCRIPTION = """\
Has a running manager read its configuration again, as SIGHUP does.

With --dry-run nothing changes: shown is what would.
"""
EPILOG = f"""\
examples:
  cotyledon reload --dry-run
  cotyledon reload --wait

{asking.ORDERED}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "reload",
        reload,
        summary="have a running manager read its configuration again",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would change")
    formats.add_format(parser, ("text", "json", "yaml"))
    asking.add_waiting(parser)


def reload(client: Client, args: argparse.Namespace) -> int:
    """Order it, or show what it would do."""
    if args.dry_run:
        return show(client.preview(), args.format)
    with progress.shown(args.wait) as told:
        client.reload(wait=args.wait, timeout=args.timeout, progress=told)
    return asking.DONE


def show(found: Preview, form: str = "text") -> int:
    """Show what a reload would do; the status is 1 if it would be refused."""
    if form == "text":
        print("\n".join(difference.lines(found)))
    else:
        formats.write(form, found.as_dict())
    return asking.NOT_SO if found.refused else asking.DONE

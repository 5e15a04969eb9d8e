"""``cotyledon plugins``: what is installed in the three namespaces."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotyledon_core.plugins.loading import PluginInfo

DESCRIPTION = """\
Lists the plugins that are installed: services, restart policies and notifiers,
each with its module and distribution, and with the error if it is broken.
"""
EPILOG = """\
examples:
  cotyledon plugins
  cotyledon plugins --format json | jq '.[] | select(.error)'

exit status: 0, also if a plugin is broken; 2 for a wrong command line
"""
COLUMNS = ("namespace", "name", "module", "distribution", "version")


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = commands.add_parser(
        "plugins",
        help="list the installed plugins",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: table"
    )
    parser.set_defaults(command=plugins)


def plugins(args: argparse.Namespace) -> int:
    """
    :raises PluginError: if a distribution's list of entry points is unreadable.
    """
    from cotyledon_core.plugins.loading import discover

    found = discover()
    print(_json(found) if args.format == "json" else _table(found))
    return 0


def _json(found: Sequence[PluginInfo]) -> str:
    keys = (*COLUMNS, "error")
    return json.dumps([{key: getattr(info, key) for key in keys} for info in found], indent=2)


def _table(found: Sequence[PluginInfo]) -> str:
    rows = [tuple(name.upper() for name in COLUMNS)]
    rows += [tuple(str(getattr(info, key)) for key in COLUMNS) for info in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    errors = [f"broken: {info.error}" for info in found if info.error]
    return "\n".join([*lines, *errors])

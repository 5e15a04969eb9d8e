"""``cotyledon check``: tell every fault of a configuration, start nothing."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from cotyledon_core.cli import sources

DESCRIPTION = """\
Checks a configuration whole, without starting anything.

Every fault is a line on standard error: file, section, key, what is wrong and
what would be right. What is no fault but may not be meant is a line that
begins with "notice".
"""
EPILOG = """\
example:
  cotyledon check --config-file /etc/cotyledon/cotyledon.conf

exit status: 0 if there is no fault, 1 if there is, 2 for a wrong command line
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = commands.add_parser(
        "check",
        help="check a configuration without starting anything",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    sources.add_arguments(parser)
    parser.set_defaults(command=check)


def check(args: argparse.Namespace) -> int:
    """
    :raises ConfigurationError: with every fault found.
    """
    from cotyledon_core.config import loader

    settings = loader.compile_settings(loader.load(args.sources))
    for notice in settings.notices:
        print(f"notice: {notice}", file=sys.stderr)
    workers = sum(service.workers for service in settings.services)
    print(f"configuration is valid: {len(settings.services)} services, {workers} workers")
    return 0

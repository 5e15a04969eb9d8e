"""``cotyledon check``: tell every fault of a configuration, start nothing."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from cotyledon_core.cli import asking, reload, sources

DESCRIPTION = """\
Checks a configuration whole, without starting anything.

Every fault is a line on standard error: file, section, key, what is wrong and
what would be right. What is no fault but may not be meant is a line that
begins with "notice".

With --diff, the running manager at the control socket that the configuration
names is asked what a reload of its own configuration would change.
"""
EPILOG = """\
examples:
  cotyledon check --config-file /etc/cotyledon/cotyledon.conf
  cotyledon check --config-file /etc/cotyledon/cotyledon.conf --diff

exit status: 0 if there is no fault, 1 if there is, 2 for a wrong command line;
with --diff also 1 if the manager would refuse it, 3 if no manager answers,
4 if it cannot be told
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
    parser.add_argument(
        "--diff", action="store_true", help="also show what a running manager would change"
    )
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
    return _differ(args) if args.diff else 0


def _differ(args: argparse.Namespace) -> int:
    args.socket = None
    return asking.ask(reload.preview, args)

"""``cotyledon run``: run the configured services until told to stop."""

from __future__ import annotations

import argparse
from typing import Any

from cotyledon_core.cli import sources

DESCRIPTION = """\
Runs the services that [cotyledon] services names, in the foreground.

A configuration with faults is refused, with a line on standard error for each,
before any process is started. SIGTERM stops gracefully, SIGINT at once. SIGHUP
reads the configuration again and applies what differs: services come and go,
counts change, and workers are replaced or told to reload for what is new. With
any fault in it, everything stays as it is.
"""
EPILOG = """\
example:
  cotyledon run --config-file /etc/cotyledon/cotyledon.conf

exit status: 0 after a graceful stop or when all has finished cleanly, 1 for a
faulty configuration or if the stop had to be forced, 2 for a wrong command
line, 3 if the manager has stopped because a service has failed for good
"""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = commands.add_parser(
        "run",
        help="run the configured services",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    sources.add_arguments(parser)
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=str.upper,
        choices=LEVELS,
        default="INFO",
        help=f"what is logged to standard error, one of {', '.join(LEVELS)} (default: INFO)",
    )
    level.add_argument(
        "--verbose",
        dest="log_level",
        action="store_const",
        const="DEBUG",
        help="the same as --log-level DEBUG",
    )
    parser.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    """
    :raises ConfigurationError: with every fault found.
    """
    import logging

    from cotyledon_core.config import loader
    from cotyledon_core.manager import ServiceManager
    from cotyledon_core.runtime import failure

    logging.basicConfig(level=args.log_level, format=FORMAT)
    with failure.told():
        manager = ServiceManager.from_config(loader.load(args.sources))
    manager.run()
    return 0

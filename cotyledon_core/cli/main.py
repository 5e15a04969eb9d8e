"""The command line: parses it and calls the sub-command.

Exit statuses: 0 for success, 1 for an error that was told on standard error,
2 for a wrong command line. ``cotyledon run`` ends with the manager's.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

from cotyledon_core.cli import check, compat_path, plugins, run
from cotyledon_core.exceptions import ConfigurationError, CotyledonError

PROGRAM = "cotyledon"
DESCRIPTION = """\
Runs services in worker processes and supervises them.

A configuration file says which, such as:

  [cotyledon]
  services = example

  [service:example]
  workers = 2
"""
EPILOG = """\
exit status: 0 for success, 1 for an error, 2 for a wrong command line; run has more
"""


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message}; see {self.prog} --help\n")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command.

    :param args: the arguments, ``sys.argv[1:]`` unless given.
    :returns: the exit status.
    """
    chosen = _parser().parse_args(args)
    try:
        status: int = chosen.command(chosen)
        if sys.stdout is not None:  # it is if its descriptor was closed at the start
            sys.stdout.flush()
    except ConfigurationError as error:
        for fault in error.faults:
            print(f"{PROGRAM}: {fault}", file=sys.stderr)
        return 1
    except CotyledonError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python's own flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 1
    return status


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (run, check, plugins, compat_path):
        module.add_parser(commands)
    return parser


def _version() -> str:
    try:
        return metadata.version("cotyledon-core")
    except metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())

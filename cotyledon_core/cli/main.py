"""The command line: parses it and calls the sub-command.

Exit statuses: 0 for success, 1 for an error that was told on standard error,
2 for a wrong command line. ``cotyledon run`` ends with the manager's, and for
commands that ask a manager see ``asking``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from cotyledon_core.cli import (
    check,
    compat_path,
    completion,
    convert,
    dump,
    events,
    extra,
    health,
    log_level,
    plugins,
    reload,
    restart,
    run,
    scale,
    shutdown,
    start,
    status,
    stop,
    top,
    wait,
)
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


COMMANDS = (
    run, check, status, top, events, wait, health,
    scale, start, stop, restart, reload, shutdown,
    dump, log_level, plugins, convert, compat_path, completion,
)  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{PROGRAM}: {message}; see {self.prog} --help\n")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command.

    :param args: the arguments, ``sys.argv[1:]`` unless given.
    :returns: the exit status.
    """
    made = parser()
    completion.answer(made)
    chosen = made.parse_args(args)
    try:
        status: int = chosen.command(chosen)
        if sys.stdout is not None:  # it is if its descriptor was closed at the start
            sys.stdout.flush()
    except ConfigurationError as error:
        for fault in error.faults:
            print(f"{PROGRAM}: {fault}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"{PROGRAM}: {extra.advice(error)}", file=sys.stderr)
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


def parser() -> Parser:
    """The parser of the whole command line."""
    made = Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action=_Version, help="show the version and exit")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add_parser(commands)
    return made


class _Version(argparse.Action):
    """Looks the version up only if it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(f"{PROGRAM} {_version()}")
        parser.exit()


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("cotyledon-core")
    except metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())

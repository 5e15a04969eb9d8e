"""What the sub-commands that talk to a running manager have in common.

The exit statuses are those of the LSB for ``status``: 3 means that there is no
manager, 4 that it cannot be told.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from cotyledon_core.cli import completing, extra, sources
from cotyledon_core.control import SOCKET_VARIABLE
from cotyledon_core.exceptions import ConfigurationError, CotyledonError

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DONE, NOT_SO, NO_MANAGER, UNKNOWN = 0, 1, 3, 4
STATUSES = "2 for a wrong command line, 3 if no manager\nanswers, 4 if it cannot be told"
ORDERED = f"exit status: 0 if it is done, 1 if it is not, {STATUSES}"
"""Of commands that change something."""
_UNTOLD = frozenset({"unknown_service", "unknown_worker", "not_allowed"})

Run = Callable[["Client", argparse.Namespace], int]


class Target(NamedTuple):
    """``SERVICE`` or ``SERVICE:WORKER``."""

    service: str | None
    worker: int | None

    @classmethod
    def parse(cls, text: str) -> Target:
        """
        :raises ValueError: if there is no service in it.
        """
        service, colon, worker = text.rpartition(":")
        if not (colon and worker.isascii() and worker.isdecimal()):
            service, worker = text, ""
        if not service:
            raise ValueError(text)
        return cls(service, int(worker) if worker else None)


EVERYTHING = Target(None, None)


class SocketUnknown(CotyledonError):
    """Neither the command line nor anything else names the control socket."""


def add_command(
    commands: Any, name: str, run: Run, *, summary: str, text: str, epilog: str
) -> argparse.ArgumentParser:
    """Add a sub-command that asks a manager.

    :param run: gets the client and the arguments; returns the exit status.
    :param epilog: examples and exit statuses.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=text,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_socket(parser)
    sources.add_arguments(parser)
    parser.set_defaults(command=lambda args: _checked(parser, run, args))
    return parser


def add_socket(parser: argparse.ArgumentParser, when: str = "") -> None:
    """Add ``--socket``."""
    parser.add_argument(
        "--socket",
        metavar="PATH",
        help=f"{when}the manager's control socket (default: the one that the configuration names, "
        f"of --config-file, else {SOCKET_VARIABLE} of the environment)",
    )


def add_target(parser: argparse.ArgumentParser, text: str, optional: bool = False) -> None:
    """Add the argument ``SERVICE[:WORKER]``."""
    made = parser.add_argument("target", metavar="SERVICE[:WORKER]", type=Target.parse, help=text)
    completing.targets(made)
    if optional:
        made.nargs, made.required, made.default = "?", False, EVERYTHING


def add_waiting(parser: argparse.ArgumentParser) -> None:
    """Add ``--wait`` and ``--timeout``."""
    parser.add_argument(
        "--wait", action="store_true", help="return when it has been done, or has failed"
    )
    add_timeout(parser, "with --wait: ")


def add_timeout(parser: argparse.ArgumentParser, when: str = "") -> None:
    """Add ``--timeout``."""
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        help=f"{when}for how long; the command goes on after it (default: no end)",
    )


def seconds(text: str) -> float:
    """An argument's type.

    :raises ValueError: if it is no number of seconds.
    """
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def _checked(parser: argparse.ArgumentParser, run: Run, args: argparse.Namespace) -> int:
    if getattr(args, "timeout", None) is not None and not getattr(args, "wait", True):
        parser.error("argument --timeout: needs --wait")
    return ask(run, args)


def ask(run: Run, args: argparse.Namespace) -> int:
    """Call it with a client of the manager; tell errors.

    :param args: with ``socket`` and ``sources``.
    :returns: the exit status.
    """
    from cotyledon_core.control.client import Client

    if sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
        # a status text may have any character, a terminal may not
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with Client(address(args)) as client:
            return run(client, args)
    except ConfigurationError as error:
        return _tell(UNKNOWN, *error.faults)
    except ModuleNotFoundError as error:
        return _tell(UNKNOWN, extra.advice(error))
    except TimeoutError as error:
        return _tell(UNKNOWN, str(error))
    except CotyledonError as error:
        return _tell(_exit_status(error), str(error))


def _exit_status(error: CotyledonError) -> int:
    from cotyledon_core.control.errors import ControlError, NoManager

    if isinstance(error, ControlError):
        return UNKNOWN if error.code in _UNTOLD else NOT_SO
    if isinstance(error, NoManager):
        return UNKNOWN if isinstance(error.__cause__, PermissionError) else NO_MANAGER
    return UNKNOWN


def _tell(status: int, *errors: str) -> int:
    if sys.stderr is not None:
        with contextlib.suppress(BrokenPipeError):
            for error in errors:
                print(f"cotyledon: {' '.join(error.split())}", file=sys.stderr)
    return status


def address(args: argparse.Namespace) -> str:
    """The path of the socket.

    :raises ConfigurationError: if the configuration cannot be read.
    :raises SocketUnknown: if nothing names it.
    """
    if args.socket:
        return str(args.socket)
    if not args.sources and os.environ.get(SOCKET_VARIABLE):
        return os.environ[SOCKET_VARIABLE]
    found = _configured(args.sources)
    if not found:
        where = "the configuration" if args.sources else f"{SOCKET_VARIABLE} or a configuration"
        raise SocketUnknown(
            f"{where} names no control socket; give it with --socket, or as socket in [control] "
            "of --config-file"
        )
    return found


def _configured(named: list[str]) -> str:
    """From the files alone: whether the rest of them is in order does not matter here."""
    from oslo_config import cfg

    from cotyledon_core.config import control, loader
    from cotyledon_core.control.listener import expanded
    from cotyledon_core.process.title import program_name

    conf = loader.load(named)
    conf.register_opts(control.OPTIONS, group=control.CONTROL)
    conf.register_opt(cfg.StrOpt("name"), group="cotyledon")
    try:
        path, name = conf[control.CONTROL].socket, conf.cotyledon.name
    except (cfg.Error, ValueError) as error:
        raise ConfigurationError([f"[control] socket: {error}"]) from None
    return expanded(path, name or program_name(), os.getuid())

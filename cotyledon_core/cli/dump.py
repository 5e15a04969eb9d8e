"""``cotyledon dump``: Python stacks of living processes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, completing

if TYPE_CHECKING:
    from cotyledon_core.control.client import Client

DESCRIPTION = """\
Shows the Python stacks of all threads of a worker, which goes on.
"""
EPILOG = f"""\
examples:
  cotyledon dump api:3
  cotyledon dump --all

exit status: 0, 1 if a process did not answer,
{asking.STATUSES}
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "dump",
        dump,
        summary="show the Python stacks of a worker that runs",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    target = what.add_argument(
        "target",
        metavar="SERVICE[:WORKER]",
        nargs="?",
        type=asking.Target.parse,
        help="the worker, or the service, all its workers",
    )
    completing.targets(target)
    what.add_argument("--manager", action="store_true", help="the manager itself")
    what.add_argument("--all", action="store_true", help="the manager and every worker")


def dump(client: Client, args: argparse.Namespace) -> int:
    """Ask and show; a process that does not answer keeps the others from nothing."""
    from cotyledon_core.control.errors import ControlError

    if args.manager:
        print(client.dump())
        return asking.DONE
    if args.target is not None and args.target.worker is not None:
        print(client.dump(*args.target))
        return asking.DONE
    result = asking.DONE
    for title, target in _all(client, args.target):
        try:
            text = client.dump(*target)
        except ControlError as error:
            if error.code == "not_allowed":
                raise
            text, result = str(error), asking.NOT_SO
        print(f"=== {title}\n{text}\n")
    return result


def _all(client: Client, target: asking.Target | None) -> Iterator[tuple[str, asking.Target]]:
    status = client.status(target and target.service)
    if target is None:
        yield f"manager, pid {status.manager.pid}", asking.EVERYTHING
    for service in status.services:
        for worker in service.workers:
            if worker.pid is not None:
                title = f"{service.name}:{worker.worker}, pid {worker.pid}"
                yield title, asking.Target(service.name, worker.worker)

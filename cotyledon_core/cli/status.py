"""``cotyledon status``: what is wanted of a running manager, and what is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, formats, overview, usage

if TYPE_CHECKING:
    from rich.table import Table

    from cotyledon_core.cli.table import Cell
    from cotyledon_core.control.client import Client
    from cotyledon_core.control.results import Status, WorkerStatus

DESCRIPTION = """\
Shows the services and workers of a running manager: what is wanted and what is.

CPU is the share of one processor since the process has started, MEMORY the
resident set; both need psutil, of the extra [cli].
"""
EPILOG = f"""\
examples:
  cotyledon status --socket /run/web/control.sock
  cotyledon status api:3 --format json
  cotyledon status --format csv | grep ',backoff,'

exit status: 0 if all is as wanted, 1 if not; what an operator has stopped is as wanted,
{asking.STATUSES}
"""
SERVICE_COLUMNS = ("SERVICE", "STATE", "READY", "WANTED", "RESTARTS", "RECYCLES", "NOTE")
WORKER_COLUMNS = (
    "WORKER", "STATE", "PID", "UPTIME", "RESTARTS", "CPU", "MEMORY", "NEXT", "LAST EXIT", "STATUS"
)  # fmt: skip
RIGHT = ("READY", "WANTED", "RESTARTS", "RECYCLES", "PID", "UPTIME", "CPU", "MEMORY", "NEXT")
CSV_COLUMNS = (
    "service", "worker", "goal", "state", "ready", "pid", "uptime", "since", "incarnation",
    "restarts", "restart_in", "cpu", "memory", "last_exit_at", "last_exit_outcome",
    "last_exit_text", "status_text",
)  # fmt: skip

Usages = Mapping[int, usage.Usage]


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = asking.add_command(
        commands,
        "status",
        status,
        summary="show the services and workers of a running manager",
        text=DESCRIPTION,
        epilog=EPILOG,
    )
    asking.add_target(parser, "the only service or worker to show", optional=True)
    formats.add_format(parser)
    parser.add_argument(
        "--pss",
        action="store_true",
        help="count shared memory by share (PSS), which takes longer to read and takes the right "
        "to look at the processes",
    )


def status(client: Client, args: argparse.Namespace) -> int:
    """Ask and show."""
    if args.pss and not usage.available():
        raise usage.NoPsutil("--pss")
    found = client.status(*args.target)
    used = _used(found, args.pss)
    if args.format == "table":
        _show(found, used)
    elif args.format == "csv":
        formats.write_csv(CSV_COLUMNS, _rows(found, used))
    else:
        as_wanted = _as_wanted(found, args.target.worker)
        formats.write(args.format, {"as_wanted": as_wanted, **document(found, used)})
    return asking.DONE if _as_wanted(found, args.target.worker) else asking.NOT_SO


def _as_wanted(found: Status, worker: int | None) -> bool:
    """Of one worker alone its service's counts say nothing."""
    if worker is None:
        return found.as_wanted
    return not found.manager.stopping and all(each.as_wanted for _, each in _workers(found))


def document(found: Status, used: Usages) -> dict[str, Any]:
    """What is written as JSON and YAML; ``doc/cli.rst`` describes it."""
    whole = found.as_dict()
    for service in whole["services"]:
        for worker in service["workers"]:
            of_it = used.get(worker["pid"], usage.UNTOLD)
            worker.update(cpu=of_it.cpu, memory=of_it.memory)
    return whole


def _used(found: Status, pss: bool) -> Usages:
    if not usage.available():
        return {}
    return usage.read((worker.pid for _, worker in _workers(found) if worker.pid), pss)


def _workers(found: Status) -> Iterator[tuple[str, WorkerStatus]]:
    for service in found.services:
        for worker in service.workers:
            yield service.name, worker


def _rows(found: Status, used: Usages) -> Iterator[dict[str, Any]]:
    for service in document(found, used)["services"]:
        for worker in service["workers"]:
            last = worker["last_exit"] or {}
            ended = {f"last_exit_{key}": last.get(key) for key in ("at", "outcome", "text")}
            yield {"service": service["name"], **worker, **ended}


# -- the table


def _show(found: Status, used: Usages) -> None:
    from cotyledon_core.cli.table import show, table

    services = [_ordered(SERVICE_COLUMNS, overview.service(each)) for each in found.services]
    workers = [_worker(name, each, used) for name, each in _workers(found)]
    parts: list[Table | str] = [
        overview.manager(found.manager),
        *overview.reloads(found.manager),
        "",
        table(SERVICE_COLUMNS, services, RIGHT),
    ]
    if workers:
        parts += ["", table(WORKER_COLUMNS, workers, RIGHT)]
    show(*parts)


def _worker(service: str, worker: WorkerStatus, used: Usages) -> list[Cell]:
    of_it = used.get(worker.pid or 0, usage.UNTOLD)
    return _ordered(WORKER_COLUMNS, overview.worker(service, worker, of_it.cpu, of_it.memory))


def _ordered(columns: Sequence[str], cells: overview.Cells) -> list[Cell]:
    return [cells[column] for column in columns]

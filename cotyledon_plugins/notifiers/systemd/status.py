"""One line for people about what the manager and its workers are doing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cotyledon_core import Ledger, ServiceStanding, Stage, State, WorkerStanding

NAMED = 3
"""So many of a kind are named; of the others there is the number."""
TEXT_LIMIT = 100
"""Characters of a reason."""


def status_line(ledger: Ledger, news: str = "") -> str:
    """Such as ``3 services, 11/12 workers ready, 1 restarting: indexer(2) exit 1``.

    The cost grows with the number of workers.

    :param news: what comes first, if anything.
    """
    if ledger.stage is Stage.STOPPING:
        return _stopping(ledger)
    wanted = sum(service.wanted for service in ledger.services.values())
    ready = sum(min(service.ready, service.wanted) for service in ledger.services.values())
    count = len(ledger.services)
    services = f"{count} {'service' if count == 1 else 'services'}"
    counts = f"{services}, {ready}/{wanted} workers ready"
    line = ", ".join(filter(None, (counts, "; ".join(_troubles(ledger)))))
    if ledger.stage is Stage.STARTING:
        line = f"starting: {line}"
    return f"{news}; {line}" if news else line


def _stopping(ledger: Ledger) -> str:
    left = [text for service, worker in _workers(ledger) if (text := _if_left(service, worker))]
    reason = f": {ledger.stop_reason}" if ledger.stop_reason else ""
    return f"stopping{reason}; {_list(left, 'left')}" if left else f"stopping{reason}"


def _if_left(service: ServiceStanding, worker: WorkerStanding) -> str:
    return f"{service.name}({worker.worker_id})" if worker.processes else ""


def _troubles(ledger: Ledger) -> Iterator[str]:
    """The worst first."""
    given_up = [
        f"{service.name} ({_cut(service.given_up)})"
        for service in ledger.services.values()
        if service.given_up
    ]
    failed, restarting, finished = [], [], 0
    for service, worker in _workers(ledger):
        if worker.state is State.EXITED and worker.clean:
            finished += 1
        elif worker.state in (State.FATAL, State.EXITED) and not service.given_up:
            failed.append(_ended(service, worker))
        elif worker.restarting:
            restarting.append(_ended(service, worker))
    for texts, what in ((given_up, "given up"), (failed, "failed"), (restarting, "restarting")):
        if texts:
            yield _list(texts, what)
    if finished:
        yield f"{finished} finished"


def _workers(ledger: Ledger) -> Iterator[tuple[ServiceStanding, WorkerStanding]]:
    for service in ledger.services.values():
        for worker in service.workers.values():
            yield service, worker


def _ended(service: ServiceStanding, worker: WorkerStanding) -> str:
    how = f" {_cut(worker.end.text)}" if worker.end is not None else ""
    return f"{service.name}({worker.worker_id}){how}"


def _list(texts: Iterable[str], what: str) -> str:
    texts = list(texts)
    more = ", ..." if len(texts) > NAMED else ""
    return f"{len(texts)} {what}: {', '.join(texts[:NAMED])}{more}"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 3]}..."

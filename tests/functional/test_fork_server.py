"""The fork server dies; its workers are none the worse for it."""

from __future__ import annotations

import os
import signal

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch

Workers = dict[tuple[str, int], int]


def kill_server(application: Application, workers: Workers) -> None:
    """Kill the parent of all workers."""
    (server,) = {procfs.read(pid).ppid for pid in workers.values()}
    assert server != application.pid
    os.kill(server, signal.SIGKILL)
    application.wait_for_end_of(server)


def reload_all(application: Application, workers: Workers) -> None:
    """A handshake: the manager has made some turns since, and reaches all workers."""
    for count in (1, 2):
        application.send(signal.SIGHUP)
        for pid in workers.values():
            application.wait_for("reload", count, pid=pid)


def test_workers_outlive_their_server(launch: Launch) -> None:
    application = launch("plain", "10", "3", "0", method="forkserver")
    workers = application.wait_for_workers(3)
    kill_server(application, workers)
    reload_all(application, workers)
    assert application.workers() == workers
    assert not application.records("on_dead_worker")
    assert application.stop() == 0
    assert {record.pid for record in application.records("terminate")} == set(workers.values())


def test_worker_is_replaced_when_it_ends_itself(launch: Launch) -> None:
    application = launch("plain", "10", "3", "0", method="forkserver")
    workers = application.wait_for_workers(3)
    kill_server(application, workers)
    reload_all(application, workers)
    os.kill(workers["web", 1], signal.SIGKILL)
    application.wait_for_replacement(workers["web", 1], ("web", 1))
    (death,) = application.records("on_dead_worker")
    assert (death.worker_id, death.status) == (1, None)
    assert not application.records("init", predecessor_alive=True)
    assert application.stop() == 0


@pytest.mark.parametrize("killed", [False, True])
def test_status_of_a_worker_whose_server_has_died(launch: Launch, killed: bool) -> None:
    """It can be known if the manager inherits orphans."""
    application = launch("foreign", "orphans", "2", "adopt", method="forkserver")
    workers = application.wait_for_workers(2)
    kill_server(application, workers)
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL if killed else signal.SIGTERM)
    application.wait_for_replacements(workers)
    status = -signal.SIGKILL if killed else 5
    assert [death.status for death in application.records("on_dead_worker")] == [status] * 2
    assert application.stop() == 0


def test_new_server_where_orphans_are_reaped(launch: Launch) -> None:
    """The fork server is multiprocessing's to wait for, or it starts no other."""
    application = launch("foreign", "orphans", "2", "adopt", method="forkserver")
    workers = application.wait_for_workers(2)
    kill_server(application, workers)
    # Longer than the manager leaves a stranger to its owner.
    signal.sigtimedwait((), 1.5)
    for pid in workers.values():
        os.kill(pid, signal.SIGTERM)
    application.wait_for_replacements(workers)
    assert application.stop() == 0

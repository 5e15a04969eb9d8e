"""Descriptors, threads and standard streams of managers and workers."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, Launch

PRIVATE = ("anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[signalfd]", "socket:")


def beyond_standard(pid: int) -> dict[int, str]:
    return {number: what for number, what in procfs.descriptors(pid).items() if number > 2}


def sockets(pid: int) -> set[str]:
    return {what for what in procfs.descriptors(pid).values() if what.startswith("socket:")}


def cycle(application: Application, web: int = 2, batch: int = 2) -> None:
    """Reload, replace and restart: what a manager does all day."""
    workers = application.wait_for_workers(web + batch)
    application.send(signal.SIGHUP)
    application.wait_for("reload", web)
    for worker, pid in workers.items():
        if worker[0] == "batch":
            application.wait_for_replacement(pid, worker)
    os.kill(workers["web", 0], signal.SIGKILL)
    application.wait_for_replacement(workers["web", 0], ("web", 0))
    application.wait_for_workers(web + batch)


def test_worker_inherits_nothing_of_the_manager(launch: Launch, method: str) -> None:
    application = launch("descriptors", "workers", "4", method=method)
    application.wait_for_workers(4)
    application.send(signal.SIGHUP)
    wakeup = application.wait_for_one("wakeup").descriptor
    managers = beyond_standard(application.pid)
    assert managers[wakeup]
    for pid in application.wait_for_workers(4).values():
        workers = beyond_standard(pid)
        assert managers[wakeup] not in workers.values()
        assert "anon_inode:[pidfd]" not in workers.values()
        if not procfs.can_compare_files():
            continue
        for number, what in workers.items():
            shared = [
                other
                for other, its in managers.items()
                if its == what and procfs.same_open_file(pid, number, application.pid, other)
            ]
            assert not (shared and what.startswith(PRIVATE)), (what, shared)
    assert application.stop() == 0


def test_worker_inherits_no_notification_socket(launch: Launch) -> None:
    """Neither systemd's address nor the manager's own socket for programs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("")
        address = "@" + systemd.getsockname()[1:].decode()
        application = launch("descriptors", "notifying", address)
        workers = application.wait_for_workers(2)
        environments = application.records("environment")
        assert [record.notify for record in environments] == [None, None]
        managers = sockets(application.pid)
        assert managers
        for pid in workers.values():
            assert not managers & sockets(pid)
        assert application.stop() == 0


def test_worker_inherits_nothing_of_its_siblings(launch: Launch, method: str) -> None:
    """A pipe or socket belongs to one worker, or to all alike."""
    application = launch("descriptors", "workers", "8", method=method)
    workers = application.wait_for_workers(8)
    os.kill(workers["web", 3], signal.SIGKILL)
    application.wait_for_replacement(workers["web", 3], ("web", 3))
    workers = application.wait_for_workers(8)
    holders = defaultdict(set)
    counts = set()
    for pid in workers.values():
        descriptors = beyond_standard(pid)
        counts.add(len(descriptors))
        for what in descriptors.values():
            if what.startswith(("pipe:", "socket:")):
                holders[what].add(pid)
    assert len(counts) == 1
    assert {len(pids) for pids in holders.values()} <= {1, 8}
    assert application.stop() == 0


def test_forked_worker_is_slim(launch: Launch) -> None:
    application = launch("descriptors", "workers", "20")
    for pid in application.wait_for_workers(20).values():
        assert len(procfs.descriptors(pid)) <= 7
        assert procfs.read(pid).threads == 2
    assert procfs.read(application.pid).threads == 1
    assert application.stop() == 0


def test_manager_has_one_thread(launch: Launch, method: str) -> None:
    application = launch("descriptors", "workers", "2", "2", method=method)
    cycle(application)
    assert procfs.read(application.pid).threads == 1
    assert application.stop() == 0


@pytest.mark.parametrize("moment", ["init", "run"])
@pytest.mark.parametrize("others", ["pipes", "files", "covered"])
def test_worker_with_others_under_all_numbers(
    launch: Launch, method: str, moment: str, others: str
) -> None:
    """It ends gracefully, and nothing is written to what has the numbers.

    While the worker already waits, the interpreter's own handler writes one signal there.
    """
    application = launch("descriptors", "taken", moment, others, method=method)
    workers = application.wait_for_workers(2)
    assert application.stop() == 0
    seen = application.records("seen")
    assert {record.pid for record in seen} == set(workers.values())
    assert moment == "run" or all(record.untouched for record in seen)


@pytest.mark.parametrize("moment", ["init", "run"])
@pytest.mark.parametrize("others", ["pipes", "files", "covered"])
def test_worker_whose_child_keeps_the_old_descriptors(
    launch: Launch, moment: str, others: str
) -> None:
    application = launch("descriptors", "taken", moment, others, "child")
    workers = application.wait_for_workers(2)
    assert application.stop() == 0
    assert {record.pid for record in application.records("terminate")} == set(workers.values())


def test_worker_gets_what_the_application_opened(launch: Launch) -> None:
    application = launch("descriptors", "given")
    given = application.wait_for_one("given").descriptors
    for pid in application.wait_for_workers(2).values():
        assert set(given) <= set(procfs.descriptors(pid))
    assert application.stop() == 0


def test_deaths_leave_descriptors_and_threads_as_they_were(launch: Launch) -> None:
    application = launch("plain", "10", "0", "250")
    workers = application.wait_for_workers(250)
    before = sorted(procfs.descriptors(application.pid).values())
    for _ in range(2):
        for pid in workers.values():
            os.kill(pid, signal.SIGKILL)
        application.wait_for_replacements(workers)
        workers = application.wait_for_workers(250)
    application.wait_for("on_dead_worker", 500)
    after = procfs.descriptors(application.pid).values()
    assert len(after) == len(before)
    assert procfs.read(application.pid).threads == 1
    assert not [child for child in procfs.children(application.pid) if not child.alive]
    assert application.stop() == 0


def test_deaths_leave_the_managers_memory_as_it_was(launch: Launch) -> None:
    """After the first thousand, a thousand more cost nothing."""
    application = launch("descriptors", "workers", "1", "250")
    sizes = []
    for turn in range(8):
        workers = application.wait_for_workers(251)
        del workers["web", 0]
        # A crash now and then; too many would be slowed down.
        number = signal.SIGKILL if turn % 3 == 0 else signal.SIGHUP
        for pid in workers.values():
            os.kill(pid, number)
        application.wait_for_replacements(workers)
        application.wait_for("on_dead_worker", 250 * (turn + 1))
        sizes.append(procfs.private_kib(application.pid))
    assert min(sizes[4:]) - min(sizes[:4]) < 500, sizes
    assert application.stop() == 0


@pytest.mark.parametrize(
    "closed",
    [("stdin",), ("stdout",), ("stderr",), ("stdin", "stdout", "stderr")],
    ids="-".join,
)
def test_closed_standard_streams(launch: Launch, method: str, closed: tuple[str, ...]) -> None:
    application = launch("descriptors", "closing", *closed, method=method)
    cycle(application)
    assert application.stop() == 0


def test_descriptors_closed_before_the_start(launch: Launch) -> None:
    """As a shell's ``<&- >&- 2>&-`` does."""
    prefix = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    application = launch("plain", "3", "2", "2", prefix=prefix)
    cycle(application)
    assert application.stop() == 0


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The write end of a full pipe that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    try:
        while True:
            os.write(writer, b"x")
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


def test_log_sink_is_a_full_pipe(launch: Launch, method: str, full_pipe: int) -> None:
    application = launch("descriptors", "logging_to", "stderr", method=method, stderr=full_pipe)
    cycle(application)
    assert application.stop() == 0
    assert not fcntl.fcntl(full_pipe, fcntl.F_GETFL) & os.O_NONBLOCK


def test_hooks_that_log_into_a_full_pipe(launch: Launch, full_pipe: int) -> None:
    application = launch("descriptors", "talkative", "stderr", stderr=full_pipe)
    cycle(application, batch=0)
    assert application.stop() == 0


def test_log_sink_is_a_pipe_without_reader(launch: Launch, method: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    application = launch("descriptors", "logging_to", "stderr", method=method, stderr=writer)
    os.close(writer)
    cycle(application)
    assert application.stop() == 0


@pytest.mark.parametrize("sink", ["stderr", "/dev/full"])
def test_log_sink_is_a_full_disk(launch: Launch, sink: str) -> None:
    with open("/dev/full", "wb") as full:
        application = launch("descriptors", "logging_to", sink, stderr=full)
    cycle(application)
    assert application.stop() == 0


def test_log_sink_fills_while_the_manager_runs(launch: Launch) -> None:
    reader, writer = os.pipe()
    application = launch("descriptors", "talkative", "stderr", stderr=writer)
    os.close(writer)
    for _ in range(2):
        cycle(application, batch=0)
    assert application.stop() == 0
    os.close(reader)


def test_no_warning_is_said(launch: Launch, method: str) -> None:
    application = launch("descriptors", "workers", "2", "2", method=method)
    cycle(application)
    assert application.stop() == 0
    assert "Warning" not in application.output()
    assert "Traceback" not in application.output()


def test_garbage_collector_is_on_everywhere(launch: Launch) -> None:
    application = launch("descriptors", "collecting")
    application.wait_for_workers(1)
    application.send(signal.SIGHUP)
    application.wait_for("collector", pid=application.pid)
    assert {record.on for record in application.records("collector")} == {True}
    assert application.stop() == 0


def test_700_workers_with_1024_descriptors(launch: Launch) -> None:
    """select() cannot go there."""
    application = launch("descriptors", "many", "700")
    workers = application.wait_for_workers(700)
    os.kill(workers["batch", 699], signal.SIGKILL)
    application.wait_for_replacement(workers["batch", 699], ("batch", 699))
    assert application.stop() == 0
    assert len(application.records("terminate")) == 700

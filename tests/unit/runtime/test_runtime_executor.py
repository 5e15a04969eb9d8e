"""Actions become signals and processes, and no signal goes where it must not."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from cotyledon_core.exceptions import WorkerStartError
from cotyledon_core.process.board import NOWHERE
from cotyledon_core.process.child import Child, WatchedChild
from cotyledon_core.process.reaper import Reaper
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.spawner import Spawner, Start
from cotyledon_core.runtime.children import Children, WorkerProcess
from cotyledon_core.runtime.dispatcher import Dispatcher, ForeignCode
from cotyledon_core.runtime.executor import Executor, listening
from cotyledon_core.runtime.hooks import Hooks
from cotyledon_core.runtime.household import Own
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.service import Service
from cotyledon_core.service_options import ServiceOptions
from cotyledon_core.supervision.actions import Action, CallReloadHooks, Exit, Request, Signal, Spawn
from cotyledon_core.supervision.messages import Incarnation, LeaveAsked, Spawned, SpawnFailed
from cotyledon_core.types import ServiceId, WorkerId

SERVICE_ID = ServiceId(UUID(int=1))
posix = pytest.mark.skipif(not hasattr(os, "waitid"), reason="POSIX processes")


class FakeChild(Child):
    """Notes the signals that it is sent."""

    def __init__(self, pid: int, log: list[Any]) -> None:
        super().__init__(pid)
        self._log = log

    def send(self, number: int) -> None:
        self._log.append((self.pid, int(number)))


class FakeSpawner:
    """Gives the same pid to everybody, as soon as it is free."""

    def __init__(self, log: list[Any]) -> None:
        self._log = log
        self.refused: set[int] = set()

    def spawn(self, starts: Sequence[Start]) -> list[Child | WorkerStartError]:
        self._log.append(("spawn", [start.assignment.worker_id for start in starts]))
        return [self._start(start.assignment.worker_id) for start in starts]

    def _start(self, worker_id: int) -> Child | WorkerStartError:
        if worker_id in self.refused:
            return WorkerStartError("no room")
        return FakeChild(100 + worker_id, self._log)

    def close(self) -> None: ...


class Shell:
    """An executor with what surrounds it."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.roll = Roll()
        self.children = Children(self.roll)
        hooks = Hooks()
        hooks.reload.append(lambda: self.log.append("event"))
        self.spawner = FakeSpawner(self.log)
        self.definition = ServiceDefinition(SERVICE_ID, "web", Service, 3)
        self.definitions = {SERVICE_ID: self.definition}
        self.executor = Executor(
            definitions=self.definitions,
            children=self.children,
            dispatcher=Dispatcher(hooks, ForeignCode(lambda: False)),
            hooks=hooks,
            program_name="program",
            spawner=lambda: self.spawner,
            grace=lambda: 60.0,
            leads_session=True,
        )

    def perform(self, *actions: Action) -> list[Any]:
        return list(self.executor.perform(actions))

    def started(self, worker_id: int = 0) -> WorkerProcess:
        self.perform(Spawn(incarnation(worker_id)))
        self.log.clear()
        found = self.children.get(incarnation(worker_id))
        assert found is not None
        return found


def incarnation(worker_id: int, number: int = 1) -> Incarnation:
    return Incarnation(SERVICE_ID, WorkerId(worker_id), number)


@pytest.fixture
def shell() -> Iterator[Shell]:
    made = Shell()
    yield made
    made.roll.close()


@posix
@pytest.mark.parametrize(
    ("request_", "numbers"),
    [
        (Request.STOP, [signal.SIGTERM, signal.SIGCONT]),
        (Request.RELOAD, [signal.SIGHUP]),
        (Request.INTERRUPT, [signal.SIGINT]),
        (Request.KILL, [signal.SIGKILL]),
    ],
)
def test_requests_are_signals(shell: Shell, request_: Request, numbers: list[int]) -> None:
    shell.started()
    assert shell.perform(Signal(incarnation(0), request_)) == []
    assert shell.log == [(100, number) for number in numbers]


@posix
def test_a_worker_that_hangs_is_ended_when_its_service_is_gone(shell: Shell) -> None:
    shell.started()
    del shell.definitions[SERVICE_ID]
    assert shell.perform(Signal(incarnation(0), Request.ABORT)) == []
    assert shell.log == [(100, signal.SIGKILL), (100, signal.SIGCONT)]


@posix
def test_a_program_says_which_signals_it_takes(shell: Shell) -> None:
    process = shell.started()
    process.stop_signal, process.reload_signal = signal.SIGQUIT, signal.SIGUSR1
    shell.perform(Signal(incarnation(0), Request.RELOAD), Signal(incarnation(0), Request.STOP))
    assert shell.log == [(100, signal.SIGUSR1), (100, signal.SIGQUIT), (100, signal.SIGCONT)]


def test_a_program_that_cannot_reload_is_replaced(shell: Shell) -> None:
    shell.started().reload_signal = None
    answers = shell.perform(Signal(incarnation(0), Request.RELOAD))
    assert answers == [LeaveAsked(incarnation(0))]
    assert shell.log == []


@posix
def test_what_would_end_a_process_that_has_no_handlers_yet_waits_for_them(shell: Shell) -> None:
    """A fork server's child has none at first; an end by force does not wait."""
    process = shell.started()
    process.child.listening = False
    shell.perform(Signal(incarnation(0), Request.RELOAD), Signal(incarnation(0), Request.STOP))
    assert shell.log == []
    shell.perform(Signal(incarnation(0), Request.KILL))
    assert shell.log == [(100, signal.SIGKILL)]
    shell.log.clear()
    for _ in range(2):
        listening(process)
    assert shell.log == [(100, signal.SIGHUP), (100, signal.SIGTERM), (100, signal.SIGCONT)]


@pytest.mark.parametrize("request_", Request)
def test_no_signal_follows_a_reaped_process(shell: Shell, request_: Request) -> None:
    """Not even where its successor, or somebody else, has the same pid."""
    process = shell.started()
    shell.children.remove(process.child.pid)
    shell.perform(Spawn(incarnation(0, 2)))
    shell.log.clear()
    assert shell.perform(Signal(incarnation(0), request_)) == []
    assert shell.log == []


def test_actions_are_performed_in_their_order(shell: Shell) -> None:
    """Starts that follow one another are made together."""
    answers = shell.perform(
        Spawn(incarnation(0)),
        CallReloadHooks(),
        Spawn(incarnation(1)),
        Spawn(incarnation(2)),
        Signal(incarnation(1), Request.KILL),
        Exit(0),
    )
    assert shell.log == [("spawn", [0]), "event", ("spawn", [1, 2]), (101, signal.SIGKILL)]
    assert answers == [Spawned(incarnation(number), 100 + number) for number in range(3)]
    assert shell.executor.exit_status == 0


def test_refused_starts_are_answered_and_the_others_made(shell: Shell) -> None:
    shell.spawner.refused = {1}
    watched: list[Incarnation] = []
    shell.executor.watch = lambda process: watched.append(process.incarnation)
    answers = shell.perform(*(Spawn(incarnation(number)) for number in range(3)))
    assert answers == [
        Spawned(incarnation(0), 100),
        SpawnFailed(incarnation(1), "no room"),
        Spawned(incarnation(2), 102),
    ]
    assert watched == [incarnation(0), incarnation(2)]
    assert sorted(shell.roll.pids()) == [100, 102]


class Notified(Service):
    ready_when = "notified"


@pytest.mark.parametrize(
    ("factory", "option", "notifies"),
    [
        (Service, None, False),
        (Service, "notified", True),
        (Notified, None, True),
        (Notified, "booted", False),
    ],
)
def test_who_says_when_a_program_is_ready(
    shell: Shell, factory: Any, option: str | None, notifies: bool
) -> None:
    options = ServiceOptions(ready_when=option)
    shell.executor._definitions = {
        SERVICE_ID: ServiceDefinition(SERVICE_ID, "web", factory, 1, options=options)
    }
    assert shell.started().notifies is notifies


def test_who_left_is_off_the_roll(shell: Shell) -> None:
    process = shell.started()
    assert shell.roll.pids() == [100]
    assert shell.children.remove(100) is process
    assert shell.roll.pids() == []
    assert 100 not in shell.children
    assert len(shell.children) == 0


@posix
def test_a_message_comes_from_a_worker_or_from_below_it(shell: Shell) -> None:
    process = WorkerProcess(incarnation(0), Child(os.getpid()))
    shell.children.add(process)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(writer)
            os.read(reader, 1)
        finally:
            os._exit(0)
    assert shell.children.sender(os.getpid()) is process
    assert shell.children.sender(pid) is process
    assert shell.children.of_pid(pid) is None
    assert shell.children.sender(os.getppid()) is None
    os.close(writer)
    os.close(reader)
    os.waitpid(pid, 0)
    assert shell.children.sender(pid) is None, "it is gone"


def test_without_room_for_a_spawner_every_start_fails(shell: Shell) -> None:
    def refuse() -> Spawner:
        raise OSError(errno.EMFILE, "no more descriptors")

    shell.executor._spawner = refuse
    answers = shell.perform(Spawn(incarnation(0)), Spawn(incarnation(1)))
    assert [(type(answer), answer.incarnation.worker_id) for answer in answers] == [
        (SpawnFailed, 0),
        (SpawnFailed, 1),
    ]
    assert "no more descriptors" in answers[0].error


class NoHelpers(dict[int, Any]):
    def pids(self) -> Iterator[int]:
        return iter(self)


@posix
def test_a_fork_servers_workers_are_not_waited_for(
    in_child: Callable[[Callable[[], Any]], Any],
) -> None:
    """They are not our children; a stranger that ended must not make them look dead."""

    def look() -> list[int]:
        ended = os.fork()
        if ended == 0:
            os._exit(0)
        os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)
        children = Children(Roll())
        reader, _ = os.pipe()
        process = SimpleNamespace(pid=os.getppid(), sentinel=reader)
        children.add(WorkerProcess(incarnation(0), WatchedChild(process, NOWHERE, served=True)))
        own = Own(children, NoHelpers())  # type: ignore[arg-type]
        return [found.pid for found in Reaper(own).ended(64, own.pids)]

    assert in_child(look) == []

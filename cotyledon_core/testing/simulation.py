"""A supervisor without processes: with a fake clock and a fake kernel.

For tests of what is decided, such as a restart policy's part in it:

.. code-block:: python

    from cotyledon_core import ExitStatus
    from cotyledon_core.testing.simulation import Simulation


    def test_a_worker_that_fails_is_started_again_later():
        simulation = Simulation()
        service_id = simulation.add("web", workers=2, decide=MyPolicy(delay=5.0).decide)
        simulation.start()
        simulation.end(simulation.process(service_id, 0), ExitStatus(code=1))
        assert len(simulation.processes(service_id)) == 1
        simulation.advance(5.0)
        assert len(simulation.processes(service_id)) == 2

Time passes only when :meth:`Simulation.advance` is called, and nothing
happens by itself but that a process which is :attr:`FakeProcess.obedient` ends
when it is asked to. Pids are used again as soon as they are free.

What must never happen raises :class:`Violation`: a second process in a
worker's slot (a third, with a surge), a signal to a process that was reaped, a
start once a stop was seen, an exit that leaves processes behind, a second exit,
deadlines that come up again and again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from cotyledon_core.events import Event
from cotyledon_core.plugins.restart_policy import Death, Decision, ExitStatus, Restart
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import (
    Action,
    AskShutdown,
    CommandDone,
    Exit,
    PrepareReload,
    Publish,
    ReadBeat,
    ReadDump,
    Request,
    Signal,
    Spawn,
    UndoReload,
)
from cotyledon_core.supervision.messages import Incarnation, Message, ServiceSpec
from cotyledon_core.supervision.supervisor import Supervisor
from cotyledon_core.testing.fakes import FakeClock, FakeKernel, FakeProcess
from cotyledon_core.types import ServiceId

MANAGER_PID = 1
MOST_ROUNDS = 100_000
"""Deadlines that may come up at one moment."""

SomeEvent = TypeVar("SomeEvent", bound=Event)


class Violation(AssertionError):
    """The supervisor did what it must never do."""


def restart_at_once(death: Death) -> Decision:
    """The policy where none is given."""
    return Restart()


class Simulation:
    """A supervisor with the fakes around it; see the module's description.

    :param grace: the manager's grace period in seconds; 0 waits without end.
    :param spawn_interval: the least time between two starts, in seconds.
    :param random: gives the next random number from 0 to 1.
    :param stop_delay: seconds from the accepted stop until the workers are asked to end.
    """

    def __init__(
        self,
        grace: float = 60.0,
        spawn_interval: float = 0.0,
        random: Callable[[], float] = lambda: 0.0,
        stop_delay: float = 0.0,
    ) -> None:
        self.clock = FakeClock()
        self.kernel = FakeKernel()
        self.supervisor = Supervisor(grace, spawn_interval, random, stop_delay)
        self.events: list[Event] = []
        """All events so far."""
        self.results: dict[int, CommandDone] = {}
        """What has become of commands with a number."""
        self.exit_status: int | None = None
        """What the manager ended with."""
        self.stop_seen = False
        """Whether a stop was noticed, commanded, or asked for by the supervisor."""
        self.prepare: Callable[[], list[Message]] = self.everything_again
        """What a reload changes; every service is told to reload unless this is set."""
        self.undo: Callable[[], list[Message]] = lambda: [msg.Reload(undo=True)]
        """What undoes a reload that failed; nothing unless this is set."""
        self.specs: dict[ServiceId, ServiceSpec] = {}
        """The services as they were added, or reloaded."""
        self._initial: list[ServiceSpec] = []
        self._services = 0
        self._started = False
        self._by_incarnation: dict[Incarnation, FakeProcess] = {}

    # -- what the application does

    def add(
        self,
        name: str = "service",
        workers: int = 1,
        decide: Callable[[Death], Decision] = restart_at_once,
        grace: float | None = None,
        **more: Any,
    ) -> ServiceId:
        """Add a service, before the start or after.

        :param decide: a restart policy's method; must not raise.
        :param grace: seconds; None means the manager's, 0 waits without end.
        :param more: other fields of :class:`.ServiceSpec`.
        """
        self._services += 1
        service_id = ServiceId(UUID(int=self._services))
        spec = self.specs[service_id] = ServiceSpec(
            service_id, name, workers, decide, grace, **more
        )
        if self._started:
            self.send(msg.AddService(spec))
        else:
            self._initial.append(spec)
        return service_id

    def start(self, *, ready: bool = True) -> None:
        """Start to supervise; all that is due at once happens.

        :param ready: whether the processes then say that they are ready.
        """
        self._started = True
        self.send(msg.Start(MANAGER_PID, "simulation", tuple(self._initial)))
        self.settle()
        if ready:
            self.all_ready()

    def scale(self, service_id: ServiceId, workers: int) -> None:
        self.send(msg.Scale(service_id, workers))
        self.settle()

    def reload(self, *changes: msg.Change) -> None:
        """Ask for a reload.

        :param changes: what it brings; every service is told to reload unless given.
        """
        if changes:
            self.prepare = lambda: [self.changed(*changes)]
        self.send(msg.AskReload())
        self.settle()

    def everything_again(self) -> list[Message]:
        """Every service at its next revision."""
        specs = [replace(spec, revision=spec.revision + 1) for spec in self.specs.values()]
        return [self.changed(*map(msg.Change, specs))]

    def changed(self, *changes: msg.Change) -> msg.Reload:
        """The reload that brings these."""
        self.specs.update({change.spec.service_id: change.spec for change in changes})
        return msg.Reload(changes)

    def shut_down(self) -> None:
        self.send(msg.ShutDown(self.clock.monotonic))
        self.settle()

    def abort(self) -> None:
        self.send(msg.Abort())
        self.settle()

    # -- what processes do

    def process(self, service_id: ServiceId, worker_id: int = 0) -> FakeProcess:
        """The process of a worker, the younger one if there are two.

        :raises LookupError: if there is none.
        """
        found = [p for p in self.processes(service_id) if p.incarnation.worker_id == worker_id]
        if not found:
            raise LookupError(f"worker {worker_id} of {service_id} has no process")
        return found[-1]

    def processes(self, service_id: ServiceId | None = None) -> list[FakeProcess]:
        """The processes of a service, or of all, by service and worker."""
        return [
            process
            for incarnation, process in sorted(self._by_incarnation.items())
            if service_id in (None, incarnation.service_id)
        ]

    def say_ready(self, process: FakeProcess) -> None:
        process.ready = True
        self.send(msg.Ready(process.incarnation))

    def say_reloaded(self, process: FakeProcess) -> None:
        """It has reloaded in place."""
        self.send(msg.Reloaded(process.incarnation))

    def ask_to_leave(self, process: FakeProcess) -> None:
        """It cannot reload in place."""
        self.send(msg.LeaveAsked(process.incarnation))
        self.settle()

    def all_ready(self) -> None:
        """Every process that has not said so says that it is ready."""
        for process in self.processes():
            if not process.ready and process.status is None:
                self.say_ready(process)

    def end(self, process: FakeProcess, status: ExitStatus | None = None) -> None:
        """The process ends by itself, and what is due at once happens.

        :param status: exit status 1 unless given.
        """
        self.kernel.end(process, ExitStatus(code=1) if status is None else status)
        self.settle()

    # -- time

    def settle(self) -> None:
        """All that is due at this moment happens: deaths are told, deadlines are met."""
        for _ in range(MOST_ROUNDS):
            self.tell_deaths()
            due = self.supervisor.deadline()
            if due is None or due > self.clock.monotonic:
                return
            self.send(msg.DeadlineReached())
        raise Violation("deadlines come up again and again")

    def advance(self, seconds: float) -> None:
        """Let time pass, from one deadline to the next."""
        until = self.clock.monotonic + seconds
        self.settle()
        while (due := self.supervisor.deadline()) is not None and due <= until:
            self.clock.advance_to(due)
            self.settle()
        self.clock.advance_to(until)
        self.settle()

    # -- messages and actions

    def send(self, message: Message) -> list[Action]:
        """Hand over a message, and the answers to what follows; return all actions."""
        waiting = deque([message])
        actions: list[Action] = []
        while waiting:
            done, answers = self.step(waiting.popleft())
            actions.extend(done)
            waiting.extend(answers)
        return actions

    def step(self, message: Message) -> tuple[list[Action], list[Message]]:
        """Hand over one message, perform the actions; return them and the answers to give.

        Override it to look at each.
        """
        if isinstance(message, msg.StopNoticed | msg.ShutDown | msg.Abort):
            self.stop_seen = True
        actions = self.supervisor.handle(message, self.clock.now())
        return actions, [answer for action in actions for answer in self._perform(action)]

    def tell_deaths(self) -> None:
        """Reap what has ended, and tell of it."""
        while self.tell_death():
            pass

    def tell_death(self) -> bool:
        """Reap the process that ended first, and tell of it; False if there is none."""
        process = self.kernel.reap()
        if process is None:
            return False
        assert process.status is not None
        incarnation = process.incarnation
        del self._by_incarnation[incarnation]
        self.send(msg.Exited(incarnation, process.status, dump=process.dumped))
        return True

    def events_of(self, kind: type[SomeEvent]) -> list[SomeEvent]:
        """The events of one type so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def _perform(self, action: Action) -> list[Message]:
        if self.exit_status is not None:
            raise Violation(f"after the exit: {action}")
        if isinstance(action, PrepareReload):
            return self.prepare()
        if isinstance(action, UndoReload):
            return self.undo()
        answer = self._perform_one(action)
        return [] if answer is None else [answer]

    def _perform_one(self, action: Action) -> Message | None:
        if isinstance(action, Spawn):
            return self._spawn(action.incarnation)
        if isinstance(action, ReadBeat):
            return self._read_beat(action.incarnation)
        if isinstance(action, ReadDump):
            return msg.DumpRead(action.incarnation, self._by_incarnation[action.incarnation].dumped)
        if isinstance(action, Signal):
            self._signal(action.incarnation, action.request)
        elif isinstance(action, Publish):
            self.events.append(action.event)
        elif isinstance(action, CommandDone):
            if action.number in self.results:
                raise Violation(f"answered twice: {action}")
            self.results[action.number] = action
        elif isinstance(action, AskShutdown):
            self.stop_seen = True
            return msg.ShutDown(self.clock.monotonic)
        elif isinstance(action, Exit):
            self._exit(action)
        return None

    def _spawn(self, incarnation: Incarnation) -> Message:
        if self.stop_seen:
            raise Violation(f"started after a stop was seen: {incarnation}")
        if not self._has_room(incarnation):
            raise Violation(f"too many processes of one worker: {incarnation}")
        try:
            process = self.kernel.spawn(incarnation)
        except BlockingIOError as error:
            return msg.SpawnFailed(incarnation, str(error))
        self._by_incarnation[incarnation] = process
        return msg.Spawned(incarnation, process.pid)

    def _has_room(self, incarnation: Incarnation) -> bool:
        """Whether the slot is free, or may have a second process for now."""
        slot = incarnation[:2]
        there = sum(other[:2] == slot for other in self._by_incarnation)
        spec = self.specs[incarnation.service_id]
        return there < (2 if spec.max_surge.amount else 1)

    def _read_beat(self, incarnation: Incarnation) -> Message:
        process = self._by_incarnation[incarnation]
        if process.beating and process.status is None:
            process.last_beat = self.clock.monotonic
        return msg.BeatRead(incarnation, process.last_beat)

    def _signal(self, incarnation: Incarnation, request: Request) -> None:
        process = self._by_incarnation.get(incarnation)
        if process is None:
            raise Violation(f"{request.value} to a process that was reaped: {incarnation}")
        self.kernel.signal(process.pid, request)

    def _exit(self, action: Exit) -> None:
        left = [found for found in self.processes() if found.status is None and found.mortal]
        if left:
            raise Violation(f"exit leaves processes behind: {left}")
        self.exit_status = action.status

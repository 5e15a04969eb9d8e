"""Performs the supervisor's actions."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cotyledon_core.events import Event, ManagerReloaded, ReloadUndone
from cotyledon_core.exceptions import WorkerStartError
from cotyledon_core.process.spawner import Spawner, Start
from cotyledon_core.runtime.children import Children, WorkerProcess
from cotyledon_core.runtime.dispatcher import Dispatcher
from cotyledon_core.runtime.hooks import Hooks
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision.actions import (
    Action,
    AskShutdown,
    CallReloadHooks,
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
from cotyledon_core.supervision.messages import (
    BeatRead,
    DumpRead,
    Incarnation,
    LeaveAsked,
    Message,
    Reload,
    Reloaded,
    Spawned,
    SpawnFailed,
)
from cotyledon_core.types import ServiceId
from cotyledon_core.worker.assignment import Assignment

SIGCONT: int | None = getattr(signal, "SIGCONT", None)
SIGKILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)


class Executor:
    """One method for each kind of action.

    :param spawner: what starts processes at this moment.
    :param grace: the manager's grace period in seconds at this moment.
    :param leads_session: whether the manager's process group is its own.

    ``watch`` is called for each process that was started, ``notify_address``
    for where its program may send messages, ``sockets`` for the descriptors of
    the listening sockets of these names, ``reloaded`` when a reload is over,
    ``ask_shutdown`` to have the manager stopped, and ``command_done`` with what
    has become of a command.
    """

    def __init__(
        self,
        definitions: Mapping[ServiceId, ServiceDefinition],
        children: Children,
        dispatcher: Dispatcher,
        hooks: Hooks,
        program_name: str,
        spawner: Callable[[], Spawner],
        grace: Callable[[], float],
        leads_session: bool,
    ) -> None:
        self.exit_status: int | None = None
        self.watch: Callable[[WorkerProcess], None] = lambda process: None
        self.signalled: Callable[[WorkerProcess, Request], None] | None = None
        self.notify_address: Callable[[], str | None] = lambda: None
        self.sockets: Callable[[Iterable[str]], Sequence[tuple[str, int]]] = lambda names: ()
        self.ask_shutdown: Callable[[], None] = lambda: None
        self.command_done: Callable[[CommandDone], None] = lambda done: None
        self.prepare_reload: Callable[[], Iterable[Message]] = lambda: [Reload()]
        self.reloaded: Callable[[], None] = lambda: None
        self.undo_reload: Callable[[], Iterable[Message]] = lambda: [Reload(undo=True)]
        self._spawner = spawner
        self._grace = grace
        self._leads_session = leads_session
        self._definitions = definitions
        self._children = children
        self._dispatcher = dispatcher
        self._hooks = hooks
        self._program_name = program_name

    def perform(self, actions: Iterable[Action]) -> Iterator[Message]:
        """Perform the actions in their order; yield what the supervisor has to hear of them.

        Starts that follow one another are made together.
        """
        for together, group in itertools.groupby(actions, lambda action: type(action) is Spawn):
            if together:
                yield from self._spawn([action.incarnation for action in group])  # type: ignore[union-attr]
            else:
                for action in group:
                    yield from self._perform(action)

    def _perform(self, action: Action) -> Iterable[Message]:
        if isinstance(action, Publish):
            self._publish(action.event)
        elif isinstance(action, Signal):
            return self._signal(action)
        elif isinstance(action, ReadBeat):
            process = self._children.get(action.incarnation)
            last_beat = process.child.place.last_beat() if process else 0.0
            return [BeatRead(action.incarnation, last_beat)]
        elif isinstance(action, ReadDump):
            process = self._children.get(action.incarnation)
            dump = process.child.place.take_dump() if process else ""
            return [DumpRead(action.incarnation, dump)]
        elif isinstance(action, CallReloadHooks):
            self._dispatcher.call_reload_hooks()
        elif isinstance(action, PrepareReload):
            return self.prepare_reload()
        elif isinstance(action, UndoReload):
            return self.undo_reload()
        else:
            self._tell(action)
        return ()

    def _tell(self, action: Action) -> None:
        """What is for the manager itself."""
        if isinstance(action, CommandDone):
            self.command_done(action)
        elif isinstance(action, AskShutdown):
            self.ask_shutdown()
        elif isinstance(action, Exit):
            self.exit_status = action.status

    def _publish(self, event: Event) -> None:
        self._dispatcher.publish(event)
        if isinstance(event, ManagerReloaded | ReloadUndone):
            self.reloaded()

    def most_starts(self) -> int:
        """How many processes may be started before signals are looked at again."""
        try:
            return self._spawner().most_starts
        except OSError:
            # no descriptor for it: one start finds out what to say
            return 1

    def _spawn(self, incarnations: list[Incarnation]) -> Iterator[Message]:
        starts = [self._start(incarnation) for incarnation in incarnations]
        try:
            children = self._spawner().spawn(starts)
        except OSError as error:
            # no descriptor for the spawner itself
            children = [WorkerStartError(f"cannot start: {error}")] * len(starts)
        for incarnation, child in zip(incarnations, children, strict=True):
            if isinstance(child, WorkerStartError):
                yield SpawnFailed(incarnation, str(child))
                continue
            process = WorkerProcess(incarnation, child)
            definition = self._definitions[incarnation.service_id]
            process.notifies, process.undecided = definition.notified, definition.executes
            child.place.occupy(child.pid)
            self._children.add(process)
            self.watch(process)
            yield Spawned(incarnation, child.pid)

    def _start(self, incarnation: Incarnation) -> Start:
        definition = self._definitions[incarnation.service_id]
        executes = definition.executes
        assignment = Assignment(
            service_id=definition.service_id,
            worker_id=incarnation.worker_id,
            service_name=definition.name,
            factory=definition.factory,
            class_known=definition.service_class is not None,
            args=definition.args,
            kwargs=definition.kwargs,
            new_worker_hooks=tuple(self._hooks.new_worker),
            grace=self._grace(),
            configured_grace=definition.graceful_shutdown_timeout,
            known_grace=definition.grace,
            ready_when=definition.options.ready_when,
            watchdog=definition.options.watchdog,
            watchdog_timeout=definition.options.watchdog_timeout,
            max_memory=definition.options.max_memory,
            max_tasks=definition.options.max_tasks,
            recycle_jitter=definition.options.recycle_jitter,
            program_name=self._program_name,
            own_group=self._leads_session,
            stderr_captured=definition.options.capture_stderr,
            notify_address=self.notify_address() if executes else None,
        )
        sockets = self.sockets(definition.options.sockets)
        return Start(assignment, executes, definition.options.capture_stderr, sockets)

    def _signal(self, action: Signal) -> Iterable[Message]:
        process = self._children.get(action.incarnation)
        if process is None:
            return ()
        if _has_to_wait(process, action.request):
            process.undelivered.append(action.request)
            return ()
        if action.request is Request.RELOAD and not process.reload_signal:
            return [LeaveAsked(action.incarnation)]
        if self.signalled is not None:
            self.signalled(process, action.request)
        if action.request is Request.ABORT:
            definition = self._definitions.get(action.incarnation.service_id)
            # a service that was removed meanwhile has no wish any more
            force(process, int(definition.options.watchdog_signal) if definition else SIGKILL)
        else:
            send(process, action.request)
        if action.request is Request.RELOAD and process.executed:
            # it does not say when it has done so
            return [Reloaded(action.incarnation)]
        return ()


def send(process: WorkerProcess, request: Request) -> None:
    """Send the signal that stands for the request."""
    child = process.child
    if request is Request.KILL:
        process.killed = True
        child.send(SIGKILL)
    elif request is Request.DUMP:
        # it comes before there is a handler, or to a program: it would end that
        if child.listening and child.place.dump_signal and not process.executed:
            process.wrote_dump = True
            force(process, child.place.dump_signal)
    elif request is Request.INTERRUPT:
        child.send(signal.SIGINT)
    elif request is Request.RELOAD:
        child.send(process.reload_signal or process.stop_signal)
    else:
        force(process, process.stop_signal)


def force(process: WorkerProcess, number: int) -> None:
    """Send a signal, to one that was stopped, too: it can obey only when it goes on."""
    process.child.send(number)
    if SIGCONT is not None:
        process.child.send(SIGCONT)


def listening(process: WorkerProcess) -> None:
    """The process has its signal handlers."""
    process.child.listening = True
    deliver(process)


def remains(process: WorkerProcess) -> None:
    """No program takes the process over."""
    process.undecided = False
    deliver(process)


def deliver(process: WorkerProcess) -> None:
    """Send what has waited and need not any more."""
    waiting, process.undelivered = process.undelivered, []
    for request in waiting:
        if _has_to_wait(process, request):
            process.undelivered.append(request)
        else:
            send(process, request)


def taken_over(process: WorkerProcess, reload_signal: int | None) -> LeaveAsked | None:
    """A program takes the process over; the signal that has it reload, if there is one.

    A reload that has waited is not told to it: until it has its handler, that would end it.
    """
    process.undecided, process.reload_signal = False, reload_signal
    told = Request.RELOAD in process.undelivered
    process.undelivered = [each for each in process.undelivered if each is not Request.RELOAD]
    return LeaveAsked(process.incarnation) if told else None


def _has_to_wait(process: WorkerProcess, request: Request) -> bool:
    """Whether the process would miss the signal, or end by it."""
    if request is Request.RELOAD and process.undecided:
        return True
    return not process.child.listening and request in (Request.STOP, Request.RELOAD)

"""Puts the parts of a running manager together, and takes them apart again."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from cotyledon_core.chance import fraction
from cotyledon_core.exceptions import ConfigurationError, shown
from cotyledon_core.log import Log
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.process import board, contexts, selector, session, spawner, title
from cotyledon_core.process.channel import Channel
from cotyledon_core.process.descriptors import fill_standard_descriptors
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.signals import SIGALRM, SIGHUP, SIGINT, SIGTERM, STOPPING, Signals
from cotyledon_core.process.stamps import Stamps
from cotyledon_core.record import replace
from cotyledon_core.runtime import beforehand
from cotyledon_core.runtime.awaited import AwaitedCommands
from cotyledon_core.runtime.children import Children
from cotyledon_core.runtime.dispatcher import Dispatcher, ForeignCode
from cotyledon_core.runtime.environment import OwnEnvironment
from cotyledon_core.runtime.executor import Executor
from cotyledon_core.runtime.hooks import Hooks
from cotyledon_core.runtime.household import CAN_FORK, Household
from cotyledon_core.runtime.listeners import Listeners
from cotyledon_core.runtime.loop import Loop, Ready
from cotyledon_core.runtime.reload import Reload, Reloader
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.supervision.messages import OperatorCommand
from cotyledon_core.supervision.supervisor import Supervisor
from cotyledon_core.types import ServiceId
from cotyledon_core.vitals import Vitals
from cotyledon_core.worker.recycling import can_measure_memory

FIRST_RETRY = 0.1
LAST_RETRY = 5.0
"""Seconds between attempts to get the descriptors that the manager needs."""
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN})

LOG = Log("cotyledon_core")


class Engine:
    """What stays the same before, while and after a manager runs.

    :param grace: the manager's grace period in seconds; 0 waits without end.
    """

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self.spawn_interval = 0.0
        """The least time between two starts, in seconds."""
        self.stop_delay = 0.0
        """Seconds from an accepted stop until the workers are asked to end."""
        self.dump_signal = board.default_signal()
        """What asks a worker for its stacks; 0 for nothing."""
        self.hooks = Hooks()
        self.definitions: dict[ServiceId, ServiceDefinition] = {}
        self.sizes: dict[ServiceId, int] = {}
        """How many workers each service has to have; others than its definition said once."""
        self.reloader: Reloader | None = None
        self._reload: Reload | None = None
        self._environment = OwnEnvironment()
        self.listeners = Listeners(self.definitions)
        self._foreign_code = ForeignCode(self._has_foreign_code)
        self._commands: deque[msg.Message] = deque()
        self.awaited = AwaitedCommands()
        self._run: Run | None = None
        self._signals = Signals(
            STOPPING,
            urgent=self._urgent,
            private=True,
        )
        self._signals.install()

    def _has_foreign_code(self) -> bool:
        return self.hooks.any_in_manager or any(
            definition.restart_policy is not None for definition in list(self.definitions.values())
        )

    # -- from any thread

    def add(self, definition: ServiceDefinition) -> None:
        self.sizes[definition.service_id] = definition.workers
        self.definitions[definition.service_id] = definition
        self.listeners.admit(definition)
        if definition.options.max_memory and not can_measure_memory():
            LOG.warning(
                "service %s: max_memory has no effect, this platform tells no process's size",
                definition.name,
            )
        self._post(msg.AddService(definition.spec(self._foreign_code)))

    def scale(self, service_id: ServiceId, workers: int) -> None:
        self.sizes[service_id] = workers
        self._post(msg.Scale(service_id, workers))

    def command(
        self, command: OperatorCommand, done: Callable[[CommandDone], None] | None = None
    ) -> int:
        """Have an operator's command obeyed, and tell once what has become of it.

        Where the manager is not running yet, it is obeyed before anything is started.

        :param command: without its number.
        :param done: called on the thread that runs the manager, at the latest at its end; after
            that at once.
        :return: the command's number; 0 without ``done``.
        """
        number = self.awaited.add(done) if done is not None else 0
        if isinstance(command, msg.Scale) and command.service_id in self.sizes:
            self.sizes[command.service_id] = command.workers
        self._post(replace(command, number=number) if number else command)
        return number

    def forget(self, number: int) -> None:
        """Do not tell what becomes of this command."""
        self.awaited.remove(number)
        self._post(msg.Forget(number))

    def set_grace(self, grace: float) -> None:
        self.grace = grace
        if self._run is not None:
            self._run.household.set_grace(grace)
        self._post(msg.SetGrace(grace))

    def shut_down(self) -> None:
        self._signals.post(SIGTERM)

    def ask_reload(self) -> None:
        if SIGHUP is not None:
            self._signals.post(SIGHUP)

    def _post(self, message: msg.Message) -> None:
        self._commands.append(message)
        self._signals.wake()

    # -- in a signal handler

    def _urgent(self, number: int) -> None:
        """What cannot wait until a hook returns."""
        if self._run is None:
            return
        household = self._run.household
        if number == SIGTERM:
            household.accept_stop()
        elif number in (SIGINT, SIGALRM) and self._foreign_code.running:
            household.force_exit()

    # -- running

    def run(
        self,
        name: str,
        context: Callable[[], Any],
        notifiers: Mapping[str, Notifier],
        target: Callable[[Reload], Any],
    ) -> int:
        """Supervise until the end; return the exit status.

        :param context: the multiprocessing context for the workers, None for the default.
        :param target: makes what a changed configuration is applied to.
        """
        # what is there now stays: kept out of garbage collection, it is not
        # touched, and so not copied, in any worker
        gc.freeze()
        try:
            run = self._assemble(context, notifiers)
            if run is None:
                return 1 if self._signals.is_pending(SIGINT, SIGALRM or SIGINT) else 0
            self._run = run
            if self._signals.is_pending(SIGTERM):
                run.household.accept_stop()
            self._environment.take()
            try:
                self.listeners.begin(self._environment.values)
                run.household.open()
                loop = run.loop(lambda: self._prepare_reload(target), self._undo_reload)
                services = beforehand.take_services(self._commands)
                return loop.run(msg.Start(os.getpid(), name, services))
            finally:
                self._run = None
                run.close()
                self.listeners.close()
                self.awaited.end()
        finally:
            self._signals.restore()

    def _assemble(
        self, context: Callable[[], Any], notifiers: Mapping[str, Notifier]
    ) -> Run | None:
        """Get all descriptors, as soon as there are enough; None if a stop comes first."""
        delay = FIRST_RETRY
        while True:
            try:
                fill_standard_descriptors()
                self._signals.open()
                return Run(self, context, notifiers)
            except OSError as error:
                self._signals.close()
                if error.errno not in EXHAUSTED:
                    raise
                LOG.error("cannot start yet, will try again in %.1f s: %s", delay, error)
            self._signals.wait(delay)
            if self._signals.is_pending(SIGTERM, SIGINT, SIGALRM or SIGINT):
                return None
            delay = min(delay * 2, LAST_RETRY)

    # -- a reload

    def grace_of(self, service_id: ServiceId) -> float | None:
        """The grace period that is configured for a service, in seconds."""
        return self.definitions[service_id].graceful_shutdown_timeout

    def set_grace_of(self, service_id: ServiceId, grace: float | None) -> None:
        """Tell the workers of a service of their grace period, where they can be told.

        Those that are started from now on learn it from the service's definition.
        """
        assert self._run is not None
        for process in self._run.children.all():
            if process.incarnation.service_id == service_id:
                process.child.place.set_grace(grace)

    def change_notifiers(
        self, notifiers: Mapping[str, Notifier], unchanged: Container[str]
    ) -> None:
        """Tell events to these notifiers instead, from the manager's thread while it runs.

        :param notifiers: all there shall be, by name and in order.
        :param unchanged: the names of those that stay as they are.
        """
        if self._run is not None:
            self._run.household.change_notifiers(notifiers, unchanged)

    def _prepare_reload(self, target: Callable[[Reload], Any]) -> Iterable[msg.Message]:
        """The configuration first; only if that holds anything changes."""
        assert self._run is not None
        reload = self._reload = Reload(self.definitions, self.sizes, self._foreign_code)
        try:
            # plugins and mutate hooks have their part in it
            with self._foreign_code.entered():
                self._collect(reload, target)
        except BaseException as error:
            reload.undone()
            if isinstance(error, ConfigurationError):
                return [msg.RefuseReload(str(error))]
            LOG.exception("the reload cannot be begun")
            return [msg.RefuseReload(shown(error))]
        self._run.household.reloaded()
        return reload.messages()

    def _collect(self, reload: Reload, target: Callable[[Reload], Any]) -> None:
        if self.reloader is None:
            for definition in list(self.definitions.values()):
                reload.change(definition, definition.manner)
        else:
            with self._environment.restored():
                take_over = self.reloader.prepare()
            take_over(target(reload))
        self.listeners.open()

    def _undo_reload(self) -> Iterable[msg.Message]:
        if self._reload is None or self.reloader is None or not self.reloader.undoes:
            return [msg.Reload(undo=True)]
        with self._foreign_code.entered():
            return self._reload.undone()

    @property
    def signals(self) -> Signals:
        return self._signals

    @property
    def commands(self) -> deque[msg.Message]:
        return self._commands

    @property
    def foreign_code(self) -> ForeignCode:
        return self._foreign_code


class Run:
    """What exists only while the manager runs."""

    def __init__(
        self,
        engine: Engine,
        context: Callable[[], Any],
        notifiers: Mapping[str, Notifier],
    ) -> None:
        self._engine = engine
        self._context = context
        self._loop: Loop | None = None
        self._spawners: dict[int, tuple[Any, spawner.Spawner]] = {}
        with contextlib.ExitStack() as opened:
            self._roll = Roll()
            opened.callback(self._roll.close)
            self._selector = selector.make()
            opened.callback(selector.close, self._selector)
            self._channel = Channel(portable=not CAN_FORK)
            opened.callback(self._channel.close)
            self._board = board.Board(engine.dump_signal)
            opened.callback(self._board.close)
            self._board.open()
            self._opened = opened.pop_all()
        self._roll.set_grace(engine.grace)
        self._selector.register(engine.signals.reader, selectors.EVENT_READ)
        self._selector.register(self._channel.reader, selectors.EVENT_READ)
        self.children = Children(self._roll)
        self._supervisor = Supervisor(
            engine.grace, engine.spawn_interval, fraction, engine.stop_delay
        )
        self._stamps = self._board.stamps or Stamps()
        self.dispatcher = Dispatcher(engine.hooks, engine.foreign_code, Vitals(self._stamps))
        for name, notifier in notifiers.items():
            self.dispatcher.add_notifier(name, notifier, may_host=CAN_FORK)
        self.household = Household(
            self.children,
            self._roll,
            self._selector,
            self.dispatcher,
            engine.foreign_code,
            engine.signals,
            session.leads(),
        )

    def loop(
        self,
        prepare_reload: Callable[[], Iterable[msg.Message]],
        undo_reload: Callable[[], Iterable[msg.Message]],
    ) -> Loop:
        engine = self._engine
        executor = Executor(
            engine.definitions,
            self.children,
            self.dispatcher,
            engine.hooks,
            title.program_name(),
            spawner=self._spawner,
            grace=lambda: engine.grace,
            leads_session=self.household.leads_session,
        )
        self._loop = Loop(
            self._supervisor,
            executor,
            self.children,
            self.household,
            engine.signals,
            self._selector,
            self._wait,
            self._channel,
            engine.commands,
            self.dispatcher.flush,
            self.dispatcher.hook_failed,
        )
        executor.watch = self._loop.watch
        executor.notify_address = self._loop.notify_address
        executor.sockets = engine.listeners.of
        executor.ask_shutdown = engine.shut_down
        executor.reloaded = engine.listeners.close_unused
        executor.command_done = engine.awaited.tell
        executor.prepare_reload = prepare_reload
        executor.undo_reload = undo_reload
        return self._loop

    def _wait(self, timeout: float | None) -> Ready:
        """Wait for something to happen; the turn begins when it has.

        :param timeout: seconds; None waits without end.
        """
        self._stamps.turn_ends()
        ready = self._selector.select(timeout)
        self._stamps.turn_begins(time.monotonic())
        return ready

    def _spawner(self) -> spawner.Spawner:
        """The spawner for the context of this moment: it may be changed while running."""
        context = contexts.resolve(self._context())
        if id(context) not in self._spawners:
            # kept beside its spawner, so that the id stays its own
            made = spawner.make(
                context, self._channel, self._board, self._roll, before=self.household.guard
            )
            self._spawners[id(context)] = (context, made)
        return self._spawners[id(context)][1]

    def close(self) -> None:
        """Take everything apart; after an error, the workers are ended first.

        Those that are left at a decided end have outlived SIGKILL.
        """
        with self._opened:
            # the last that is put here comes first, and all of it comes
            if self._loop is not None:
                self._opened.callback(self._loop.close)
            for _, made in self._spawners.values():
                self._opened.callback(made.close)
            self._opened.callback(self.household.close)
            if self._loop is not None and not self._loop.done:
                self._opened.callback(self.household.end_workers)

"""Puts the parts of a running manager together, and takes them apart again."""

from __future__ import annotations

import errno
import functools
import gc
import os
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from cotyledon_core.control_settings import NO_CONTROL, ControlSettings
from cotyledon_core.exceptions import ConfigurationError, shown
from cotyledon_core.log import Log
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.process import board
from cotyledon_core.process.descriptors import fill_standard_descriptors
from cotyledon_core.process.signals import (
    SIGALRM,
    SIGHUP,
    SIGINT,
    SIGTERM,
    SIGTTIN,
    SIGTTOU,
    STOPPING,
    Signals,
    existing,
    keep_exit_status,
)
from cotyledon_core.record import replace
from cotyledon_core.runtime import beforehand
from cotyledon_core.runtime.awaited import AwaitedCommands
from cotyledon_core.runtime.dispatcher import ForeignCode
from cotyledon_core.runtime.environment import OwnEnvironment
from cotyledon_core.runtime.failure import stopped_by
from cotyledon_core.runtime.hooks import Hooks
from cotyledon_core.runtime.listeners import Listeners
from cotyledon_core.runtime.reload import Reload, Reloader
from cotyledon_core.runtime.run import Run
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.supervision.messages import OperatorCommand
from cotyledon_core.types import ServiceId
from cotyledon_core.worker.recycling import can_measure_memory

FIRST_RETRY = 0.1
LAST_RETRY = 5.0
"""Seconds between attempts to get the descriptors that the manager needs."""
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN})

LOG = Log("cotyledon_core")

_keep_what_is_there = functools.cache(gc.freeze)
"""Nothing of it is collected: that would copy all the memory that the workers share.

Once in a process, as what one manager has made is not to stay for the next.
"""


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
        self.control = NO_CONTROL
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

    def scale_by_signals(self, wanted: bool) -> None:
        """Have SIGTTIN and SIGTTOU scale the only service. Main thread only."""
        if wanted:
            self._signals.add_own(*existing(SIGTTIN, SIGTTOU))

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
        self.command(msg.Scale(service_id, workers))

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
        # a reload may have removed it meanwhile
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

    def set_control(self, settings: ControlSettings) -> None:
        """For clients that connect from now on; the socket itself stays."""
        self.control = settings
        if self._run is not None and self._run.server is not None:
            self._run.server.settings = settings

    def shut_down(self, *, graceful: bool = True) -> None:
        self._signals.post(SIGTERM if graceful else SIGINT)

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
        _keep_what_is_there()
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
                run.open_control(name)
                run.household.open()
                loop = run.loop(lambda: self._prepare_reload(target), self._undo_reload)
                services = beforehand.take_services(self._commands)
                return loop.run(msg.Start(os.getpid(), name, services))
            except BaseException as error:
                run.dispatcher.publish(stopped_by(error))
                raise
            finally:
                self._run = None
                run.close()
                self.listeners.close()
                self.awaited.end()
        finally:
            self._signals.restore()
            keep_exit_status()

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

    def preview_reload(self) -> dict[str, Any]:
        """What a reload would change.

        :raises ConfigurationError: with every fault found.
        """
        if self.reloader is None:
            return {}
        with self._foreign_code.entered(), self._environment.restored():
            return self.reloader.preview()

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

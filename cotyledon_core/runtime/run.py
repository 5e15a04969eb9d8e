"""One run of the manager: its parts, put together and taken apart again."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cotyledon_core.chance import fraction
from cotyledon_core.control import SOCKET_VARIABLE
from cotyledon_core.ledger import Stage
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.process import board, contexts, selector, session, spawner, title
from cotyledon_core.process.channel import Channel
from cotyledon_core.process.roll import Roll
from cotyledon_core.process.stamps import Stamps
from cotyledon_core.runtime.children import Children
from cotyledon_core.runtime.dispatcher import Dispatcher
from cotyledon_core.runtime.executor import Executor
from cotyledon_core.runtime.household import CAN_FORK, Household
from cotyledon_core.runtime.loop import Loop, Ready
from cotyledon_core.runtime.scale_signals import ScaleSignals
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.supervisor import Supervisor
from cotyledon_core.vitals import Vitals

if TYPE_CHECKING:
    from cotyledon_core.control.server import Server
    from cotyledon_core.control_settings import ControlSettings
    from cotyledon_core.runtime.children import WorkerProcess
    from cotyledon_core.runtime.engine import Engine
    from cotyledon_core.runtime.recorder import Recorder
    from cotyledon_core.supervision.actions import Request


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
        self.server: Server | None = None
        self._signalled: Callable[[WorkerProcess, Request], None] | None = None
        self.recorder: Recorder | None = None
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

    def open_control(self, name: str) -> None:
        """Open the control socket, if there is to be one.

        :param name: the manager's.
        :raises ConfigurationError: if the manager must not start without it.
        """
        settings = self._engine.control
        self._record(settings, name)
        if settings.socket:
            from cotyledon_core.runtime.log_levels import LogLevels
            from cotyledon_core.runtime.steering import Steering, open_server

            assert self.recorder is not None
            steering = Steering(
                self._engine,
                self.dispatcher,
                self._supervisor,
                self._stopping,
                self.children,
                self.recorder,
                LogLevels(self._board, self._engine.definitions, self.children),
            )
            self.server = open_server(settings, name, self._selector, steering)
            if self.server is not None:
                self._opened.callback(self.server.close)
        if self.server is not None:
            self.household.give_workers({SOCKET_VARIABLE: self.server.path})
        elif SOCKET_VARIABLE in os.environ:
            # that of a manager which this one is a worker of is not theirs
            self.household.give_workers({SOCKET_VARIABLE: ""})

    def _stopping(self) -> bool:
        """Whether a stop was accepted, or has begun by itself."""
        if self.household.stop_accepted_at is not None:
            return True
        # what has happened in this turn is not told yet
        self.dispatcher.flush()
        return self.dispatcher.ledger.stage in (Stage.STOPPING, Stage.STOPPED)

    def _record(self, settings: ControlSettings, name: str) -> None:
        """Keep the last events and decisions, if anybody could read them."""
        if not settings.records:
            return
        from cotyledon_core.runtime.flight import Flight

        flight = Flight(settings, name, self._engine.definitions)
        self.recorder = flight.recorder
        self.dispatcher.record = flight.recorder.note
        self._signalled = flight.signalled
        # the last step: what happens until then belongs to it
        self._opened.callback(lambda: flight.end(failed=self._failed))

    @property
    def _failed(self) -> bool:
        return self._loop is None or not self._loop.done or self._loop.exit_status != 0

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
        if self.server is not None:
            self._loop.visitors = self.server
        self._loop.scale = ScaleSignals(engine, self._stopping).obey
        executor.watch = self._loop.watch
        executor.signalled = self._signalled
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

"""The control socket's way to a running manager, and its opening."""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cotyledon_core.control.access import Peer
from cotyledon_core.control.listener import InUse, Listener, Unusable, expanded
from cotyledon_core.control.server import Server
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.ledger import Ledger
from cotyledon_core.log import Log
from cotyledon_core.process import clock
from cotyledon_core.runtime.children import Children, WorkerProcess
from cotyledon_core.runtime.dispatcher import Dispatcher
from cotyledon_core.runtime.log_levels import LogLevels
from cotyledon_core.runtime.recorder import Commanded, Recorder
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.supervision.messages import OperatorCommand
from cotyledon_core.supervision.snapshot import WorkerSnapshot
from cotyledon_core.supervision.supervisor import Supervisor
from cotyledon_core.types import ServiceId, WorkerId

if TYPE_CHECKING:
    from cotyledon_core.runtime.engine import Engine

LOG = Log("cotyledon_core")


class Steering:
    """See :class:`cotyledon_core.control.steering.Manager`."""

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        supervisor: Supervisor,
        stopping: Callable[[], bool],
        children: Children,
        recorder: Recorder,
        log_levels: LogLevels,
    ) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._supervisor = supervisor
        self._stopping = stopping
        self._children = children
        self.recorder = recorder
        self.log_levels = log_levels

    @property
    def ledger(self) -> Ledger:
        # what has happened in this turn is not told yet
        self._dispatcher.flush()
        return self._dispatcher.ledger

    @property
    def stopping(self) -> bool:
        return self._stopping()

    def peek(self, service_id: ServiceId, worker_id: WorkerId) -> WorkerSnapshot | None:
        return self._supervisor.peek(service_id, worker_id)

    def expected(self, service_id: ServiceId) -> int:
        return self._supervisor.expected(service_id)

    def note_command(self, text: str, peer: Peer) -> None:
        at, wall_time = clock.now()
        self.recorder.note(Commanded(at, wall_time, text, peer.uid, peer.pid))
        LOG.info("control: %s, asked for by %s", text, peer)

    def command(self, command: OperatorCommand, done: Callable[[CommandDone], None]) -> int:
        return self._engine.command(command, done)

    def forget(self, number: int) -> None:
        self._engine.forget(number)

    def preview_reload(self) -> dict[str, Any]:
        return self._engine.preview_reload()

    def worker(self, service_id: ServiceId, worker_id: int) -> WorkerProcess | None:
        found = None
        for process in self._children.all():
            incarnation = process.incarnation
            if (incarnation.service_id, incarnation.worker_id) == (service_id, worker_id):
                found = process
        return found

    def shut_down(self, *, graceful: bool) -> None:
        self._engine.shut_down(graceful=graceful)


def open_server(
    settings: ControlSettings, name: str, selector: selectors.BaseSelector, steering: Steering
) -> Server | None:
    """Take the socket, before anything is supervised.

    :param name: the manager's.
    :returns: None, after a warning, if it cannot be had and need not.
    :raises ConfigurationError: if the manager must not start.
    """
    path = expanded(settings.socket, name, os.geteuid())
    try:
        listener = Listener(path, settings)
    except InUse as error:
        who = f"the manager with pid {error.pid}" if error.pid else "another manager"
        text = f"[control] socket: {who} runs with {path}; stop it first, or use another path"
        raise ConfigurationError([text]) from error
    except Unusable as error:
        text = f"[control] socket: cannot listen at {path}: {error}"
        if settings.required:
            raise ConfigurationError([f"{text}; it is required"]) from error
        LOG.warning("%s; the services run without it", text)
        return None
    return Server(listener, selector, steering, settings)

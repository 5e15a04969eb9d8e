"""What feeds the flight recorder, and what becomes of it when the manager fails."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cotyledon_core.control.listener import expanded
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.log import Log
from cotyledon_core.process import clock, remnants
from cotyledon_core.runtime.children import WorkerProcess
from cotyledon_core.runtime.helper import Helper, Receive
from cotyledon_core.runtime.household import GUARDED
from cotyledon_core.runtime.recorder import Recorder, Signalled
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.supervision.actions import Request
from cotyledon_core.types import ServiceId

PATIENCE = 2.0
"""Seconds that the file may take, at the manager's end."""

LOG = Log("cotyledon_core")


class Flight:
    """One run of the manager.

    :param name: the manager's.
    """

    def __init__(
        self,
        settings: ControlSettings,
        name: str,
        definitions: Mapping[ServiceId, ServiceDefinition],
    ) -> None:
        self.recorder = Recorder(settings.flight_recorder_size)
        self._path = expanded(settings.flight_recorder_file, name, os.geteuid())
        self._definitions = definitions

    def signalled(self, process: WorkerProcess, request: Request) -> None:
        """A worker is sent a signal."""
        at, wall_time = clock.now()
        incarnation = process.incarnation
        definition = self._definitions.get(incarnation.service_id)
        self.recorder.note(
            Signalled(
                at=at,
                wall_time=wall_time,
                service=definition.name if definition else "",
                service_id=incarnation.service_id,
                worker_id=incarnation.worker_id,
                incarnation=incarnation.number,
                pid=process.child.pid,
                request=request.value,
            )
        )

    def end(self, *, failed: bool) -> None:
        """The manager ends; a disk that hangs does not keep it."""
        if not (failed and self._path):
            return
        if not GUARDED:
            self._write()
            return
        writer = Helper("flight recorder", self._write)
        try:
            pid = writer.start()
        except OSError:
            return
        held = remnants.Held()
        held.hold([pid])
        writer.let_go()
        remnants.see_off(held, PATIENCE)

    def _write(self, receive: Receive | None = None) -> None:
        try:
            self.recorder.write(self._path)
        except OSError as error:
            LOG.error("the flight recorder cannot be written to %s: %s", self._path, error)

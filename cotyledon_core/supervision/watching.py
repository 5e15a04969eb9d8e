"""Workers that do not become ready, and workers that fall silent.

A heartbeat is a stamp in memory that the worker shares with the manager; it is
looked at only when the time by which the next one is due has come. A worker is
taken for hung at the second look that finds nothing new, a quarter of its time
after the first. A look that comes late does not count: whatever held up the
manager may have held up the worker, which gets the whole time again. So a
machine that was stopped, suspended or starved finds its workers alive.
"""

from __future__ import annotations

import math

from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import ReadBeat
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.states import State
from cotyledon_core.supervision.stopping import Stopping
from cotyledon_core.supervision.timers import Kind, Timer
from cotyledon_core.supervision.worker import Ending, Worker

LATE = 0.5
"""Seconds after its time from which on a look does not count."""
MOMENTS = 20
"""To so many moments in the watchdog's time looks are put off, so that many are taken together."""
SECOND_LOOK = 0.25
"""The part of the watchdog's time after which it looks again."""


class Watching:
    """See the module's description."""

    def __init__(self, situation: Situation, stopping: Stopping) -> None:
        self._situation = situation
        self._stopping = stopping

    # -- readiness

    def spawned(self, worker: Worker) -> None:
        """From now on the time for its start runs."""
        timeout = worker.service.spec.start_timeout
        if timeout > 0:
            self._look_at(worker, Kind.START, self._situation.now + timeout)

    def ready(self, worker: Worker) -> None:
        """From now on heartbeats are awaited."""
        self._situation.deadlines.cancel(Timer(Kind.START, worker))
        if worker.state is State.RUNNING and worker.watchdog_timeout > 0:
            worker.last_beat = self._situation.now
            self._await_beat(worker)

    def start_overdue(self, worker: Worker) -> None:
        if self._is_late(worker):
            self.spawned(worker)
        else:
            self._stopping.end_hung(worker, Ending.START_TIMEOUT)

    # -- heartbeats

    def beat(self, message: msg.Beat) -> None:
        """A heartbeat that came as a message."""
        worker = self._situation.roster.worker(message.incarnation)
        worker.last_beat = max(worker.last_beat, message.at)

    def beat_overdue(self, worker: Worker) -> None:
        self._situation.agenda.add(ReadBeat(worker.incarnation))

    def beat_read(self, message: msg.BeatRead) -> None:
        worker = self._situation.roster.worker(message.incarnation)
        if worker.state is not State.RUNNING:
            return
        timeout, now = worker.watchdog_timeout, self._situation.now
        worker.last_beat = max(worker.last_beat, message.at)
        if worker.last_beat + timeout > now:
            self._await_beat(worker)
        elif self._is_late(worker):
            self._look_at(worker, Kind.WATCHDOG, now + timeout)
        elif not worker.suspected:
            worker.suspected = True
            self._look_at(worker, Kind.WATCHDOG, now + timeout * SECOND_LOOK)
        else:
            self._stopping.end_hung(worker, Ending.HUNG)

    def _await_beat(self, worker: Worker) -> None:
        worker.suspected = False
        timeout = worker.watchdog_timeout
        moment = timeout / MOMENTS
        due = worker.last_beat + timeout
        # rounded up, and not down again by the product
        self._look_at(worker, Kind.WATCHDOG, max(math.ceil(due / moment) * moment, due))

    # -- both

    def extended(self, message: msg.TimeoutExtended) -> None:
        """A worker needs longer for what it does: to start, to stop, or until its next heartbeat.

        As EXTEND_TIMEOUT_USEC of sd_notify(3): the time is counted from now on,
        and nothing becomes shorter.
        """
        worker = self._situation.roster.worker(message.incarnation)
        until = self._situation.now + message.seconds
        if worker.state is State.STOPPING:
            self._stopping.extend(worker, until)
        else:
            for kind in (Kind.START, Kind.WATCHDOG):
                if self._situation.deadlines.extend(Timer(kind, worker), until):
                    worker.look_due = until
                    worker.suspected = False

    def _look_at(self, worker: Worker, kind: Kind, when: float) -> None:
        worker.look_due = when
        self._situation.deadlines.set(Timer(kind, worker), when)

    def _is_late(self, worker: Worker) -> bool:
        return self._situation.now - worker.look_due > LATE

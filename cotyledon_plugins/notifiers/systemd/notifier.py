"""What systemd is told of which event, and when.

READY, RELOADING, STOPPING and the exit status are kept until there is room for them, so that
their order stands and none is lost. What can be said again, the status and the watchdog's
food, is put off meanwhile. Nothing here waits but the end, and that not for long.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from cotyledon_core import Event, Ledger, Notifier, Share, Stage, events
from cotyledon_plugins.notifiers.systemd.sd_notify import RETRY_AFTER, Sender, is_address
from cotyledon_plugins.notifiers.systemd.status import status_line
from cotyledon_plugins.notifiers.systemd.times import (
    Extension,
    Watchdog,
    may_become_ready,
    watchdog_interval,
)

LOG = logging.getLogger(__name__)

STATUS_LIMIT = 2048
"""Bytes. systemd drops a message of 4096 bytes or more, with all that is in it."""
STATUS_EVERY = 1.0
"""The least time in seconds from one status to the next that is told for its own sake."""
LAST_PATIENCE = 0.5
"""Seconds at the end until the last messages have been handled."""


class Systemd(Notifier):
    """Tells the service manager of start, reload and stop, and that the manager is alive.

    Each of these messages, and each change of what workers do, comes with a ``STATUS``.

    :param socket: where to send, a path or ``@`` and an abstract name; the
        environment variable ``NOTIFY_SOCKET`` unless given. Without either
        nothing is sent.
    :param watchdog_quorum: so many of all wanted workers (``3`` or ``50%``) have to be ready
        for the watchdog to be fed; ``0`` for whatever their number.
    :param extend_timeout: seconds by which the timeouts of start, reload and stop are extended
        at a time; 0 for never.
    :param extend_limit: seconds without progress after which they are not extended any more.
    :raises ValueError: for a wrong option.
    """

    blocking = False

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt(
                "socket",
                help="Where to send sd_notify messages: a path, or @ and an abstract name. "
                "The environment variable NOTIFY_SOCKET unless given.",
            ),
            cfg.StrOpt(
                "watchdog_quorum",
                default="0",
                help="So many of all wanted workers have to be ready for systemd's watchdog to "
                "be fed: a number such as 3, or a percentage such as 50%. Without them systemd "
                "restarts the manager after WatchdogSec. 0: it is fed whatever workers do.",
            ),
            cfg.FloatOpt(
                "extend_timeout",
                default=10.0,
                min=0,
                help="While a start, a reload or a stop goes on, systemd's timeout for it is "
                "extended by so many seconds at a time. 0: never.",
            ),
            cfg.FloatOpt(
                "extend_limit",
                default=600.0,
                min=0,
                help="For so many seconds without progress, such as a worker that gets ready, "
                "systemd's timeouts are extended.",
            ),
        ]

    @classmethod
    def check_options(
        cls,
        socket: str | None = None,
        watchdog_quorum: int | str = "0",
        extend_timeout: float = 10.0,
        extend_limit: float = 600.0,
    ) -> None:
        """
        :raises ValueError: with a line for each option that is wrong.
        """
        faults = []
        if socket is not None and not is_address(socket):
            faults.append(f"socket: {socket!r} must be an absolute path or @ and a name")
        try:
            Share.parse(watchdog_quorum)
        except ValueError as error:
            faults.append(f"watchdog_quorum: {error}")
        for name, seconds in (("extend_timeout", extend_timeout), ("extend_limit", extend_limit)):
            if not 0 <= seconds < float("inf"):
                faults.append(f"{name}: {seconds} must be a number of seconds, 0 or more")
        if faults:
            raise ValueError("\n".join(faults))

    def __init__(
        self,
        socket: str | None = None,
        watchdog_quorum: int | str = "0",
        extend_timeout: float = 10.0,
        extend_limit: float = 600.0,
    ) -> None:
        self.check_options(socket, watchdog_quorum, extend_timeout, extend_limit)
        self._sender = Sender(socket or os.environ.get("NOTIFY_SOCKET", ""))
        self._ledger = Ledger()
        self._watchdog = Watchdog(self._watchdog_interval(), Share.parse(watchdog_quorum))
        self._extension = Extension(extend_timeout, extend_limit)
        self._shortage = self._status = self._news = ""
        self._late = self._succeeded = self._replaced = False
        self._reload_told: bool | None = None
        self._status_at = float("-inf")
        self._status_due: float | None = None
        self._retry_due: float | None = None

    def _watchdog_interval(self) -> float:
        try:
            return watchdog_interval(os.environ, os.getpid()) if self._sender.address else 0.0
        except ValueError as error:
            LOG.warning("the service manager's watchdog is not fed: %s", error)
            return 0.0

    # -- the contract

    def notify(self, event: Event) -> None:
        if not self._sender.address:
            return
        tell = _TOLD.get(type(event))
        if tell is not None and self._ledger.stage is Stage.STOPPING and not _is_last(event):
            # a stop is final
            return
        self._note_progress(event)
        self._ledger.note(event)
        if tell is not None:
            tell(self, event)
        else:
            if self._succeeded and isinstance(event, _NEWER):
                self._news = ""
            if self._status_due is None:
                self._status_due = max(event.at, self._status_at + STATUS_EVERY)
        self._flush(event.at)

    def synchronize(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._late = True
        if ledger.stage is Stage.STARTING:
            self._extension.begin(time.monotonic())
        self._status_due = 0.0

    def take_over(self, predecessor: Notifier) -> None:
        """What that one has begun to tell is not over."""
        assert isinstance(predecessor, Systemd)
        if not self._sender.take_over(predecessor._sender):
            return
        predecessor._replaced = True
        self._reload_told = predecessor._reload_told
        self._news, self._succeeded = predecessor._news, predecessor._succeeded
        self._late = predecessor._late
        now = time.monotonic()
        if self._reload_told:
            self._extension.begin(now)
        self._flush(now)

    def deadline(self) -> float | None:
        if not self._sender.address or self._ledger.stage is Stage.STOPPED:
            return None
        due = (self._watchdog.due, self._extension.due, self._status_due, self._retry_due)
        return min((when for when in due if when is not None), default=None)

    def wake(self, now: float) -> None:
        self._flush(now)
        if self._watchdog.due is not None and self._watchdog.due <= now:
            self._feed(now)
        extension = self._ask_for_time(now)
        if extension:
            self._sender.offer(extension)
        if self._status_due is not None and self._status_due <= now:
            self._refresh_status(now)

    def close(self) -> None:
        if self._replaced:
            return
        if self._ledger.stage in (Stage.STOPPING, Stage.STOPPED):
            self._sender.finish(LAST_PATIENCE)
            return
        # a reload has removed it
        if self._reload_told:
            # its end would not be told
            self._sender.send(_ready("reloading, and not notified of it any more"))
        if self._watchdog.interval:
            self._sender.send("WATCHDOG_USEC=0")
        self._reload_told = None
        self._sender.flush()

    # -- what each event makes to be told

    def _start(self, event: events.ManagerStarted) -> None:
        self._extension.begin(event.at)
        self._status_due = event.at

    def _start_ends(self, event: events.ManagerReady) -> None:
        self._extension.end()
        self._tell(event, "READY=1", *self._main_pid())

    def _reload_begins(self, event: Event) -> None:
        """During the start only the STATUS is told: the READY=1 to come would end the start."""
        self._news, self._succeeded = "reloading", False
        self._reload_told = self._ledger.stage is Stage.READY
        if not self._reload_told:
            self._tell(event)
            return
        self._extension.begin(event.at)
        extension = filter(None, [self._ask_for_time(event.at)])
        self._tell(event, "RELOADING=1", f"MONOTONIC_USEC={int(event.at * 1e6)}", *extension)

    def _reload_ends(self, event: Event) -> None:
        if self._reload_told is None and self._ledger.stage is Stage.READY:
            # refused before it began; its end alone would not be heard
            self._reload_begins(event)
        self._news, self._succeeded = _text(event), isinstance(event, events.ManagerReloaded)
        if self._reload_told:
            self._extension.end()
        self._tell(event, *(["READY=1"] if self._reload_told else []))
        self._reload_told = None

    def _reload_undone(self, event: events.ReloadUndone) -> None:
        self._news = "; ".join(filter(None, [self._news, _text(event)]))
        self._tell(event)

    def _stop(self, event: events.ManagerStopping) -> None:
        self._extension.begin(event.at)
        self._tell(event, "STOPPING=1", *filter(None, [self._ask_for_time(event.at)]))

    def _stopped(self, event: events.ManagerStopped) -> None:
        """The status is what is shown of a unit that has ended."""
        if event.status == 0:
            self._sender.send("STATUS=stopped")
            return
        how, why = ("failed", event.error) if event.error else ("stopped", self._ledger.stop_reason)
        reason = f": {why}" if why else ""
        lines = [_status(f"{how} with exit status {event.status}{reason}")]
        lines.append(f"EXIT_STATUS={event.status}")
        if event.errno is not None:
            lines.append(f"ERRNO={event.errno}")
        self._sender.send("\n".join(lines))

    def _main_pid(self) -> Sequence[str]:
        """Process 1 is that of a container, whose number the service manager knows by another."""
        pid = os.getpid()
        return [f"MAINPID={pid}"] if pid != 1 else []

    # -- status

    def _tell(self, event: Event, *assignments: str) -> None:
        """Tell these with the status of this moment."""
        self._status = self._line()
        self._status_at, self._status_due = event.at, None
        self._sender.send("\n".join([*assignments, self._status]))

    def _refresh_status(self, now: float) -> None:
        line = self._line()
        if line == self._status:
            self._status_due = None
        elif self._sender.offer(line):
            self._status, self._status_at, self._status_due = line, now, None
        else:
            self._status_due = now + RETRY_AFTER

    def _line(self) -> str:
        line = status_line(self._ledger, self._news)
        withheld = f"; the watchdog is not fed: {self._shortage}" if self._shortage else ""
        return _status(f"{line}{withheld}")

    def _flush(self, now: float) -> None:
        self._sender.flush()
        self._retry_due = now + RETRY_AFTER if self._sender.waiting else None

    # -- watchdog and timeouts

    def _feed(self, now: float) -> None:
        self._watchdog.put_off(now)
        self._note_shortage(self._watchdog.shortage(self._ledger), now)
        if self._shortage:
            return
        # one before us may have ended it, see close()
        interval = int(self._watchdog.interval * 1e6)
        again = f"\nWATCHDOG_USEC={interval}" if self._late else ""
        if self._sender.offer(f"WATCHDOG=1{again}"):
            self._late = False
        else:
            self._watchdog.due = now + min(RETRY_AFTER, self._watchdog.interval / 2)

    def _note_shortage(self, shortage: str, now: float) -> None:
        if shortage and not self._shortage:
            LOG.warning("the service manager's watchdog is not fed: %s", shortage)
        elif self._shortage and not shortage:
            LOG.warning("the service manager's watchdog is fed again")
        if shortage != self._shortage:
            self._shortage = shortage
            self._status_due = now

    def _ask_for_time(self, now: float) -> str:
        stage = self._ledger.stage
        possible = stage is not Stage.STARTING or may_become_ready(self._ledger)
        return self._extension.ask(now, possible=possible)

    def _note_progress(self, event: Event) -> None:
        """A worker that fails and starts again makes none; asked before the event is noted."""
        if isinstance(event, events.WorkerExited):
            stopping = self._ledger.stage is Stage.STOPPING
            progress = event.asked and (stopping or self._ledger.reloading)
        elif isinstance(event, events.WorkerReady) and self._ledger.stage is not Stage.STOPPING:
            service = self._ledger.services.get(event.service)
            worker = service.workers.get(event.worker_id) if service else None
            progress = worker is None or worker.end is None or worker.end.asked
        else:
            return
        if progress:
            self._extension.progress(event.at)


_TOLD: dict[type[Event], Callable[[Systemd, Any], None]] = {
    events.ManagerStarted: Systemd._start,
    events.ManagerReady: Systemd._start_ends,
    events.ManagerReloading: Systemd._reload_begins,
    events.ManagerReloaded: Systemd._reload_ends,
    events.ReloadFailed: Systemd._reload_ends,
    events.ReloadUndone: Systemd._reload_undone,
    events.ManagerStopping: Systemd._stop,
    events.ManagerStopped: Systemd._stopped,
}

_NEWER = (
    events.ServiceAdded,
    events.ServiceGivenUp,
    events.ServiceScaled,
    events.WorkerRestarting,
    events.WorkerStopped,
)
"""What makes the success of the last reload old news; its failure stays until the next one."""


def _is_last(event: Event) -> bool:
    return isinstance(event, events.ManagerStopped)


def _ready(text: str) -> str:
    return f"READY=1\n{_status(text)}"


def _status(text: str) -> str:
    """In one line, since a newline would end the assignment."""
    line = "".join(char if char.isprintable() else " " for char in text)
    data = line.encode()
    if len(data) > STATUS_LIMIT:
        line = data[: STATUS_LIMIT - 3].decode(errors="ignore") + "..."
    return f"STATUS={line}"


def _text(event: Event) -> str:
    """It is the manager that the service manager knows the service as."""
    return str(event).removeprefix("manager ")

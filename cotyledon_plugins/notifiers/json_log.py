"""The notifier ``json-log``: one JSON object a line for each event.

It may wait for its sink, in its process of its own. A line that the sink
refuses (a full disk, a missing directory) is lost and counted; the log is told
at the first, and the sink by an ``events_dropped`` as soon as it takes
lines again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import select
import socket as sockets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from cotyledon_core import Event, EventLog, Notifier, events

LOG = logging.getLogger(__name__)

STDERR = 2
TEXT_LIMIT = 1000
"""Characters of each text of an event that is too large for the syslog socket."""
FACILITIES = {"user": 1, "daemon": 3, **{f"local{number}": 16 + number for number in range(8)}}


class Sink(Protocol):
    """Where lines go."""

    name: str

    def write(self, event: Event) -> None:
        """
        :raises OSError: if it cannot be written.
        """

    def release(self) -> None:
        """Let go of what is open; the next event opens it again."""


class JsonLog(Notifier):
    """Writes each event to standard error, a file or a syslog socket.

    :param file: the absolute path of a file to append to.
    :param syslog: the absolute path of a syslog daemon's datagram socket.
    :param syslog_facility: ``user``, ``daemon`` or ``local0`` to ``local7``.
    :param syslog_ident: what the lines begin with in syslog.
    :raises ValueError: if one of them is impossible, or both ``file`` and ``syslog`` are given.
    """

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.StrOpt(
                "file",
                help="The absolute path of the file to append to. Standard error unless this or "
                "syslog is given.",
            ),
            cfg.StrOpt(
                "syslog",
                help="The absolute path of the syslog daemon's datagram socket, such as /dev/log.",
            ),
            cfg.StrOpt(
                "syslog_facility",
                default="daemon",
                choices=list(FACILITIES),
                help="The facility of what is sent to syslog.",
            ),
            cfg.StrOpt(
                "syslog_ident",
                default="cotyledon",
                help="The name of the program in what is sent to syslog.",
            ),
        ]

    @classmethod
    def check_options(
        cls,
        file: str | None = None,
        syslog: str | None = None,
        syslog_facility: str = "daemon",
        syslog_ident: str = "cotyledon",
    ) -> None:
        """
        :raises ValueError: with a line for each fault.
        """
        faults = []
        for key, path in (("file", file), ("syslog", syslog)):
            if path is not None and (not path.startswith("/") or "\0" in path):
                faults.append(f"{key}: {path!r} must be an absolute path")
        if file is not None and syslog is not None:
            faults.append("syslog: cannot be given beside file; use two notifiers")
        if syslog_facility not in FACILITIES:
            known = ", ".join(FACILITIES)
            faults.append(f"syslog_facility: {syslog_facility!r} must be one of {known}")
        if not re.fullmatch(r"[\w.-]+", syslog_ident, re.ASCII):
            faults.append(f"syslog_ident: {syslog_ident!r} must be letters, digits, '-', '_', '.'")
        if faults:
            raise ValueError("\n".join(faults))

    def __init__(
        self,
        file: str | None = None,
        syslog: str | None = None,
        syslog_facility: str = "daemon",
        syslog_ident: str = "cotyledon",
    ) -> None:
        self.check_options(file, syslog, syslog_facility, syslog_ident)
        self._sink: Sink = File(file) if file else StandardError()
        if syslog:
            self._sink = Syslog(syslog, FACILITIES[syslog_facility], syslog_ident)
        self._lost = 0
        self._problem = ""

    def notify(self, event: Event) -> None:
        if isinstance(event, events.ManagerReloading):
            self._sink.release()
        try:
            self._tell_lost()
            self._sink.write(event)
        except OSError as error:
            self._lose(event, error)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._tell_lost()
        self._sink.release()

    def _lose(self, event: Event, error: OSError) -> None:
        if not self._lost:
            self._problem = str(error)
            LOG.error(
                "cannot write events to %s, they are dropped until it can be: %s",
                self._sink.name,
                error,
            )
        self._lost += event.count if isinstance(event, events.EventsDropped) else 1

    def _tell_lost(self) -> None:
        if not self._lost:
            return
        now, lost = (time.monotonic(), time.time()), self._lost
        self._sink.write(events.EventsDropped(*now, count=lost, reason=self._problem))
        self._lost = 0
        LOG.warning("events are written to %s again, %d were dropped", self._sink.name, lost)


def line(event: Event, limit: int | None = None) -> bytes:
    """The event as a JSON object, in ASCII.

    :param limit: the most characters of each text in it.
    """
    fields = event.as_dict()
    if limit is not None:
        fields = {key: _cut(value, limit) for key, value in fields.items()}
    return json.dumps({"time": _stamp(event.wall_time), **fields}).encode()


def _stamp(wall_time: float) -> str:
    moment = datetime.fromtimestamp(wall_time, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str) and len(value) > limit:
        return value[:limit] + "..."
    if isinstance(value, list):
        return [_cut(item, limit) for item in value[:limit]]
    return value


class Stream:
    """Lines for a descriptor, each written at once.

    What is left of a line that was written in part only is ended by the next one.
    """

    def __init__(self) -> None:
        self._torn = False

    def put(self, descriptor: int, text: bytes) -> None:
        data = (b"\n" if self._torn else b"") + text + b"\n"
        while data:
            try:
                written = os.write(descriptor, data)
            except BlockingIOError:
                # somebody who has the same open file wants it like that
                select.select([], [descriptor], [])
                continue
            data = data[written:]
            self._torn = bool(data)


class StandardError:
    """The manager's standard error."""

    name = "standard error"

    def __init__(self) -> None:
        self._stream = Stream()

    def write(self, event: Event) -> None:
        self._stream.put(STDERR, line(event))

    def release(self) -> None:
        """The manager's is nobody's to close."""


class File:
    """A file that may be moved away at any time, to be made anew under its name."""

    def __init__(self, path: str) -> None:
        self.name = path
        self._descriptor: int | None = None
        self._stream = Stream()

    def write(self, event: Event) -> None:
        if self._descriptor is not None and not self._is_there(self._descriptor):
            self.release()
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self.name, flags, 0o666)
        self._stream.put(self._descriptor, line(event))

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(OSError):
            if not self._is_there(descriptor):
                self._stream = Stream()
        # what could not be written has been told with its line
        with contextlib.suppress(OSError):
            os.close(descriptor)

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.stat(self.name), os.fstat(descriptor))
        except FileNotFoundError:
            return False


class Syslog:
    """A syslog daemon that listens on a datagram socket."""

    def __init__(self, path: str, facility: int, ident: str) -> None:
        self.name = path
        self._facility = facility
        # of the manager, where this is made
        self._tag = f"{ident}[{os.getpid()}]"
        self._socket: sockets.socket | None = None

    def write(self, event: Event) -> None:
        if self._socket is None:
            self._socket = sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM)
        head = f"<{self._facility * 8 + _severity(event)}>{self._tag}: ".encode()
        try:
            self._socket.sendto(head + line(event), self.name)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            self._socket.sendto(head + line(event, TEXT_LIMIT), self.name)

    def release(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _severity(event: Event) -> int:
    """Syslog's, for the level that the log has the event at."""
    level = EventLog.level(event)
    if level >= logging.WARNING:
        return 3 if level >= logging.ERROR else 4
    return 6 if level >= logging.INFO else 7

"""The whole server, on values: clients come and go, the manager goes on, and time does.

The data is instructions with an 0xff between two. An instruction is a letter, and what it takes;
:class:`Play` lists them. At the end every client reads on, and its answers are compared with what
it has sent.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from uuid import UUID

from cotyledon_core import events
from cotyledon_core.control import connection as connecting
from cotyledon_core.control import server as serving
from cotyledon_core.control.commands.steering import _nobody_asks
from cotyledon_core.control.connection import MAX_TASKS, READ_SIZE, Connection
from cotyledon_core.control.server import Server
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.process import descriptors
from cotyledon_core.types import ServiceId, WorkerId
from tests.fuzz import requests
from tests.fuzz.stage import ROOM, Clock, Listener, Manager, Selector, Socket

CUT = b"\xff"
OPERATOR, READER, STRANGER = UIDS = (3_000_000_000, 3_000_000_001, 3_000_000_002)
SETTINGS = ControlSettings(
    max_clients=4,
    max_request=512,
    max_output=64 * 1024,
    idle_timeout=1e6,
    read_write_uids=frozenset({OPERATOR}),
    read_only_uids=frozenset({READER}),
)
SHORT_STEP = serving.TASK_TIME / 4
PATIENCE = 100
"""Turns in which nothing is seen to happen."""


def check(data: bytes) -> None:
    """Try this.

    :raises AssertionError: if something is not as it has to be.
    """
    own, play = set(descriptors._own), Play()
    with (
        _loggers_kept() as made,
        mock.patch.object(serving, "time", play.clock),
        mock.patch.object(connecting, "_is_gone", lambda socket: socket.gone),
    ):
        for instruction in data.split(CUT):
            play.do(instruction)
        play.come_to_an_end()
        assert not made() or any(socket.uid == OPERATOR for socket in play.sockets)
    assert descriptors._own == own


@contextlib.contextmanager
def _loggers_kept() -> Iterator[Callable[[], set[str]]]:
    """What is done to loggers is undone; gives the names of those that were made."""
    loggers = logging.root.manager.loggerDict
    levels = {
        logger: logger.level
        for logger in (logging.root, *loggers.values())
        if isinstance(logger, logging.Logger)
    }
    before = set(loggers)
    try:
        yield lambda: loggers.keys() - before
    finally:
        for name in loggers.keys() - before:
            del loggers[name]
        for logger, level in levels.items():
            logger.setLevel(level)


class Play:
    """A server, and what happens to it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.listener = Listener()
        self.selector = Selector()
        self.manager = Manager()
        self.server = Server(self.listener, self.selector, self.manager, SETTINGS)  # type: ignore[arg-type]
        self.sockets: list[Socket] = []
        self.jumped = False
        """Whether clients may have been idle for too long."""
        self.instructions: dict[str, Callable[[bytes], None]] = {
            "c": self.connect,
            "s": self.send,
            "l": self.send_line,
            "r": self.read,
            "x": self.leave,
            "h": self.finish,
            "k": self.slow_down,
            "p": self.pass_time,
            "j": self.jump,
            "e": self.event,
            "f": self.fulfil,
            "o": self.no_more_commands,
            "d": self.dump,
            "m": self.cannot_accept,
        }

    def do(self, instruction: bytes) -> None:
        perform = self.instructions.get(chr(instruction[0])) if instruction else None
        if perform is None:
            self.turn()
        else:
            perform(instruction[1:])

    # -- instructions

    def connect(self, rest: bytes) -> None:
        """By an operator, a reader or a stranger."""
        self.sockets.append(Socket(UIDS[_number(rest) % 3]))
        self.listener.waiting.append(self.sockets[-1])

    def send(self, rest: bytes) -> None:
        """So many bytes, by the client of that number."""
        if self.sockets and not (self._socket(rest).gone or self._socket(rest).finished):
            self._socket(rest).sent += rest[1:]

    def send_line(self, rest: bytes) -> None:
        self.send(rest + b"\n")

    def read(self, rest: bytes) -> None:
        """A client reads a power of ten of bytes, and then no more."""
        if self.sockets:
            self._socket(rest).stop_after(10 ** (_number(rest[1:]) % 6) - 1)

    def leave(self, rest: bytes) -> None:
        if self.sockets:
            self._socket(rest).gone = True

    def finish(self, rest: bytes) -> None:
        """A client sends nothing more, and waits for its answers."""
        if self.sockets:
            self._socket(rest).finished = True

    def slow_down(self, rest: bytes) -> None:
        """The clock goes on so much at each look."""
        self.clock.step = _number(rest) % 4 * SHORT_STEP

    def pass_time(self, rest: bytes) -> None:
        self.clock.now += 0.1

    def jump(self, rest: bytes) -> None:
        """Longer than a client may be idle."""
        self.jumped = True
        self.clock.now += SETTINGS.idle_timeout

    def event(self, rest: bytes) -> None:
        """Of a kind, for a service, with a number."""
        kind, service, number = (_number(rest[at:]) for at in range(3))
        self.manager.tell(_event(kind % 9, "abc"[service % 3], number))

    def fulfil(self, rest: bytes) -> None:
        self.manager.fulfil(ok=_number(rest) % 2 == 0)

    def no_more_commands(self, rest: bytes) -> None:
        self.manager.commands.end()
        self.manager.waiters.clear()

    def dump(self, rest: bytes) -> None:
        """A worker writes some of its stacks."""
        self.manager.stacks.append(rest.decode(errors="replace"))

    def cannot_accept(self, rest: bytes) -> None:
        self.listener.failures.append((errno.EMFILE, errno.ECONNABORTED)[_number(rest) % 2])

    def _socket(self, rest: bytes) -> Socket:
        return self.sockets[_number(rest) % len(self.sockets)]

    # -- turns

    def turn(self) -> None:
        for key, _ in self.selector.select():
            key.data()
        self.server.obey()
        self.server.tell()
        self._check_state()

    def _check_state(self) -> None:
        connections = self.server._connections
        assert len(connections) <= SETTINGS.max_clients
        for connection, watched in connections.items():
            self._check_connection(connection, watched)
        if not connections and not self.server._accept_at:
            assert self.server.deadline() is None
            assert len(self.selector.get_map()) == 1

    def _check_connection(self, connection: Connection, watched: int) -> None:
        key = self.selector.get_map().get(connection.fileno())
        assert watched == (key.events if key else 0)
        assert not connection.over
        assert len(connection.lines._received) <= SETTINGS.max_request + READ_SIZE
        assert connection.waiting <= SETTINGS.max_output
        assert connection.waiting == sum(map(len, connection._output))
        assert len(connection.tasks) <= MAX_TASKS
        # somebody who is not watched comes to his turn without that
        if not watched:
            assert connection.look_at is not None or self.server.deadline() == 0.0

    # -- the end

    def come_to_an_end(self) -> None:
        """Everybody reads on, until nothing happens any more."""
        lines = sum(socket.sent.count(b"\n") for socket in self.sockets)
        turns, quiet = 0, 0
        while quiet < 2 or self.listener.waiting or self.server.deadline() == 0.0:
            for socket in self.sockets:
                socket.room = ROOM
            self.clock.now += 1.1
            before = self._progress()
            self.turn()
            quiet = quiet + 1 if self._progress() == before else 0
            turns += 1
            assert quiet < PATIENCE, "the manager does not come to rest"
            assert turns < 10 * (lines + PATIENCE), "there is no end"
        for socket in self.sockets:
            self._check_answers(socket)
        self._close()

    def _progress(self) -> tuple[int, ...]:
        """What changes if anything happens."""
        return (
            sum(socket.taken + len(socket.received) for socket in self.sockets),
            sum(socket.closed for socket in self.sockets),
            self.manager.peeked,
            len(self.manager.waiters),
            len(self.listener.waiting),
            len(self.listener.failures),
        )

    def _check_answers(self, socket: Socket) -> None:
        cut_off = socket.gone or self.jumped
        if socket.closed and not socket.taken:
            excused = cut_off or socket.slow or (socket.finished and not socket.sent)
            assert excused or _code(socket) in ("not_allowed", "too_many")
            return
        assert socket.uid != STRANGER
        answered = Counter(_ids(socket, cut_off=cut_off))
        expected, too_long = _expected(bytes(socket.sent))
        if cut_off:
            assert socket.closed or not socket.gone
            assert answered <= Counter(expected), socket.received
        else:
            under_way = self._under_way(socket)
            missing = Counter(expected)
            missing.subtract(answered + under_way)
            # who sends what is too long loses what is under way
            assert not any(missing.values()) or (too_long and min(missing.values()) >= 0), (
                socket.received
            )
            assert socket.closed == (too_long or (socket.finished and not under_way))

    def _under_way(self, socket: Socket) -> Counter[str]:
        found: Counter[str] = Counter()
        for connection in self.server._connections:
            if connection._socket is socket:  # type: ignore[comparison-overlap]
                found.update(json.dumps(task.request_id) for task in connection.tasks)
        return found

    def _close(self) -> None:
        self.server.close()
        assert not self.selector.get_map()
        assert all(socket.closed for socket in self.sockets)
        assert not Socket.by_number
        assert set(self.manager.commands._waiting.values()) <= {_nobody_asks}


def _number(rest: bytes) -> int:
    return rest[0] - ord("0") if rest and rest[0] >= ord("0") else 0


def _expected(sent: bytes) -> tuple[list[str], bool]:
    """The ids that are to be answered, and whether the last line is too long."""
    *lines, rest = sent.split(b"\n")
    ids: list[str] = []
    for line in lines:
        if len(line) > SETTINGS.max_request:
            return [*ids, "null"], True
        ids.append(json.dumps(requests.read(line).request_id))
    if len(rest) > SETTINGS.max_request:
        return [*ids, "null"], True
    return ids, False


def _code(socket: Socket) -> str:
    """Of the only error that the client has been told, if any."""
    if not socket.received:
        return ""
    return str(json.loads(socket.received)["error"]["code"])


def _ids(socket: Socket, *, cut_off: bool) -> Iterator[str]:
    """The ids of all answers that the client has; the last may not be whole."""
    *lines, rest = socket.received.split(b"\n")
    assert not rest or cut_off
    for line in lines:
        answer = json.loads(line)
        (kind,) = answer.keys() - {"id"}
        assert kind in ("result", "error", "event")
        if kind == "error":
            assert not answer["error"]["text"].startswith("internal error"), answer
        if kind != "event":
            yield json.dumps(answer["id"])


def _event(kind: int, service: str, number: int) -> events.Event:
    moment: dict[str, Any] = {"at": 0.0, "wall_time": float(number)}
    of_service = {
        **moment,
        "service": service,
        "service_id": ServiceId(UUID(bytes=service.encode() * 16)),
    }
    of_worker = {
        **of_service,
        "worker_id": WorkerId(number % 4),
        "incarnation": number,
        "pid": 7 + number,
    }
    if kind == 0:
        return events.ServiceRemoved(**of_service)
    if kind == 1:
        return events.ServiceScaled(**of_service, old_workers=0, workers=number)
    if kind == 2:
        return events.WorkerSpawned(**of_worker)
    if kind == 3:
        return events.WorkerReady(**of_worker, start_duration=0.1)
    if kind == 4:
        return events.WorkerHung(
            **of_worker, waited_for=events.Waited.HEARTBEAT, dump="stack\n" * 100 * number
        )
    if kind == 5:
        return events.ServiceGivenUp(**of_service, reason="it fails")
    if kind == 6:
        return events.ManagerStopping(**moment, graceful=True)
    if kind == 7:
        return events.ManagerReloading(**moment)
    return events.ServiceAdded(**of_service, workers=number)

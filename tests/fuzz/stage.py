"""What the server stands on, made of values: a clock, a selector, sockets, a manager."""

from __future__ import annotations

import errno
import itertools
import selectors
import struct
from collections import deque
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

from cotyledon_core import events
from cotyledon_core.control.access import SO_PEERCRED, Peer
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.ledger import Ledger
from cotyledon_core.runtime.awaited import AwaitedCommands
from cotyledon_core.runtime.recorder import Recorder
from cotyledon_core.supervision.actions import CommandDone
from cotyledon_core.types import ServiceId

ROOM = 1 << 20
"""Bytes that the system holds for a client that does not read."""
_numbers = itertools.count(1 << 30)
"""No descriptor of this process has such a number."""


class Clock:
    """Stands in for the module ``time``; it goes on a little whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.step = 0.0

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


class Selector(selectors.BaseSelector):
    """Knows what can be done at once; as strict as the real ones."""

    def __init__(self) -> None:
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, file: Any, wanted: int, data: Any = None) -> selectors.SelectorKey:
        number = file.fileno()
        assert number >= 0
        assert wanted in (selectors.EVENT_READ, selectors.EVENT_WRITE)
        if number in self._keys:
            raise KeyError(f"{number} is registered")
        self._keys[number] = key = selectors.SelectorKey(file, number, wanted, data)
        return key

    def unregister(self, file: Any) -> selectors.SelectorKey:
        return self._keys.pop(file.fileno())

    def modify(self, file: Any, wanted: int, data: Any = None) -> selectors.SelectorKey:
        self.unregister(file)
        return self.register(file, wanted, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = [key for key in self._keys.values() if Socket.by_number[key.fd].ready(key.events)]
        return [(key, key.events) for key in ready]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class Socket:
    """The server's end of a connection; the client's end is its attributes.

    :param uid: the client's.
    """

    by_number: ClassVar[dict[int, Any]] = {}

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.sent = bytearray()
        """All that the client has sent."""
        self.taken = 0
        """How much of it the server has."""
        self.received = bytearray()
        self.room = ROOM
        """Bytes that the client reads before it stops."""
        self.slow = False
        """Whether it has ever stopped."""
        self.gone = False
        """Whether the client has closed."""
        self.finished = False
        """Whether the client has closed its sending side."""
        self.number = next(_numbers)
        self.by_number[self.number] = self

    @property
    def closed(self) -> bool:
        """Whether the server has closed."""
        return self.number not in self.by_number

    def stop_after(self, size: int) -> None:
        self.room, self.slow = size, True

    def ready(self, wanted: int) -> bool:
        if wanted == selectors.EVENT_WRITE:
            return self.room > 0 or self.gone
        return self.taken < len(self.sent) or self.gone or self.finished

    # -- as the server sees it

    def fileno(self) -> int:
        return -1 if self.closed else self.number

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        if option == SO_PEERCRED:
            return struct.pack("iII", 1, self.uid, self.uid)
        raise OSError(errno.ENOPROTOOPT, "there is none")

    def recv(self, size: int) -> bytes:
        assert not self.closed
        data = bytes(self.sent[self.taken : self.taken + size])
        if not data and not (self.gone or self.finished):
            raise BlockingIOError
        self.taken += len(data)
        return data

    def send(self, data: memoryview) -> int:
        assert not self.closed
        assert data
        if self.gone:
            raise BrokenPipeError
        if not self.room:
            raise BlockingIOError
        size = min(self.room, len(data))
        self.room -= size
        self.received += data[:size]
        return size

    def detach(self) -> int:
        del self.by_number[self.number]
        return self.number


class Listener:
    """Has those that have connected, in their order."""

    path = "/run/control.sock"

    def __init__(self) -> None:
        self.waiting: deque[Socket] = deque()
        self.failures: deque[int] = deque()
        """What prevents the next from being accepted."""
        self.number = next(_numbers)
        Socket.by_number[self.number] = self

    def fileno(self) -> int:
        return self.number

    def ready(self, wanted: int) -> bool:
        return bool(self.waiting)

    def accept(self) -> Socket:
        if not self.waiting:
            raise BlockingIOError
        if self.failures:
            raise OSError(self.failures.popleft(), "not now")
        return self.waiting.popleft()

    def close(self) -> None:
        del Socket.by_number[self.number]


class Manager:
    """Keeps what it is told, and does it when it is asked to."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.recorder = Recorder(40)
        self.stopping = False
        self.commands = AwaitedCommands()
        self.waiters: dict[int, Callable[[CommandDone], None]] = {}
        self.stacks: deque[str] = deque()
        self.peeked = 0

    def tell(self, event: events.Event) -> None:
        self.ledger.note(event)
        self.recorder.note(event)

    def fulfil(self, *, ok: bool) -> None:
        """The oldest command is over."""
        for number in list(self.waiters)[:1]:
            del self.waiters[number]
            self.commands.tell(CommandDone(number, ok, "" if ok else "it is broken"))

    # -- as the server sees it

    def peek(self, service_id: ServiceId, worker_id: int) -> None:
        self.peeked += 1

    def expected(self, service_id: ServiceId) -> int:
        services = self.ledger.services.values()
        return next(each.wanted for each in services if each.service_id == service_id)

    def note_command(self, text: str, peer: Peer) -> None:
        self.tell(events.HookFailed(0.0, 0.0, text, str(peer)))

    def command(self, command: Any, done: Callable[[CommandDone], None]) -> int:
        number = self.commands.add(done)
        self.waiters[number] = done
        return number

    def forget(self, number: int) -> None:
        self.waiters.pop(number, None)
        self.commands.remove(number)

    def preview_reload(self) -> dict[str, Any]:
        if self.stopping:
            raise ConfigurationError(["it is wrong"])
        return {}

    def shut_down(self, *, graceful: bool) -> None:
        self.stopping = True

    def worker(self, service_id: ServiceId, worker_id: int) -> Any:
        if worker_id > 1:
            return None
        place = SimpleNamespace(dump_signal=worker_id, take_dump=self._stacks)
        child = SimpleNamespace(place=place, listening=True, send=lambda number: None)
        return SimpleNamespace(child=child, executed=False)

    def _stacks(self) -> str:
        return self.stacks.popleft() if self.stacks else ""

"""What ties a worker to its manager: the channel, and the place on the board.

Only the manager holds the channel's reading end, so its death shows at the
writing ends: they have an error (pipe(7), unix(7)). Whatever the manager forks
closes the reading end at once, so no helper and no grandchild hides that.
"""

from __future__ import annotations

import select
from _thread import allocate_lock
from collections.abc import Sequence
from typing import Any

from cotyledon_core.process.board import NOWHERE, Place
from cotyledon_core.process.channel import Writer, tell
from cotyledon_core.process.signals import Interrupted, Signals, go_on
from cotyledon_core.sockets import Sockets
from cotyledon_core.worker.meter import Meter

POLLIN = getattr(select, "POLLIN", 1)
_NOTHING: Sequence[tuple[int, int]] = ()
READY = b"READY=1"
RELOADED = b"X_RELOADED=1"
LEAVE = b"X_LEAVE=1"
"""Asks the manager for a replacement."""


class ManagerLink:
    """The worker's side.

    :param channel: what the manager listens to.
    :param place: where the worker leaves what the manager looks at.
    :param descriptors: names and descriptors of the listening sockets that it is given.
    """

    def __init__(
        self,
        channel: Writer,
        place: Place = NOWHERE,
        descriptors: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.channel = channel
        self.descriptors = descriptors
        self._sockets: Sockets | None = None
        self._lock = allocate_lock()
        self._send = channel.send
        self.place = place
        self.meter = Meter(place)
        self.pid = 0
        """The worker's."""
        self._open = True
        self._watched = True
        self._polled = -1
        """Where signals show, as far as it is polled."""
        # made before the fork, and kept: a wait takes little then
        self._poll: Any = _poll_of(channel)

    @property
    def sockets(self) -> Sockets:
        """The listening sockets; only in the worker, where they are owned from then on."""
        with self._lock:  # two owners would close a descriptor twice
            if self._sockets is None:
                self._sockets = Sockets(self.descriptors)
            return self._sockets

    def tell(self, line: str) -> None:
        """Tell the manager something, in sd_notify's syntax; from any thread."""
        if self._open:
            tell(self.channel, self.pid, line)

    def say(self, line: bytes) -> None:
        """Tell what each worker has to, in few steps: one of the lines of this module."""
        if self._open:
            try:
                self._send(b"%d\n%b\0" % (self.pid, line))
            except OSError:
                pass

    def wait(self, signals: Signals, timeout: float | None) -> bool:
        """Wait for a signal, in the main thread; whether the manager has died, once.

        :param timeout: seconds; None waits without end.
        """
        if self._poll is None:
            return self._wait_portably(signals, timeout)
        if signals.lost():
            self.regain(signals)
        if self._polled != signals.reader:
            self._polled = signals.reader
            self._poll.register(self._polled, POLLIN)
        milliseconds = None if timeout is None else timeout * 1000
        ready = _NOTHING
        try:
            signals.waiting = _WAIT
            ready = self._poll.poll(milliseconds)
            signals.waiting = None
        except Interrupted:
            go_on()
        ended = lost = False
        for descriptor, state in ready:
            if descriptor == self._polled:
                # the end of the writer shows at the reader
                lost = state != POLLIN
            else:
                ended = self._has_ended(state)
        if lost or signals.lost():
            self.regain(signals)
        return self._watched and ended

    def _has_ended(self, state: int) -> bool:
        # whatever it is will not change
        self._poll.unregister(self.channel.fileno())
        return bool(state & (select.POLLERR | select.POLLHUP))

    def _wait_portably(self, signals: Signals, timeout: float | None) -> bool:
        """A socket without another end becomes readable."""
        channel = [self.channel.fileno()] if self._watched else []
        ready, _, _ = select.select([signals.reader, *channel], [], [], timeout)
        died = bool(channel and channel[0] in ready)
        self._watched = self._watched and not died
        return died

    def regain(self, signals: Signals) -> None:
        """Go on after the service has closed all descriptors that it found.

        Whatever has the numbers of ours is not ours to touch.
        """
        self._open = self._watched = False
        self.place.abandon()
        signals.reopen()
        if self._poll is not None:
            self._poll = select.poll()
            self._polled = -1


def _poll_of(channel: Writer) -> Any:
    """What waits for the channel's end; None where there is no poll(2)."""
    if not hasattr(select, "poll"):
        return None
    poll = select.poll()
    poll.register(channel.fileno(), 0)
    return poll


_WAIT = ManagerLink.wait.__code__

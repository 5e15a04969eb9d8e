"""What ties a worker to its manager: the channel, and the place on the board.

Only the manager holds the channel's reading end, so its death shows at the
writing ends: they have an error (pipe(7), unix(7)). Whatever the manager forks
closes the reading end at once, so no helper and no grandchild hides that.
"""

from __future__ import annotations

import select

from cotyledon_core.process.board import NOWHERE, Place
from cotyledon_core.process.channel import Writer, tell, tell_ready
from cotyledon_core.process.signals import Signals


class ManagerLink:
    """The worker's side.

    :param channel: what the manager listens to.
    :param place: where the worker leaves what the manager looks at.
    """

    def __init__(self, channel: Writer, place: Place = NOWHERE) -> None:
        self.channel = channel
        self.place = place
        self.pid = 0
        """The worker's."""
        self._open = True
        self._watched = True

    def tell(self, line: str) -> None:
        """Tell the manager something, in sd_notify's syntax; from any thread."""
        if self._open:
            tell(self.channel, self.pid, line)

    def tell_ready(self) -> None:
        """Tell the manager that the worker is ready: what each worker says, in few steps."""
        if self._open:
            tell_ready(self.channel, self.pid)

    def wait(self, signals: Signals, timeout: float | None) -> bool:
        """Wait for a signal, in the main thread; whether the manager has died, once.

        :param timeout: seconds; None waits without end.
        """
        if not hasattr(select, "poll"):
            return self._wait_portably(signals, timeout)
        self.regain(signals)
        poll = select.poll()
        poll.register(signals.reader, select.POLLIN)
        if self._watched:
            poll.register(self.channel.fileno(), 0)
        milliseconds = None if timeout is None else timeout * 1000
        ready: dict[int, int] = signals.interruptible(lambda: dict(poll.poll(milliseconds)), {})
        # the end of the writer shows at the reader
        self.regain(signals, lost=bool(ready.get(signals.reader, 0) & ~select.POLLIN))
        return self._watched and self._has_ended(ready.get(self.channel.fileno(), 0))

    def _has_ended(self, state: int) -> bool:
        if state:
            self._watched = False
        return bool(state & (select.POLLERR | select.POLLHUP))

    def _wait_portably(self, signals: Signals, timeout: float | None) -> bool:
        """A socket without another end becomes readable."""
        channel = [self.channel.fileno()] if self._watched else []
        ready, _, _ = select.select([signals.reader, *channel], [], [], timeout)
        died = bool(channel and channel[0] in ready)
        self._watched = self._watched and not died
        return died

    def regain(self, signals: Signals, *, lost: bool = False) -> None:
        """Go on where the service has closed all descriptors that it found.

        Whatever has the numbers of ours is not ours to touch.
        """
        if lost or signals.lost():
            self._open = self._watched = False
            self.place.abandon()
            signals.reopen()

"""When the service manager's watchdog is fed, and when it is asked for more time."""

from __future__ import annotations

from collections.abc import Mapping

from cotyledon_core import Ledger, Share, Stage, State, judge


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float:
    """What the environment says, in seconds; 0 if there is no watchdog for this process.

    :raises ValueError: if it says something else.
    """
    text = environ.get("WATCHDOG_USEC", "")
    if not text or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return 0.0
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"WATCHDOG_USEC={text} is no number of microseconds")
    return int(text) / 1e6


class Watchdog:
    """Is fed at half of its interval.

    :param interval: seconds; 0 for none.
    :param quorum: so many of all wanted workers have to be there; 0 for none.
    """

    def __init__(self, interval: float, quorum: Share) -> None:
        self.interval = interval
        self._quorum = quorum
        self.due: float | None = 0.0 if interval else None

    def put_off(self, now: float) -> None:
        """The next time is half an interval later."""
        self.due = now + self.interval / 2

    def shortage(self, ledger: Ledger) -> str:
        """What is missing for the quorum; empty if nothing is.

        systemd begins to count when it is told READY=1, and a stop has bounds of its own.
        """
        if not self._quorum.amount or ledger.stage is not Stage.READY:
            return ""
        services = judge(ledger).services
        wanted = sum(service.wanted for service in services)
        ready = sum(min(service.ready, service.wanted) for service in services)
        needed = min(self._quorum.rounded_up_of(wanted), wanted)
        if ready >= needed:
            return ""
        return f"{ready}/{wanted} workers ready, watchdog_quorum {self._quorum} asks for {needed}"


class Extension:
    """Asks for more time in steps, each in good time before the last one is over.

    Without progress that ends after a limit.

    :param step: seconds to ask for; 0 for never.
    :param limit: seconds since the last progress.
    """

    def __init__(self, step: float, limit: float) -> None:
        self._step = step
        self._limit = limit
        self._progress: float | None = None
        self.due: float | None = None

    def begin(self, now: float) -> None:
        """A start, reload or stop begins."""
        if self._step:
            self._progress = self.due = now

    def progress(self, now: float) -> None:
        """It has come closer to its end."""
        if self._progress is not None:
            self._progress = now
            self.due = now if self.due is None else self.due

    def end(self) -> None:
        """It is over."""
        self._progress = self.due = None

    def ask(self, now: float, *, possible: bool) -> str:
        """The assignment that is due; empty if none is.

        :param possible: whether there is anything to wait for.
        """
        if self._progress is None or self.due is None or now < self.due:
            return ""
        left = self._progress + self._limit - now
        if left <= 0:
            self.due = None
            return ""
        self.due = now + self._step / 2
        return f"EXTEND_TIMEOUT_USEC={int(min(self._step, left) * 1e6)}" if possible else ""


def may_become_ready(ledger: Ledger) -> bool:
    """Whether a worker is on its way that has not failed yet; one that has may do so for ever."""
    return any(
        worker.end is None and worker.state in (State.STOPPED, State.STARTING)
        for service in ledger.services.values()
        for worker in service.workers.values()
    )

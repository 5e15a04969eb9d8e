"""Events go to the notifiers and the hooks, and whatever those do is contained.

Hooks are told the events that they stand for: ``on_terminate`` that the
manager is stopping, ``on_dead_worker`` that a worker's process has ended; and
``on_reload`` that a reload was asked for. A hook that raises ends the round of its
kind, as Cotyledon documents it, and nothing else.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from cotyledon_core import events
from cotyledon_core.exceptions import shown
from cotyledon_core.ledger import Ledger
from cotyledon_core.log import Log
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.process import clock
from cotyledon_core.runtime.helper import packed, unpacked
from cotyledon_core.runtime.hooks import Hook, Hooks
from cotyledon_core.runtime.notifier_host import FAILURES_ALLOWED, SHORTEST_NAP, NotifierHost

if TYPE_CHECKING:
    from cotyledon_core.vitals import Vitals

LOG = Log("cotyledon_core")


class ForeignCode:
    """Whether code that is not ours is running on the manager's thread."""

    def __init__(self, possible: Callable[[], bool]) -> None:
        self.running = False
        self.possible = possible
        """Whether there is any."""

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        outer, self.running = self.running, True
        try:
            yield
        finally:
            self.running = outer


class Dispatcher:
    """Tells events; see the module's description."""

    def __init__(
        self, hooks: Hooks, foreign_code: ForeignCode, vitals: Vitals | None = None
    ) -> None:
        self._hooks = hooks
        self._vitals = vitals
        self._foreign_code = foreign_code
        self._inline: dict[str, Notifier] = {}
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}
        """When notifiers want to be woken, in monotonic seconds."""
        self._rested: dict[str, float] = {}
        """When those that were woken may be woken again."""
        self._at_once = False
        self._untold: deque[events.Event] = deque()
        self.ledger = Ledger()
        """What the events that were told amount to."""
        self.record: Callable[[events.Event], None] | None = None
        """Keeps each event, for the flight recorder."""
        self.hosts: dict[str, NotifierHost] = {}

    def add_notifier(self, name: str, notifier: Notifier, *, may_host: bool) -> None:
        """Tell events to the notifier from now on.

        :param may_host: whether helper processes can be had on this platform.
        """
        notifier.vitals = self._vitals
        if notifier.blocking and may_host:
            self.hosts[name] = NotifierHost(name, notifier)
        else:
            self._inline[name] = notifier

    def prepare(self, give: Callable[[Mapping[str, str]], None]) -> None:
        """Have the notifiers prepare what workers need.

        :param give: takes what a notifier gives workers into their environment.
        """
        notifiers = dict(self._inline)
        notifiers.update((name, host.notifier) for name, host in self.hosts.items())
        for name, notifier in notifiers.items():
            try:
                with self._foreign_code.entered():
                    give(notifier.prepare())
            except BaseException:
                LOG.exception("notifier %s failed to prepare", name)

    def change_notifiers(
        self, notifiers: Mapping[str, Notifier], unchanged: Container[str], *, may_host: bool
    ) -> None:
        """Tell events to these notifiers instead, in this order.

        What was published before is told to those that were there then. A new one that is
        not in a host is told here what that amounts to; hosts catch up when they run.

        :param unchanged: the names of those that stay as they are, a disabled one too; the
            notifier that is given for such a name is not used.
        """
        self.flush()
        inline, hosts = self._inline, self.hosts
        self._inline, self.hosts = {}, {}
        for name, notifier in notifiers.items():
            if name not in unchanged:
                self._failures.pop(name, None)
                self.add_notifier(name, notifier, may_host=may_host)
                if name in self._inline:
                    self._synchronize(name)
                    self._take_over(name, inline.get(name))
            elif name in hosts:
                self.hosts[name] = hosts[name]
            elif name in inline:
                self._inline[name] = inline.pop(name)
        for name, notifier in inline.items():
            self._close(name, notifier)

    def _synchronize(self, name: str) -> None:
        if self.ledger.noted:
            notifier = self._inline[name]
            own = unpacked(packed(self.ledger))
            self._call(name, notifier, lambda: notifier.synchronize(own))

    def _take_over(self, name: str, predecessor: Notifier | None) -> None:
        notifier = self._inline.get(name)
        # disabled meanwhile, or of another type
        if notifier is not None and type(notifier) is type(predecessor):
            self._call(name, notifier, partial(notifier.take_over, predecessor))

    def publish(self, event: events.Event) -> None:
        """Tell an event: to the hooks now, to the notifiers by the next :meth:`flush`."""
        self._untold.append(event)
        if self.record is not None:
            self.record(event)
        self._call_hooks(event)

    def flush(self) -> None:
        """Tell the notifiers what they have not been told yet."""
        while self._untold:
            event = self._untold.popleft()
            self.ledger.note(event)
            if self.hosts:
                data = packed(event)
                for host in self.hosts.values():
                    host.put_packed(data)
            for name, notifier in list(self._inline.items()):
                self._call(name, notifier, partial(notifier.notify, event))

    def deadline(self) -> float | None:
        """When :meth:`wake` should be called, in monotonic seconds."""
        return min(self._due.values(), default=None)

    def wake(self, now: float) -> None:
        """Wake the notifiers whose time has come."""
        for name, due in list(self._due.items()):
            notifier = self._inline.get(name)
            if notifier is None:
                del self._due[name]
            elif due <= now:
                self._rested[name] = now + SHORTEST_NAP
                self._call(name, notifier, partial(notifier.wake, now))

    def disable(self, name: str, error: str) -> None:
        """Tell the notifier nothing any more; the others are told so."""
        self._inline.pop(name, None)
        self.hosts.pop(name, None)
        at, wall_time = clock.now()
        self.publish(
            events.NotifierDisabled(at=at, wall_time=wall_time, notifier=name, error=error)
        )

    def _call(self, name: str, notifier: Notifier, call: Callable[[], None]) -> None:
        self._due.pop(name, None)
        try:
            with self._foreign_code.entered():
                call()
                due = notifier.deadline()
            if due is not None and math.isfinite(due):
                self._due[name] = max(due, self._rested.get(name, due))
        except BaseException as error:
            LOG.exception("notifier %s failed", name)
            self._failures[name] = self._failures.get(name, 0) + 1
            if self._failures[name] == FAILURES_ALLOWED:
                self.disable(name, shown(error))
        else:
            self._failures.pop(name, None)

    def _call_hooks(self, event: events.Event) -> None:
        if isinstance(event, events.ManagerStopping):
            self._at_once = not event.graceful
        if self._at_once:
            return
        if isinstance(event, events.WorkerExited):
            if event.pid is not None:
                self._run(
                    "dead_worker",
                    self._hooks.dead_worker,
                    event.service_id,
                    event.worker_id,
                    event.status.exitcode,
                )
        elif isinstance(event, events.ManagerStopping):
            self._run("terminate", self._hooks.terminate)

    def call_reload_hooks(self) -> None:
        """A reload was asked for."""
        self._run("reload", self._hooks.reload)

    def _run(self, kind: str, hooks: list[Hook], *args: Any) -> None:
        if hooks:
            # a hook may take its time
            self.flush()
        try:
            for hook in list(hooks):
                with self._foreign_code.entered():
                    hook(*args)
        except BaseException as error:
            LOG.exception("Exception raised during %s hooks", kind)
            self.hook_failed(kind, shown(error))

    def hook_failed(self, kind: str, error: str) -> None:
        """Tell that a hook raised, here or in a worker."""
        at, wall_time = clock.now()
        self.publish(events.HookFailed(at=at, wall_time=wall_time, hook=kind, error=error))

    def close(self) -> None:
        """Tell what is left, and close the notifiers that run in the manager."""
        self.flush()
        for name, notifier in self._inline.items():
            self._close(name, notifier)

    def _close(self, name: str, notifier: Notifier) -> None:
        try:
            with self._foreign_code.entered():
                notifier.close()
        except BaseException:
            LOG.exception("notifier %s failed at its end", name)


def contained_policy(
    decide: Callable[[Any], Any],
    default: Callable[[Any], Any],
    valid: Callable[[Any], bool],
    service: str,
    foreign_code: ForeignCode,
) -> Callable[[Any], Any]:
    """A restart policy's ``decide`` that cannot raise.

    An exception, or an answer that is none, counts as the default policy's
    decision and is logged, once for each service.
    """
    logged = False

    def contained(death: Any) -> Any:
        nonlocal logged
        try:
            with foreign_code.entered():
                decision = decide(death)
            if valid(decision):
                return decision
            problem = f"it answered {shown(decision)}, not Restart, Stop or GiveUp"
        except BaseException as error:
            problem = f"it raised {shown(error)}"
        if not logged:
            logged = True
            LOG.error(
                "restart policy of service %s failed (%s); the default policy decides instead",
                service,
                problem,
            )
        return default(death)

    return contained

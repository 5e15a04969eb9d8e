"""A supervisor during reloads, told shortly."""

from __future__ import annotations

from typing import Any

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.messages import Incarnation, Manner, Message, ServiceSpec
from cotyledon_core.supervision.share import Share
from cotyledon_core.testing.simulation import FakeProcess, Simulation
from cotyledon_core.types import ServiceId

SHARES = ("max_unavailable", "max_surge", "max_recycling")


class Story(Simulation):
    """One service, more if they are added, and what a reload brings them.

    A failed reload is undone: the services get back the specifications that they had.

    :param workers: of the service; they are ready when the story begins.
    :param more: fields of its specification; shares as text.
    """

    def __init__(self, workers: int, *, begin: bool = True, **more: Any) -> None:
        super().__init__(**{key: more.pop(key) for key in ("spawn_interval",) if key in more})
        self.revision_of: dict[Incarnation, int] = {}
        self.web = self.add_service("web", workers, **more)
        self.rollback = True
        self.undo = self._back
        self._before: dict[ServiceId, ServiceSpec] = {}
        if begin:
            self.start()

    def add_service(self, name: str, workers: int, **more: Any) -> ServiceId:
        shares = {key: Share.parse(more.pop(key)) for key in SHARES if key in more}
        return self.add(name, workers, **shares, **more)

    # -- reloads

    def replace(self, *service_ids: ServiceId, **fields: Any) -> None:
        """A reload that replaces the workers of the services.

        :param fields: of their specifications that change as well.
        """
        self.bring(Manner.REPLACE, *service_ids, **fields)

    def tell(self, *service_ids: ServiceId) -> None:
        """A reload in place."""
        self.bring(Manner.TELL, *service_ids)

    def bring(self, manner: Manner, *service_ids: ServiceId, **fields: Any) -> None:
        """A reload of the services, of the first one unless they are given."""
        ids = service_ids or (self.web,)

        def prepare() -> list[Message]:
            return [self.changed(*(self.change(each, manner, **fields) for each in ids))]

        self.prepare = prepare
        self.send(msg.AskReload())
        self.settle()

    def change(self, service_id: ServiceId, manner: Manner, **fields: Any) -> msg.Change:
        spec = self.specs[service_id]
        afresh = fields.pop("afresh", False)
        return msg.Change(replace(spec, revision=spec.revision + 1, **fields), manner, afresh)

    def changed(self, *changes: msg.Change) -> msg.Reload:
        self._before = {c.spec.service_id: self.specs[c.spec.service_id] for c in changes}
        return super().changed(*changes)

    def _back(self) -> list[Message]:
        if not self.rollback:
            return [msg.Reload(undo=True)]
        changes = tuple(msg.Change(spec, Manner.REPLACE) for spec in self._before.values())
        self.specs.update(self._before)
        return [msg.Reload(changes, undo=True)]

    # -- what processes do

    def _spawn(self, incarnation: Incarnation) -> Message:
        self.revision_of[incarnation] = self.specs[incarnation.service_id].revision
        return super()._spawn(incarnation)

    def at(self, worker_id: int, service_id: ServiceId | None = None) -> FakeProcess:
        """The younger process of a worker."""
        return self.process(service_id or self.web, worker_id)

    def ready(self, *worker_ids: int) -> None:
        """They say so; what follows at once happens."""
        for worker_id in worker_ids:
            self.say_ready(self.at(worker_id))
            self.settle()

    def crash(self, *worker_ids: int) -> None:
        for worker_id in worker_ids:
            self.end(self.at(worker_id), ExitStatus(code=1))

    def answer(self, *worker_ids: int) -> None:
        """They have reloaded in place."""
        for worker_id in worker_ids:
            self.say_reloaded(self.at(worker_id))
            self.settle()

    def leave(self, *worker_ids: int) -> None:
        for worker_id in worker_ids:
            self.ask_to_leave(self.at(worker_id))

    def finish(self) -> None:
        """All that start are ready, until nobody starts any more."""
        while any(not p.ready and not p.asked for p in self.processes()):
            self.all_ready()
            self.settle()

    # -- what is there

    def line(self, service_id: ServiceId | None = None) -> str:
        """The revisions of the processes, by worker.

        ``?`` is not ready, ``!`` was asked to end; two of one worker are joined by ``+``.
        """
        found: dict[int, list[str]] = {}
        for process in self.processes(service_id or self.web):
            mark = "!" if process.asked else "" if process.ready else "?"
            text = f"{self.revision_of[process.incarnation]}{mark}"
            found.setdefault(process.incarnation.worker_id, []).append(text)
        return " ".join("+".join(texts) for _, texts in sorted(found.items()))

    def told(self) -> list[str]:
        """What was told of reloads and removals so far."""
        return [text for event in self.events if (text := _brief(event))]

    def error(self) -> str:
        """Why the last reload failed."""
        return self.events_of(events.ReloadFailed)[-1].error


def _brief(event: events.Event) -> str:
    if isinstance(event, events.ManagerReloading):
        return "begun"
    if isinstance(event, events.ManagerReloaded):
        return f"over: {event.reloaded} in place, {event.replaced} replaced"
    if isinstance(event, events.ReloadFailed):
        return f"failed in {event.service}" if event.service else "refused"
    if isinstance(event, events.ReloadUndone):
        return "not undone" if event.error else "undone"
    return f"{event.service} removed" if isinstance(event, events.ServiceRemoved) else ""

"""A reload from its beginning to its result.

The shell is asked what changes, and the services that change are brought to
their new revision. The reload is over when every worker is there. If one is
lost on the way, or nothing comes forward for too long, the reload has failed:
nobody else is replaced, and the shell is asked to undo it. What it answers is
brought about in the same way; a loss on that way ends it where it is.

There are never more than two revisions on their way: a reload that is asked for
meanwhile begins when this one is over, however often it is asked for; only the
hooks are called each time. Reloads in place are no such way: another may begin
beside them.
"""

from __future__ import annotations

from enum import Enum

from cotyledon_core import events
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import CallReloadHooks, PrepareReload, UndoReload
from cotyledon_core.supervision.exceptions import ImpossibleMessage
from cotyledon_core.supervision.recycling import Recycling
from cotyledon_core.supervision.replacement import Replacement
from cotyledon_core.supervision.results import STOPPING, Wish
from cotyledon_core.supervision.service import SupervisedService
from cotyledon_core.supervision.situation import Situation
from cotyledon_core.supervision.starting import Starting


class Phase(Enum):
    """How far a reload has come."""

    NONE = "none"
    PREPARED = "being prepared"
    """The shell looks for what changes."""
    APPLIED = "being applied"
    FAILED = "given up"
    """The shell looks for what undoes it."""
    UNDONE = "being undone"


class Reloading:
    """See the module's description."""

    def __init__(
        self,
        situation: Situation,
        starting: Starting,
        recycling: Recycling,
        replacement: Replacement,
    ) -> None:
        self._situation = situation
        self._starting = starting
        self._recycling = recycling
        self._replacement = replacement
        replacement.failed = self._lost
        self._phase = Phase.NONE
        self._again = False
        self._begun_at = 0.0

    def asked(self, message: msg.AskReload) -> None:
        if self._situation.stopping:
            self._situation.results.refuse(message.number, STOPPING)
            return
        self._situation.results.expect_reload(message.number)
        if self._phase is Phase.APPLIED and self._replacement.only_tells():
            self._succeed()
        if self._phase is Phase.NONE:
            self._situation.agenda.publish(events.ManagerReloading)
            self._situation.agenda.add(CallReloadHooks())
            self._begin()
        else:
            self._situation.agenda.add(CallReloadHooks())
            self._again = True

    def _begin_again(self) -> None:
        self._situation.agenda.publish(events.ManagerReloading)
        self._begin()

    def _begin(self) -> None:
        self._again = False
        self._situation.results.reload_begun()
        self._phase = Phase.PREPARED
        self._begun_at = self._situation.now
        self._situation.agenda.add(PrepareReload())

    def refused(self, message: msg.RefuseReload) -> None:
        self._expect(Phase.PREPARED)
        self._phase = Phase.NONE
        self._situation.agenda.publish(events.ReloadFailed, error=message.error)
        self._situation.results.reload_over(message.error)

    def reload(self, message: msg.Reload) -> None:
        if message.undo:
            self._expect(Phase.FAILED)
            following = Phase.UNDONE if message.changes else Phase.NONE
        else:
            self._expect(Phase.PREPARED)
            following = Phase.APPLIED
        self._phase = following
        self._replacement.told = self._replacement.replaced = 0
        for change in message.changes:
            service = self._situation.roster.find(change.spec.service_id)
            # one that is only being added comes as it is now
            if service is not None and not self._situation.stopping:
                self._apply(service, change)

    @property
    def awaits_answer(self) -> bool:
        """Whether the shell is about to say what changes."""
        return self._phase in (Phase.PREPARED, Phase.FAILED)

    def _expect(self, phase: Phase) -> None:
        if self._phase is not phase:
            raise ImpossibleMessage(f"an answer for a reload that is not {phase.value}")

    def _apply(self, service: SupervisedService, change: msg.Change) -> None:
        old, service.spec = service.spec, change.spec
        self._recycling.respecified(service, old)
        same = old.revision == change.spec.revision
        if change.afresh:
            made_anew = not same and change.manner is not msg.Manner.TELL_OR_LEAVE
            self._starting.begin_afresh(service, finished=made_anew)
        if same:
            return
        if change.manner is msg.Manner.REPLACE:
            self._replacement.replace(service)
        else:
            self._replacement.tell(service, keep=change.manner is msg.Manner.TELL_OR_LEAVE)

    # -- the result

    def finish_if_over(self) -> None:
        """Tell the result once every worker is there; begin the next reload if one is asked for."""
        if self._situation.stopping:
            return
        if self._replacement.under_way:
            return
        if self._phase is Phase.APPLIED:
            self._succeed()
        elif self._phase is Phase.UNDONE:
            self._phase = Phase.NONE
            self._situation.agenda.publish(events.ReloadUndone)
        if self._phase is Phase.NONE and self._again:
            self._begin_again()

    def _succeed(self) -> None:
        self._phase = Phase.NONE
        self._situation.agenda.publish(
            events.ManagerReloaded,
            reloaded=self._replacement.told,
            replaced=self._replacement.replaced,
            duration=self._situation.now - self._begun_at,
        )
        self._situation.results.reload_over()

    def overdue(self, service: SupervisedService) -> None:
        """Nothing has come forward in the service for too long."""
        reloads = service in self._replacement.under_way
        if not reloads and not service.rollout.ordered:
            return
        why = self._lateness(service)
        if not reloads:
            self._situation.results.fail(service, why, {Wish.RENEWED})
            self._replacement.halt(service, why)
            return
        if self._phase in (Phase.APPLIED, Phase.UNDONE):
            self._replacement.end_late(service)
        self._lost(service, why)

    def _lateness(self, service: SupervisedService) -> str:
        rollout, timeout = service.rollout, service.spec.replacement_timeout
        late = min(
            rollout.told or rollout.starting, key=lambda worker: worker.worker_id, default=None
        )
        if late is None:
            missing = service.expected - service.settled - service.running
            what = f"no worker of {service.spec.name} could be replaced, as {missing} are not ready"
        else:
            for worker in rollout.told:
                worker.deaf = True  # it hangs, maybe for ever: the next reload replaces it
            done = "reload" if rollout.told else "become ready"
            what = f"worker {service.spec.name}({late.worker_id}) did not {done}"
        return f"{what} within {timeout:g} seconds (replacement_timeout)"

    def _lost(self, service: SupervisedService, why: str) -> None:
        if self._phase not in (Phase.APPLIED, Phase.UNDONE) or self._situation.stopping:
            return
        for other in list(self._replacement.under_way):
            self._replacement.halt(other, f"a reload has failed: {why}")
        if self._phase is Phase.UNDONE:
            self._phase = Phase.NONE
            self._situation.agenda.publish(events.ReloadUndone, error=why)
            return
        self._phase = Phase.FAILED
        self._situation.agenda.publish(events.ReloadFailed, error=why, service=service.spec.name)
        self._situation.results.reload_over(why)
        self._situation.agenda.add(UndoReload())

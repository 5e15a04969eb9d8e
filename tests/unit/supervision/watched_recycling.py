"""What has to follow when workers have reached bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cotyledon_core import events
from cotyledon_core.supervision.messages import ServiceSpec
from cotyledon_core.supervision.states import State
from cotyledon_core.testing.simulation import FakeProcess
from cotyledon_core.types import ServiceId, WorkerId

RANDOM = 0.5
"""What the supervisor gets for a random number."""
ON_ITS_WAY = (State.STOPPING, State.STOPPED, State.STARTING)
"""The states of a worker from the grant to the readiness of its replacement."""

Slot = tuple[ServiceId, WorkerId]


def slot_of(process: FakeProcess) -> Slot:
    return process.incarnation.service_id, process.incarnation.worker_id


class WatchedRecycling:
    """Knows who has asked, who was granted it and who is on its way."""

    def __init__(self) -> None:
        self._asked: dict[FakeProcess, str] = {}
        """Those that wait, and why, in the order in which they have asked."""
        self._granted: dict[FakeProcess, str] = {}
        self._on_its_way: set[Slot] = set()
        self._over_at: dict[FakeProcess, float] = {}
        """When the lifetimes of those end that have not asked for that."""

    # -- what happens

    def ready(self, process: FakeProcess, spec: ServiceSpec, now: float) -> None:
        """It is ready for the first time, and was not asked to end."""
        if spec.max_lifetime:
            jitter = 1.0 + spec.recycle_jitter * RANDOM
            self._over_at[process] = now + spec.max_lifetime * jitter

    def asked(self, process: FakeProcess, reason: str) -> None:
        if not process.asked:
            self._asked.setdefault(process, reason)

    def lifetimes_over(self, specs: Mapping[ServiceId, ServiceSpec], now: float) -> None:
        """Those that have lived long enough ask."""
        for process, over_at in sorted(self._over_at.items(), key=lambda item: item[1]):
            if over_at <= now:
                del self._over_at[process]
                lifetime = specs[process.incarnation.service_id].max_lifetime
                self.asked(process, f"max_lifetime: {lifetime:g} seconds are over")

    def left(self, processes: Iterable[FakeProcess]) -> None:
        """They have ended, or were asked to end for another reason."""
        for process in processes:
            self._asked.pop(process, None)
            self._over_at.pop(process, None)

    # -- what follows

    def check_granted(
        self,
        granted: list[FakeProcess],
        states: Mapping[Slot, State],
        budgets: Mapping[ServiceId, int],
    ) -> None:
        """
        :param granted: those that were asked to end for nothing but their bound.
        :param states: of all workers by now.
        :param budgets: of the services that may replace workers.
        """
        for service_id in {process.incarnation.service_id for process in granted}:
            first = [p for p in self._asked if p.incarnation.service_id == service_id]
            mine = [p for p in granted if p.incarnation.service_id == service_id]
            assert mine == first[: len(mine)], "not in the order in which they asked"
        for process in granted:
            self._granted[process] = self._asked.pop(process)
            self._over_at.pop(process, None)
            self._on_its_way.add(slot_of(process))
        self._on_its_way = {s for s in self._on_its_way if states.get(s) in ON_ITS_WAY}
        self._check_budgets({slot_of(process)[0] for process in granted}, budgets)

    def _check_budgets(
        self, services_granted: set[ServiceId], budgets: Mapping[ServiceId, int]
    ) -> None:
        assert services_granted <= set(budgets), "nobody would follow"
        waiting = {process.incarnation.service_id for process in self._asked}
        for service_id, budget in budgets.items():
            count = sum(owner == service_id for owner, _ in self._on_its_way)
            assert count <= budget or service_id not in services_granted, "too many"
            assert count >= budget or service_id not in waiting, "waits for nothing"

    def check_told(
        self, process: FakeProcess | None, told: list[events.WorkerRecycled], replaced: bool
    ) -> None:
        """A process has ended, or could not be started."""
        reason = self._granted.pop(process, None) if process else None
        expected = [reason] if reason is not None and replaced else []
        assert [event.reason for event in told] == expected

    def check_settled(self, now: float) -> None:
        """Nothing is due any more."""
        assert all(over_at > now for over_at in self._over_at.values()), "lives too long"

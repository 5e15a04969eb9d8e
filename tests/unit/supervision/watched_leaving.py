"""What has to follow when workers want to leave: they are replaced a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cotyledon_core.supervision.messages import ServiceSpec
from cotyledon_core.supervision.states import SETTLED, State
from cotyledon_core.testing.simulation import FakeProcess
from cotyledon_core.types import ServiceId, WorkerId

Slot = tuple[ServiceId, WorkerId]


class WatchedLeaving:
    """Knows who wants to leave and has not been asked to end."""

    def __init__(self) -> None:
        self._asked: dict[FakeProcess, None] = {}
        """In the order in which they have asked."""

    def asked(self, process: FakeProcess) -> None:
        self._asked.pop(process, None)
        self._asked[process] = None

    def left(self, processes: Iterable[FakeProcess]) -> None:
        """They have ended, or were asked to end."""
        for process in processes:
            self._asked.pop(process, None)

    def __contains__(self, process: FakeProcess) -> bool:
        return process in self._asked

    def check_granted(
        self,
        granted: list[FakeProcess],
        states: Mapping[Slot, State],
        specs: Mapping[ServiceId, ServiceSpec],
        wanted: Mapping[ServiceId, int],
        expected: Mapping[ServiceId, int],
    ) -> None:
        """
        :param granted: those of them that were asked to end.
        :param states: of all workers by now.
        :param specs: of the services that may replace workers.
        :param expected: how many are wanted, and not stopped by an operator.
        """
        for service_id in {p.incarnation.service_id for p in [*self._asked, *granted]}:
            first = [p for p in self._asked if p.incarnation.service_id == service_id]
            mine = [p for p in granted if p.incarnation.service_id == service_id]
            assert mine == first[: len(mine)], "not in the order in which they asked"
            if service_id not in specs:
                assert not mine, "nobody would follow"
                continue
            missing = _missing(service_id, states, expected[service_id])
            most = specs[service_id].max_unavailable.at_least_one_of(wanted[service_id])
            assert missing <= most or not mine, "too many are missing"
            assert missing >= most or len(mine) == len(first), "waits for nothing"
        self.left(granted)


def _missing(service_id: ServiceId, states: Mapping[Slot, State], expected: int) -> int:
    own = [state for slot, state in states.items() if slot[0] == service_id]
    settled = sum(state in SETTLED for state in own)
    return expected - settled - own.count(State.RUNNING)

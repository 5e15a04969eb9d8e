"""Whatever the services' order and whatever happens to them: what holds in a start and a stop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import ExitStatus, Restart
from cotyledon_core.testing.simulation import FakeProcess, Simulation
from cotyledon_core.types import ServiceId

Services = list[tuple[int, list[int]]]
"""Of each the number of workers, and the places of those before it."""


@st.composite
def services(draw: st.DrawFn) -> Services:
    count = draw(st.integers(1, 6))
    return [
        (
            draw(st.integers(0, 2)),
            sorted(draw(st.sets(st.integers(0, place - 1), max_size=3))) if place else [],
        )
        for place in range(count)
    ]


class Ordered:
    """A simulation of such services; its processes do what the test says."""

    def __init__(self, given: Services, stop_delay: float) -> None:
        self.simulation = Simulation(grace=0.0, stop_delay=stop_delay)
        self.simulation.kernel.obedient = False
        self.ids: list[ServiceId] = []
        self.before: dict[ServiceId, list[ServiceId]] = {}
        for place, (workers, earlier) in enumerate(given):
            before = [self.ids[other] for other in earlier]
            service_id = self.simulation.add(
                f"s{place}", workers, lambda death: Restart(1.0), start_after=tuple(before)
            )
            self.ids.append(service_id)
            self.before[service_id] = before
        self.wanted = {self.ids[place]: workers for place, (workers, _) in enumerate(given)}
        self.ready: set[tuple[ServiceId, int]] = set()
        self.simulation.start(ready=False)

    def is_ready(self, service_id: ServiceId) -> bool:
        """Whether all its workers have been ready once, and those of all before it."""
        own = {(service_id, worker_id) for worker_id in range(self.wanted[service_id])}
        return own <= self.ready and all(map(self.is_ready, self.before[service_id]))

    def check_start(self) -> None:
        """Those that run, and no others, may run."""
        for service_id in self.ids:
            may_run = all(map(self.is_ready, self.before[service_id]))
            started = self.simulation.events_of(events.WorkerSpawned)
            names = {event.service_id for event in started}
            assert (service_id in names) == (may_run and self.wanted[service_id] > 0)
        told = bool(self.simulation.events_of(events.ManagerReady))
        assert told == all(map(self.is_ready, self.ids))

    def check_stop(self) -> None:
        """Those that were asked to end, and no others, have nobody behind them."""
        living = {process.incarnation.service_id for process in self.simulation.processes()}
        for process in self.simulation.processes():
            assert process.asked == (not self.behind(process.incarnation.service_id) & living)

    def behind(self, service_id: ServiceId) -> set[ServiceId]:
        direct = {other for other in self.ids if service_id in self.before[other]}
        return direct.union(*map(self.behind, direct))

    def say_ready(self, process: FakeProcess) -> None:
        self.ready.add((process.incarnation.service_id, process.incarnation.worker_id))
        self.simulation.say_ready(process)
        self.simulation.settle()


@given(services(), st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=25))
def test_a_service_starts_when_those_before_it_were_ready(
    given_services: Services, steps: list[tuple[bool, int]]
) -> None:
    ordered = Ordered(given_services, 0.0)
    ordered.check_start()
    for becomes_ready, number in steps:
        processes = ordered.simulation.processes()
        if not processes:
            break
        process = processes[number % len(processes)]
        if becomes_ready:
            ordered.say_ready(process)
        else:
            ordered.simulation.end(process, ExitStatus(code=1))
            ordered.simulation.advance(1.0)
        ordered.check_start()


@given(
    services(),
    st.integers(0, 12),
    st.sampled_from([0.0, 5.0]),
    st.lists(st.integers(0, 20), min_size=12, max_size=12),
)
def test_a_service_is_stopped_when_those_behind_it_are_gone(
    given_services: Services, readiness: int, stop_delay: float, ends: list[int]
) -> None:
    ordered = Ordered(given_services, stop_delay)
    simulation = ordered.simulation
    for _ in range(readiness):
        unready = [process for process in simulation.processes() if not process.ready]
        if unready:
            ordered.say_ready(unready[0])
    simulation.shut_down()
    if stop_delay:
        assert not any(process.asked for process in simulation.processes())
        simulation.advance(stop_delay)
    ordered.check_stop()
    for number in ends:
        processes = simulation.processes()
        if processes:
            simulation.end(processes[number % len(processes)], ExitStatus(code=0))
            ordered.check_stop()
    assert simulation.processes() == []
    assert simulation.exit_status == 0

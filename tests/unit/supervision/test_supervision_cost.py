"""What a message costs does not depend on the number of workers.

Measured in executed lines, which a scan of all workers would multiply.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from cotyledon_core.events import ManagerReloaded
from cotyledon_core.plugins.restart_policy import ExitStatus, Restart
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Action
from cotyledon_core.supervision.messages import Instant, Message
from cotyledon_core.supervision.share import Share
from cotyledon_core.testing.simulation import Simulation

FEW, MANY = 10, 2_000
NOW = Instant(1001.0, 0.0)
LOGARITHMIC = 40
"""Lines that a deeper heap may cost."""


def lines_of(work: Callable[[], Any]) -> int:
    """How many lines of Python the work executes."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def crowd(workers: int) -> Simulation:
    """Services with that many workers in all, one in ten of them in back-off."""
    simulation = Simulation()
    service_ids = [
        simulation.add(
            f"s{number}",
            workers // 5,
            lambda death: Restart(100.0),
            max_unavailable=Share(100, percent=True),
        )
        for number in range(5)
    ]
    simulation.start()
    for service_id in service_ids:
        for process in simulation.processes(service_id)[::10]:
            simulation.kernel.end(process, ExitStatus(code=1))
    simulation.settle()
    return simulation


MESSAGES: dict[str, Callable[[msg.Incarnation], Message]] = {
    "StatusTold": lambda incarnation: msg.StatusTold(incarnation, "busy"),
    "Ready": msg.Ready,
    "GraceAnnounced": lambda incarnation: msg.GraceAnnounced(incarnation, 3.0),
    "RecycleAsked": lambda incarnation: msg.RecycleAsked(incarnation, "too large"),
    "LeaveAsked": msg.LeaveAsked,
    "Exited": lambda incarnation: msg.Exited(incarnation, ExitStatus(code=0)),
    "DeadlineReached": lambda incarnation: msg.DeadlineReached(),
}
LIFE = tuple(MESSAGES)
MESSAGES |= {"Reloaded": msg.Reloaded, "AskReload": lambda incarnation: msg.AskReload()}

ASKING = ("LeaveAsked", "RecycleAsked")


@pytest.mark.parametrize("asks", [None, *ASKING])
def test_the_life_of_one_among_many(asks: str | None) -> None:
    """A worker says something, ends, and the next one is started."""
    crowds = [crowd(FEW), crowd(MANY)]
    incarnations = [simulation.processes()[-1].incarnation for simulation in crowds]
    for name in LIFE:
        if name in ASKING and name != asks:
            continue
        few, many = (
            lines_of(partial(simulation.supervisor.handle, MESSAGES[name](incarnation), NOW))
            for simulation, incarnation in zip(crowds, incarnations, strict=True)
        )
        assert few > 0
        assert many <= few + LOGARITHMIC, name


def queue_of_leavers(workers: int) -> Simulation:
    """All workers have reached a bound; the first is being replaced and starts."""
    simulation = Simulation()
    simulation.add(workers=workers, max_recycling=Share(1))
    simulation.start()
    for process in simulation.processes():
        simulation.send(msg.RecycleAsked(process.incarnation, "too large"))
    simulation.settle()
    return simulation


@pytest.mark.parametrize("name", ["Ready", "Exited"])
def test_the_replacement_of_one_while_the_others_wait(name: str) -> None:
    """It becomes ready, or fails: either lets the next one leave."""
    few, many = (
        lines_of(partial(simulation.supervisor.handle, MESSAGES[name](first.incarnation), NOW))
        for simulation in map(queue_of_leavers, (FEW, MANY))
        for first in simulation.processes()[:1]
    )
    assert many <= few + LOGARITHMIC


def test_finding_the_next_deadline() -> None:
    few, many = (lines_of(crowd(number).supervisor.deadline) for number in (FEW, MANY))
    assert many <= few + LOGARITHMIC


# -- a reload, which looks at all workers once


def rolling(workers: int, **more: Any) -> Simulation:
    """The first is being replaced and starts, the others wait for it."""
    simulation = Simulation()
    spec: dict[str, Any] = {"max_unavailable": Share(1), "replacement_timeout": 9.0} | more
    service_id = simulation.add(workers=workers, **spec)
    simulation.start()
    changed = replace(simulation.specs[service_id], revision=1)
    simulation.reload(msg.Change(changed, msg.Manner.REPLACE))
    return simulation


def telling(workers: int) -> Simulation:
    """All were told to reload in place."""
    simulation = Simulation()
    simulation.add(workers=workers, replacement_timeout=9.0)
    simulation.start()
    simulation.reload()
    return simulation


def restarting(workers: int) -> Simulation:
    """By an operator who waits for it; the first is being replaced and starts."""
    simulation = Simulation()
    service_id = simulation.add(workers=workers, max_unavailable=Share(1))
    simulation.start()
    simulation.send(msg.OperatorRestart(service_id, rolling=True, number=1))
    simulation.send(msg.Await(service_id, number=2))
    simulation.settle()
    return simulation


SURGE = {"max_unavailable": Share(0), "max_surge": Share(1)}
STEPS: dict[str, tuple[Callable[[int], Simulation], str]] = {
    "the new one is ready": (rolling, "Ready"),
    "it has to stay so": (partial(rolling, min_ready_time=1.0), "Ready"),
    "it was started beside the old one": (partial(rolling, **SURGE), "Ready"),
    "it wants to leave": (rolling, "LeaveAsked"),
    "it cannot reload": (telling, "LeaveAsked"),
    "it has reloaded": (telling, "Reloaded"),
    "an operator waits for a restart": (restarting, "Ready"),
    "another reload is asked for": (rolling, "AskReload"),
}


def youngest(simulation: Simulation) -> msg.Incarnation:
    found = [process.incarnation for process in simulation.processes()]
    return max(found, key=lambda incarnation: incarnation.number)


@pytest.mark.parametrize(("begin", "name"), STEPS.values(), ids=STEPS)
def test_a_step_of_a_reload(begin: Callable[[int], Simulation], name: str) -> None:
    few, many = (
        lines_of(partial(simulation.supervisor.handle, MESSAGES[name](youngest(simulation)), NOW))
        for simulation in map(begin, (FEW, MANY // 5))
    )
    assert many <= few + LOGARITHMIC


class Measured(Simulation):
    """Counts the lines that the supervisor executes."""

    lines = 0

    def step(self, message: Message) -> tuple[list[Action], list[Message]]:
        done: list[tuple[list[Action], list[Message]]] = []
        self.lines += lines_of(lambda: done.append(super(Measured, self).step(message)))
        return done[0]

    def _has_room(self, incarnation: msg.Incarnation) -> bool:
        return True


@pytest.mark.parametrize("how", ["in place", "replaced", "with a surge"])
def test_a_whole_reload_costs_so_much_a_worker(how: str) -> None:
    few, many = (lines_of_reload(how, workers) / workers for workers in (40, 800))
    assert many <= few + LOGARITHMIC


def lines_of_reload(how: str, workers: int) -> int:
    simulation = Measured()
    surge = {"max_unavailable": Share(0), "max_surge": Share(10, percent=True)}
    service_id = simulation.add(workers=workers, **(surge if how == "with a surge" else {}))
    simulation.start()
    simulation.lines = 0
    if how == "in place":
        simulation.reload()
        for process in simulation.processes():
            simulation.say_reloaded(process)
    else:
        spec = replace(simulation.specs[service_id], revision=1)
        simulation.reload(msg.Change(spec, msg.Manner.REPLACE))
    while not simulation.events_of(ManagerReloaded):
        simulation.all_ready()
        simulation.settle()
    return simulation.lines

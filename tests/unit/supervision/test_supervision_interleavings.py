"""All interleavings of starts, ends, stops, reloads and scaling, to a depth of six."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import ExitStatus, Restart
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.testing.simulation import Simulation

DEPTH = 6
PAUSE = 1.0
"""Seconds between starts, and before a restart."""

HAPPENINGS = ("start", "end", "term", "reload", "answer", "scale_up", "scale_down")


class Scenario:
    """Two workers are wanted and none is started yet.

    Each of HAPPENINGS is a method, which returns False if that cannot happen now. The
    simulation raises if anything is started after a stop, twice, or signalled after its end.
    """

    def __init__(self) -> None:
        self.simulation = Simulation(grace=10.0, spawn_interval=PAUSE)
        self.simulation.kernel.obedient = False
        self.simulation.start()
        self.wanted = 2
        self.service_id = self.simulation.add(workers=2, decide=lambda death: Restart(PAUSE))

    def start(self) -> bool:
        """The next deadline comes; what it starts is ready at once, what it kills is reaped."""
        due = self.simulation.supervisor.deadline()
        if due is None:
            return False
        self.simulation.clock.advance_to(due)
        self.simulation.send(msg.DeadlineReached())
        self.simulation.all_ready()
        self.simulation.tell_deaths()
        return True

    def end(self) -> bool:
        """The first process ends, be it by itself or because it was asked to."""
        processes = self.simulation.processes()
        if not processes:
            return False
        self.simulation.kernel.end(processes[0], ExitStatus(code=0))
        return self.simulation.tell_death()

    def term(self) -> bool:
        """A SIGTERM, the first or another."""
        self.simulation.send(msg.StopNoticed())
        self.simulation.send(msg.ShutDown(self.simulation.clock.monotonic))
        return True

    def reload(self) -> bool:
        self.simulation.send(msg.AskReload())
        return True

    def answer(self) -> bool:
        """The first process that was told to reload, and not to end, does so, or cannot."""
        told = [p for p in self.simulation.processes() if p.received[-1:] == [Request.RELOAD]]
        if not told:
            return False
        told[0].received.clear()
        if told[0].incarnation.worker_id % 2:
            self.simulation.send(msg.LeaveAsked(told[0].incarnation))
        else:
            self.simulation.say_reloaded(told[0])
        return True

    def scale_up(self) -> bool:
        return self.scale(self.wanted + 1)

    def scale_down(self) -> bool:
        return self.wanted > 0 and self.scale(self.wanted - 1)

    def scale(self, workers: int) -> bool:
        self.wanted = workers
        self.simulation.send(msg.Scale(self.service_id, workers))
        return True

    def come_to_rest(self) -> None:
        """Those that were told to reload do, those that start are ready, as often as it takes."""
        for _ in range(self.wanted + 1):
            while self.answer():
                pass
            self.simulation.advance(20.0)
            self.simulation.all_ready()

    def finish(self) -> None:
        """Left alone it comes to what is wanted; a stop then leaves nothing."""
        simulation = self.simulation
        if not simulation.stop_seen:
            self.come_to_rest()
            ids = [process.incarnation.worker_id for process in simulation.processes()]
            assert ids == list(range(self.wanted))
            begun = simulation.events_of(events.ManagerReloading)
            over = simulation.events_of(events.ManagerReloaded)
            failed = simulation.events_of(events.ReloadFailed)
            assert len(begun) == len(over) + len(failed)
            self.term()
        simulation.advance(20.0)
        assert simulation.processes() == []
        assert simulation.exit_status is not None


def follow(happenings: tuple[str, ...]) -> Scenario | None:
    """The scenario after that; None if that cannot happen."""
    scenario = Scenario()
    for name in happenings:
        if scenario.simulation.exit_status is not None or not getattr(scenario, name)():
            return None
    return scenario


def explore(happenings: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """What can happen, from there on."""
    scenario = follow(happenings)
    if scenario is None:
        return
    try:
        scenario.finish()
    except AssertionError as error:
        raise AssertionError(f"after {', '.join(happenings)}") from error
    yield happenings
    if len(happenings) < DEPTH:
        for name in HAPPENINGS:
            yield from explore((*happenings, name))


@pytest.mark.parametrize("first", HAPPENINGS)
def test_whatever_happens_in_whatever_order(first: str) -> None:
    explored = list(explore((first,)))
    if first in ("end", "answer"):
        assert explored == [], "there is nobody yet"
    elif first == "term":
        assert explored == [("term",)], "there is nothing to wait for"
    else:
        assert {name for happenings in explored for name in happenings} == set(HAPPENINGS)

"""Services that start after others, and are stopped before them."""

from __future__ import annotations

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import ExitStatus, GiveUp, Stop
from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.actions import Request
from cotyledon_core.supervision.exceptions import ImpossibleMessage
from cotyledon_core.testing.simulation import FakeProcess, Simulation
from cotyledon_core.types import ServiceId


class Setting:
    """Services by name; processes do nothing by themselves."""

    def __init__(self) -> None:
        self.simulation = Simulation(grace=60.0)
        self.simulation.kernel.obedient = False
        self.ids: dict[str, ServiceId] = {}

    def add(self, name: str, *earlier: str, workers: int = 1, **more: object) -> Setting:
        start_after = tuple(self.ids[other] for other in earlier)
        self.ids[name] = self.simulation.add(name, workers, start_after=start_after, **more)
        self.simulation.settle()
        return self

    def start(self) -> Setting:
        self.simulation.start(ready=False)
        return self

    def running(self) -> str:
        """The names of the services that have processes, and how many if not one."""
        counts = {name: len(self.simulation.processes(self.ids[name])) for name in self.ids}
        return " ".join(
            name if count == 1 else f"{name}{count}" for name, count in counts.items() if count
        )

    def processes(self, name: str) -> list[FakeProcess]:
        return self.simulation.processes(self.ids[name])

    def ready(self, name: str, worker_id: int = 0) -> None:
        self.simulation.say_ready(self.simulation.process(self.ids[name], worker_id))
        self.simulation.settle()

    def end(self, name: str, worker_id: int = 0, code: int = 1) -> None:
        process = self.simulation.process(self.ids[name], worker_id)
        self.simulation.end(process, ExitStatus(code=code))

    def stopped(self) -> str:
        """The names of the services whose processes were asked to end and live."""
        return " ".join(
            name
            for name in self.ids
            if any(Request.STOP in process.received for process in self.processes(name))
        )

    def manager_ready(self) -> bool:
        return bool(self.simulation.events_of(events.ManagerReady))

    def given_up(self) -> dict[str, str]:
        told = self.simulation.events_of(events.ServiceGivenUp)
        return {event.service: event.reason for event in told}


# -- start


def test_a_service_starts_when_all_workers_of_the_one_before_are_ready() -> None:
    setting = Setting().add("db", workers=2).add("web", "db", workers=3).start()
    assert setting.running() == "db2"
    setting.ready("db", 1)
    assert setting.running() == "db2"
    setting.ready("db", 0)
    assert setting.running() == "db2 web3"
    assert not setting.manager_ready()
    for worker_id in range(3):
        setting.ready("web", worker_id)
    assert setting.manager_ready()


def test_a_chain_and_a_fork() -> None:
    setting = Setting().add("a").add("b", "a").add("c", "a").add("d", "b", "c").start()
    assert setting.running() == "a"
    setting.ready("a")
    assert setting.running() == "a b c"
    setting.ready("c")
    assert setting.running() == "a b c"
    setting.ready("b")
    assert setting.running() == "a b c d"


def test_readiness_counts_once_for_each_worker() -> None:
    setting = Setting().add("db", workers=2).add("web", "db").start()
    setting.ready("db", 0)
    setting.end("db", 0)
    setting.ready("db", 1)
    assert setting.running() == "db2 web", "the first worker was ready once"


def test_a_service_of_no_workers_holds_up_nobody() -> None:
    setting = Setting().add("a").add("none", "a", workers=0).add("b", "none").start()
    assert setting.running() == "a"
    setting.ready("a")
    assert setting.running() == "a b"


def test_scaling_one_that_waits_changes_how_many_are_started() -> None:
    setting = Setting().add("db").add("web", "db", workers=2).start()
    setting.simulation.scale(setting.ids["web"], 4)
    setting.simulation.scale(setting.ids["web"], 3)
    assert setting.running() == "db"
    setting.ready("db")
    assert setting.running() == "db web3"


def test_scaling_away_those_that_are_not_ready() -> None:
    setting = Setting().add("db", workers=2).add("web", "db").start()
    setting.ready("db", 0)
    setting.simulation.scale(setting.ids["db"], 1)
    assert setting.running() == "db2", "it has been asked to end, and is not gone"
    setting.end("db", 1, code=0)
    assert setting.running() == "db web"


def test_added_while_the_manager_runs() -> None:
    setting = Setting().add("db").start()
    setting.add("web", "db")
    assert setting.running() == "db"
    setting.ready("db")
    assert setting.running() == "db web"
    setting.add("late", "db", "web")
    assert setting.running() == "db web"
    setting.ready("web")
    assert setting.running() == "db web late"


def test_unknown_and_later_services_are_impossible() -> None:
    setting = Setting().add("db").start()
    simulation = setting.simulation
    spec = replace(simulation._initial[0], service_id=ServiceId(setting.ids["db"].__class__(int=9)))
    unknown = replace(spec, start_after=(spec.service_id,))
    before = simulation.supervisor.snapshot()
    with pytest.raises(ImpossibleMessage, match="unknown"):
        simulation.supervisor.handle(msg.AddService(unknown), simulation.clock.now())
    assert simulation.supervisor.snapshot() == before


# -- those that are lost


def test_with_a_service_that_is_given_up_go_those_that_wait_for_it() -> None:
    setting = Setting().add("db", decide=lambda death: GiveUp("broken")).add("other")
    setting.add("web", "db").add("top", "web").start()
    setting.ready("other")
    setting.end("db")
    assert setting.given_up() == {
        "db": "broken",
        "web": "it starts after db, which was given up",
        "top": "it starts after web, which was given up",
    }
    assert setting.running() == "other"
    assert setting.manager_ready()
    assert not setting.simulation.stop_seen


def test_those_that_do_not_wait_any_more_are_not_lost() -> None:
    setting = Setting().add("db", decide=lambda death: GiveUp("broken")).add("web", "db").start()
    setting.ready("db")
    setting.end("db")
    assert set(setting.given_up()) == {"db"}
    assert setting.running() == "web"


def test_one_that_finished_after_it_was_ready_counts() -> None:
    setting = Setting().add("job", workers=2, decide=lambda death: Stop("done"))
    setting.add("web", "job").start()
    setting.ready("job", 0)
    setting.end("job", 0)
    setting.ready("job", 1)
    assert setting.running() == "job web"


def test_one_that_finished_cleanly_counts() -> None:
    """A migration, say, that ends in its constructor."""
    setting = Setting().add("job", decide=lambda death: Stop("done")).add("web", "job").start()
    setting.end("job", code=0)
    assert setting.running() == "web"


def test_one_that_failed_before_it_was_ready_does_not() -> None:
    setting = Setting().add("job", decide=lambda death: Stop("enough")).add("web", "job").start()
    setting.end("job", code=1)
    assert setting.given_up() == {"web": "it starts after job, which has ended before it was ready"}
    assert setting.running() == ""


def test_one_that_is_added_after_a_lost_one_is_lost() -> None:
    setting = Setting().add("other").add("db", decide=lambda death: GiveUp("broken")).start()
    setting.end("db")
    setting.add("web", "db")
    assert setting.given_up()["web"] == "it starts after db, which was never ready"
    assert setting.running() == "other"


def test_giving_up_one_that_waits_may_end_the_manager() -> None:
    setting = Setting().add("other").add("db", decide=lambda death: GiveUp("broken"))
    setting.add("web", "db", ends_manager=True).start()
    setting.end("db")
    assert setting.simulation.stop_seen


# -- stop


def test_a_service_is_stopped_when_those_after_it_are_gone() -> None:
    setting = Setting().add("db", workers=2).add("other").add("web", "db", workers=2).start()
    setting.ready("db", 0)
    setting.ready("db", 1)
    setting.simulation.shut_down()
    assert setting.stopped() == "other web"
    setting.end("web", 0, code=0)
    assert setting.stopped() == "other web"
    setting.end("web", 1, code=0)
    assert setting.stopped() == "db other"
    setting.end("other", 0, code=0)
    setting.end("db", 0, code=0)
    setting.end("db", 1, code=0)
    assert setting.simulation.exit_status == 0


def test_through_one_that_has_no_process() -> None:
    setting = Setting().add("a").add("b", "a").add("c", "b").start()
    setting.ready("a")
    setting.ready("b")
    setting.simulation.scale(setting.ids["b"], 0)
    setting.end("b", code=0)
    setting.simulation.shut_down()
    assert setting.stopped() == "c"
    setting.end("c", code=0)
    assert setting.stopped() == "a"


def test_a_stop_while_some_wait() -> None:
    setting = Setting().add("a").add("b", "a").add("c", "b").start()
    setting.simulation.shut_down()
    assert setting.stopped() == "a"
    setting.end("a", code=0)
    assert setting.simulation.exit_status == 0


def test_one_that_dies_during_the_stop_is_not_started_again() -> None:
    setting = Setting().add("a").add("b", "a").start()
    setting.ready("a")
    setting.simulation.shut_down()
    setting.end("a")
    assert setting.running() == "b"
    setting.end("b", code=0)
    assert setting.simulation.exit_status == 0


def test_the_bound_stands_above_the_order() -> None:
    setting = Setting().add("a", grace=0.0).add("b", "a", grace=0.0).start()
    setting.ready("a")
    setting.simulation.shut_down()
    setting.simulation.advance(62.0)
    assert setting.simulation.exit_status == 1


def test_an_end_at_once_keeps_no_order() -> None:
    setting = Setting().add("a").add("b", "a").start()
    setting.ready("a")
    setting.simulation.abort()
    assert all(Request.INTERRUPT in p.received for p in setting.simulation.processes())


def test_an_end_at_once_during_a_stop_in_order() -> None:
    setting = Setting().add("a").add("b", "a").start()
    setting.ready("a")
    setting.simulation.shut_down()
    setting.simulation.abort()
    setting.end("b", code=0)
    (first,) = setting.processes("a")
    assert first.received == [Request.INTERRUPT]


def test_one_that_is_added_during_a_stop_holds_it_up_no_longer() -> None:
    setting = Setting().add("a").add("b", "a").add("c", "b").start()
    setting.ready("a")
    setting.ready("b")
    setting.simulation.shut_down()
    setting.add("d", "a", "b")
    setting.end("c", code=0)
    setting.end("b", code=0)
    assert setting.stopped() == "a"

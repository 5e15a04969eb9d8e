"""Notifiers that come and go while the manager runs."""

from __future__ import annotations

import signal

from tests.functional import procfs
from tests.functional.harness import Application, Launch


def teller(application: Application, name: str, kind: str) -> int:
    """Wait until the notifier is told of such an event; return the pid of who was told last."""
    return application.wait_for("told", name=name, kind=kind)[-1].pid


def change(application: Application, count: int) -> None:
    application.send(signal.SIGHUP)
    application.wait_for("changed", count)


def test_added_removed_changed_and_unchanged(launch: Launch) -> None:
    application = launch("notifying", "a,b1,b2,b3", "b1=,b2,b4,c")
    application.wait_for_workers(2)
    before = {name: teller(application, name, "manager_ready") for name in ("b1", "b2", "b3")}
    assert teller(application, "a", "manager_ready") == application.manager
    change(application, 1)
    after = {name: teller(application, name, "manager_reloaded") for name in ("b1", "b2", "b4")}
    assert teller(application, "c", "manager_reloaded") == application.manager
    assert after["b1"] == before["b1"]
    assert after["b2"] != before["b2"]
    for name in ("b2", "b3"):
        application.wait_for("closed", name=name, pid=before[name])
        application.wait_for_end_of(before[name])
    application.wait_for("closed", name="a", pid=application.manager)
    # those that are gone were told what came before the change, and no more
    for name in ("a", "b3"):
        assert application.records("told", name=name, kind="manager_reloading")
        assert not application.records("told", name=name, kind="manager_reloaded")
    for name in ("b4", "c"):
        (ledger,) = application.records("synchronized", name=name)
        assert (ledger.stage, ledger.noted > 0) == ("ready", True)
    assert not application.records("synchronized", name="b1")
    assert application.stop() == 0
    for name in ("b1", "b2", "b4", "c"):
        assert application.records("told", name=name)[-1].kind == "manager_stopped"
    assert len(application.records("closed")) == 7


def test_changes_leave_descriptors_and_processes_as_they_were(launch: Launch) -> None:
    application = launch("notifying", "a,b1,b2", *["b2=,a,b1", "a,b1,b2="] * 10)
    application.wait_for_workers(2)

    def descriptors() -> int:
        return len(procfs.descriptors(application.manager))

    def settled() -> bool:
        """Two workers, guardian, log relay and two hosts; no host that is gone."""
        return len(procfs.children(application.manager)) == 6

    change(application, 1)
    teller(application, "b1", "manager_reloaded")
    application.until(settled, "the end of those that are gone")
    before = descriptors()
    for count in range(2, 21):
        change(application, count)
        application.wait_for("told", count, name="b1", kind="manager_reloaded")
    application.until(settled, "the end of those that are gone")
    application.until(lambda: descriptors() <= before, f"no more than {before} descriptors")
    assert len({record.pid for record in application.records("told", name="b2")}) == 1
    assert application.stop() == 0

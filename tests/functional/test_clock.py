"""The wall clock is for people: whatever it does, restarts and stops come when they are due."""

from __future__ import annotations

from tests.functional.harness import Launch

JUMP = 3600


def test_jumps_of_the_wall_clock_change_nothing(launch: Launch, method: str) -> None:
    application = launch("jumping", method=method)
    delays = [record.delay for record in application.wait_for("worker_restarting", 5)]
    assert delays[0] == 0, "the first restart is at once"
    assert all(0 < delay < JUMP / 2 for delay in delays[1:]), "no time is taken for a healthy one"
    assert application.stop() == 0
    ends = application.records("worker_exited")
    assert all(0 <= record.uptime < JUMP / 2 for record in ends)
    assert [record.service for record in ends if record.asked].count("endless") == 1

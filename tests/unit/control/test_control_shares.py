"""Shares of a processor, from what a manager tells of its processes."""

from __future__ import annotations

import pytest

from cotyledon_core.control import CpuShares, Status


def status(**seconds: float | None) -> Status:
    """Of the manager, and of workers by ``p`` and a process id."""
    workers = [
        {"worker": number, "pid": int(name[1:]), "cpu_seconds": used}
        for number, (name, used) in enumerate(seconds.items())
        if name != "manager"
    ]
    return Status.of(
        {
            "manager": {"pid": 1, "cpu_seconds": seconds.get("manager")},
            "services": [{"name": "web", "workers": [*workers, {"worker": 99, "pid": None}]}],
        }
    )


def test_shares_are_of_what_was_used_since_the_last_look() -> None:
    shares = CpuShares()
    assert shares.update(status(manager=1.0, p7=10.0, p8=5.0), 100.0) == {}
    assert shares.update(status(manager=1.5, p7=12.0, p8=5.0), 102.0) == {1: 25.0, 7: 100.0, 8: 0.0}


def test_only_processes_that_were_there_before_have_one() -> None:
    shares = CpuShares()
    shares.update(status(p7=10.0, p8=5.0, p9=None), 100.0)
    assert shares.update(status(p7=11.0, p9=1.0, p10=3.0), 101.0) == {7: 100.0}
    assert shares.update(status(p7=11.0, p9=1.5, p10=3.0), 102.0) == {
        7: 0.0,
        9: pytest.approx(50.0),
        10: 0.0,
    }


def test_a_process_that_has_another_s_id_has_used_nothing_yet() -> None:
    shares = CpuShares()
    shares.update(status(p7=10.0), 100.0)
    assert shares.update(status(p7=0.5), 101.0) == {7: 0.0}


def test_no_time_that_has_passed_tells_nothing() -> None:
    shares = CpuShares()
    shares.update(status(p7=10.0), 100.0)
    assert shares.update(status(p7=11.0), 100.0) == {}

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from acme_plugins.business_hours import BusinessHours
from acme_plugins.event_file import EventFile
from acme_plugins.sweeper import Sweeper

from cotyledon_core import Cause, ExitStatus, Restart, Stop, WorkerId, replace
from cotyledon_core.testing import (
    check_notifier,
    check_restart_policy,
    check_service,
    every_death,
    every_event,
)


def test_the_plugins_keep_their_contracts(tmp_path: Path) -> None:
    check_service(Sweeper, directory=str(tmp_path))
    check_restart_policy(BusinessHours, opens=0, closes=1)
    check_notifier(EventFile, path=str(tmp_path / "events.json"))


def test_sweeper_removes_old_files_only(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    Sweeper(WorkerId(0), directory=str(tmp_path), max_age=3600.0, interval=60.0).sweep()
    assert list(tmp_path.iterdir()) == [new]


@pytest.mark.parametrize(
    ("hour", "minute", "delay"),
    [(7, 59, 60), (8, 0, 0), (17, 59, 0), (18, 0, 14 * 3600), (0, 30, 7.5 * 3600)],
)
def test_business_hours_wait_for_the_morning(hour: int, minute: int, delay: float) -> None:
    wall_time = time.mktime((2026, 6, 1, hour, minute, 0, 0, 0, -1))
    death = replace(next(every_death()), wall_time=wall_time)
    assert BusinessHours().decide(death) == Restart(delay)


def test_business_hours_leave_ended_what_the_lists_say() -> None:
    policy = BusinessHours(restart_prevent_status=[3])
    death = replace(next(every_death()), cause=Cause.EXITED, status=ExitStatus(code=3))
    assert isinstance(policy.decide(death), Stop)


def test_event_file_has_a_line_for_each_event(tmp_path: Path) -> None:
    notifier = EventFile(str(tmp_path / "events.json"))
    events = list(every_event())
    for event in events:
        notifier.notify(event)
    notifier.close()
    assert len((tmp_path / "events.json").read_text().splitlines()) == len(events)

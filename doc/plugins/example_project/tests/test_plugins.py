from __future__ import annotations

import os
from pathlib import Path

from acme_plugins.crash_limit import CrashLimit
from acme_plugins.event_file import EventFile
from acme_plugins.sweeper import Sweeper

from cotyledon_core import GiveUp, PastRestart, Restart, WorkerId, replace
from cotyledon_core.testing import (
    check_notifier,
    check_restart_policy,
    check_service,
    every_death,
    every_event,
)


def test_the_plugins_keep_their_contracts(tmp_path: Path) -> None:
    check_service(Sweeper, directory=str(tmp_path))
    check_restart_policy(CrashLimit)
    check_notifier(EventFile, path=str(tmp_path / "events.json"))


def test_sweeper_removes_old_files_only(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    Sweeper(WorkerId(0), directory=str(tmp_path), max_age=3600.0, interval=60.0).sweep()
    assert list(tmp_path.iterdir()) == [new]


def test_crash_limit_counts_within_its_period() -> None:
    policy = CrashLimit(crash_limit_restarts=2, crash_limit_period=10.0)
    some_death = next(every_death())
    past = [PastRestart(at=at, uptime=1.0) for at in (80.0, 95.0, 99.0)]
    death = replace(some_death, now=100.0, service_restarts=past)
    assert policy.decide(death) == GiveUp("2 restarts within 10 s")
    assert policy.decide(replace(death, now=108.0)) == Restart()


def test_event_file_has_a_line_for_each_event(tmp_path: Path) -> None:
    notifier = EventFile(str(tmp_path / "events.json"))
    events = list(every_event())
    for event in events:
        notifier.notify(event)
    notifier.close()
    assert len((tmp_path / "events.json").read_text().splitlines()) == len(events)

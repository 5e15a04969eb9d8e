"""Many reloads leave the manager as it was."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.functional import procfs
from tests.functional.configured import Running, sections
from tests.functional.harness import Application, Launch

WARM_UP = 80
"""Until the manager's record of its last events is full."""
RELOADS = 80
MEMORY_MARGIN = 320
"""KiB. The allocator takes some more at times; what is kept for each reload would be more."""


class Size(NamedTuple):
    descriptors: int
    processes: int
    memory: int

    @classmethod
    def of(cls, manager: int) -> Size:
        return cls(
            len(procfs.descriptors(manager)),
            len(procfs.children(manager)),
            # what it shares with a child is its own alone when the child has ended
            procfs.own_kib(manager),
        )


def check_growth(
    application: Application, reload: Callable[[], None], reloads: int = RELOADS
) -> None:
    """Reload often; see that nothing is left of it."""
    for _ in range(WARM_UP):
        reload()
    before = Size.of(application.manager)
    for _ in range(reloads):
        reload()

    def as_before() -> bool:
        """What was asked to end at last may still be there."""
        after = Size.of(application.manager)
        return after.descriptors <= before.descriptors and after.processes <= before.processes

    application.until(as_before, f"{before}, and not {Size.of(application.manager)}")
    assert Size.of(application.manager).memory <= before.memory + MEMORY_MARGIN


@pytest.mark.parametrize("service", ["marked", "in place"])
def test_of_the_api(launch: Launch, service: str) -> None:
    options = json.dumps({"service": service, "workers": 2})
    application = launch("rolling", "reload", options, files={"code.py": ""})
    application.wait_for("manager_ready")
    count = 0

    def reload() -> None:
        nonlocal count
        count += 1
        application.send(signal.SIGHUP)
        application.wait_for("manager_reloaded", count)

    check_growth(application, reload)
    assert application.stop() == 0


def test_of_the_command(launch: Launch) -> None:
    """Workers are replaced, others told; services and a notifier come and go."""
    running = Running(launch, sections(web={}, told={}))
    count = 0

    def reload() -> None:
        nonlocal count
        count += 1
        given = sections(
            {"notifiers": "events, second" if count % 10 == 9 else "events"},
            web={"value": count},
            told={"service_type": "in-place"},
            **{f"extra{count}": {}} if count % 2 else {},
        )
        running.succeed(given)

    check_growth(running.application, reload)
    running.stop()


def test_of_failures(launch: Launch) -> None:
    running = Running(launch, sections(web={}))
    count = 0

    def reload() -> None:
        nonlocal count
        count += 1
        if count % 2:
            running.fail("[cotyledon]\nservices = nobody\n")
        else:
            running.fail(sections(web={"behaviour": "raise"}, extra={}))
            running.application.wait_for("reload_undone", count // 2)

    check_growth(running.application, reload, RELOADS // 2)
    running.stop()

"""What cannot travel to a spawned worker: it is named, and disturbs nobody."""

from __future__ import annotations

import signal

import pytest

from tests.functional import procfs
from tests.functional.harness import Launch


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize(
    ("scenario", "part"),
    [("function", "kwargs['callbacks']['done']"), ("conf", "args[0]._opts['odd']['opt'].type")],
)
def test_it_is_named(launch: Launch, method: str, scenario: str, part: str) -> None:
    application = launch("untravelled", scenario, method=method)
    workers = application.wait_for_workers(1)
    told = application.wait_for("exited", 3, service="second")
    for record in told:
        assert f"service second by {method}: {part} cannot be pickled: " in record.detail
    application.send(signal.SIGHUP)
    application.wait_for_replacement(workers["first", 0], ("first", 0))
    assert not [
        process
        for process in procfs.table()
        if process.ppid == application.pid and not process.alive
    ]
    assert application.stop() == 0

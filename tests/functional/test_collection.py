"""A worker's garbage collection leaves alone what it shares with the manager."""

from __future__ import annotations

import os
import signal

import pytest

from tests.functional.harness import Launch


@pytest.mark.skipif(not hasattr(os, "fork"), reason="memory is shared after a fork")
def test_a_collection_does_not_copy_what_the_manager_has_made(launch: Launch) -> None:
    application = launch("collecting", method="fork")
    (first, _) = application.wait_for_workers(2).values()
    os.kill(first, signal.SIGKILL)
    # the third is made when the manager has made more
    for record in application.wait_for("collects", 3):
        assert record.enabled
        assert record.of_the_manager == []
    assert application.stop() == 0

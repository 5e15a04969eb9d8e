"""A program written for Cotyledon, unchanged."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import cotyledon_core
from tests.functional.harness import Launch, import_path

FOLDER = Path(cotyledon_core.__file__).parent / "compat" / "path" / "both"


@pytest.mark.portable
def test_a_program_for_cotyledon(launch: Launch, method: str) -> None:
    application = launch(
        "cotyledonic",
        "program",
        method=method,
        environment={"PYTHONPATH": os.pathsep.join([str(FOLDER), import_path()])},
        files={"app.conf": "[DEFAULT]\ncolor = red\n"},
    )
    workers = application.wait_for_workers(2, module="cotyledon_core.compat.cotyledon")
    application.write("app.conf", "[DEFAULT]\ncolor = blue\n")
    application.send(signal.SIGHUP)
    reloaded = application.wait_for("reload", 2, color="blue")
    assert {record.pid for record in reloaded} == set(workers.values())
    assert application.stop() == 0

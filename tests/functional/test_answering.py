"""A program written for Cotyledon, unchanged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_program_on_standard_input(tmp_path: Path, method: str) -> None:
    """Its ``__main__`` cannot be imported again."""
    (tmp_path / "stopping.py").write_text(
        "import multiprocessing, os, signal\n"
        "import cotyledon\n"
        "class Stopping(cotyledon.Service):\n"
        "    def run(self):\n"
        "        print(cotyledon.__name__, flush=True)\n"
        "        os.kill(multiprocessing.parent_process().pid, signal.SIGTERM)\n"
    )
    program = (
        "import cotyledon, multiprocessing, stopping\n"
        f"context = multiprocessing.get_context({method!r})\n"
        "manager = cotyledon.ServiceManager(mp_context=context)\n"
        "manager.add(stopping.Stopping)\n"
        "manager.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-"],
        input=program,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), str(tmp_path)])},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout == "cotyledon_core.compat.cotyledon\n"

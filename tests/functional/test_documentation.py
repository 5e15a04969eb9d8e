"""The programs that README and the quick start show, run as shown."""

from __future__ import annotations

import os
import re
import signal
import textwrap
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.functional import procfs
from tests.functional.harness import Application, import_path

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.portable

needs_entry_points = pytest.mark.skipif(
    not metadata.entry_points(group="cotyledon.services"),
    reason="the project is not installed: no entry points",
)


def shown_in(path: str, language: str) -> list[str]:
    """The code blocks in that language."""
    text = (ROOT / path).read_text(encoding="utf-8")
    shown = re.findall(rf"code-block:: {language}\n\n((?: {{4}}.*\n|\n)+)", text)
    return [textwrap.dedent(block) for block in shown]


def shown_in_readme(language: str) -> str:
    return shown_in("README.rst", language)[0]


@pytest.fixture
def command(tmp_path: Path) -> str:
    """The command ``cotyledon``, as a script to launch."""
    script = tmp_path / "command.py"
    script.write_text("import sys\nfrom cotyledon_core.cli.main import main\nsys.exit(main())\n")
    return str(script.with_suffix(""))


def wait_for_output(application: Application, *lines: str) -> None:
    def written() -> bool:
        return set(lines) <= set(application.output("stdout").splitlines())

    application.until(written, f"the lines {lines}")


def test_readme_service(launch: Callable[..., Application], tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(shown_in_readme("python"), encoding="utf-8")
    application = launch(str(tmp_path / "program"))
    wait_for_output(application, "worker 0 at work", "worker 1 at work")
    assert application.stop() == 0


def test_launching_as_by_oslo_service(launch: Callable[..., Application], tmp_path: Path) -> None:
    (program,) = (block for block in shown_in("doc/compat.rst", "python") if "launch(" in block)
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    application = launch(str(tmp_path / "program"))
    wait_for_output(application, "at work")
    assert application.stop() == 0


@needs_entry_points
def test_readme_configuration(
    launch: Callable[..., Application], command: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.conf"
    file.write_text(shown_in_readme("ini"), encoding="utf-8")
    assert launch(command, "check", "--config-file", str(file)).wait() == 0


@needs_entry_points
def test_example_configuration(launch: Callable[..., Application], command: str) -> None:
    application = launch(command, "run", "--config-file", str(ROOT / "etc/example.conf"))
    workers = {"greeter worker(0)", "greeter worker(1)", "clock worker(0)"}

    def run_all() -> bool:
        titles = {procfs.title(process.pid) for process in application.living()}
        return all(any(title.endswith(worker) for title in titles) for worker in workers)

    application.until(run_all, "a process for each worker")
    assert application.stop() == 0


@pytest.mark.parametrize("example", ["ticker", "async_ticker"])
def test_quick_start_service(launch: Callable[..., Application], example: str) -> None:
    application = launch(str(ROOT / f"doc/examples/{example}"))
    wait_for_output(application, "worker 0 at work", "worker 1 at work")
    application.send(signal.SIGHUP)
    wait_for_output(application, "worker 0 reloads", "worker 1 reloads")
    assert application.stop() == 0


INDEXER = """
import itertools
import time
import cotyledon_core as cotyledon

{service}

def serve(self, seconds):
    if next(count) >= 20:
        print(f"worker {{self.worker_id}} still serves", flush=True)
    time.sleep(0.1)

count = itertools.count()
Indexer.load = lambda self: None
Indexer.serve = serve
manager = cotyledon.ServiceManager()
{add}
manager.run()
"""


def test_watched_service(launch: Callable[..., Application], tmp_path: Path) -> None:
    """Without a heartbeat it would be ended, and begin to count again."""
    add, service, *_ = shown_in("doc/watching.rst", "python")
    hasty = re.sub(r"watchdog_timeout=\d+", "watchdog_timeout=1", add)
    (tmp_path / "program.py").write_text(INDEXER.format(service=service, add=hasty))
    application = launch(str(tmp_path / "program"))
    wait_for_output(application, *(f"worker {number} still serves" for number in range(4)))
    assert application.stop() == 0


def test_periodic_service(launch: Callable[..., Application]) -> None:
    pytest.importorskip("futurist")
    application = launch(str(ROOT / "doc/examples/housekeeping"))
    wait_for_output(application, "worker 0 expires", "worker 1 sweeps")
    assert application.stop() == 0


@needs_entry_points
def test_periodic_configuration(
    launch: Callable[..., Application], command: str, tmp_path: Path
) -> None:
    pytest.importorskip("futurist")
    section = next(b for b in shown_in("doc/plugins/builtin.rst", "ini") if "callables" in b)
    file = tmp_path / "file.conf"
    hasty = section.replace("sweep:30", "sweep:1")
    file.write_text(f"[cotyledon]\nservices = housekeeping\n{hasty}", encoding="utf-8")
    path = os.pathsep.join([import_path(), str(ROOT / "doc/examples/periodic")])
    application = launch(
        command, "run", "--config-file", str(file), environment={"PYTHONPATH": path}
    )
    wait_for_output(application, "swept", "hourly report")
    assert application.stop() == 0

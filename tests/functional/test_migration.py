"""What the migration guides show runs before and after, and does the same."""

from __future__ import annotations

import difflib
import os
import re
import signal
import socket
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from cotyledon_core.conversion import circus, notes, supervisord
from tests.functional import procfs
from tests.functional.harness import Application, import_path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "doc/examples/migration"
COMPAT = ROOT / "cotyledon_core/compat"

Launch = Callable[..., Application]


@pytest.fixture
def start(launch: Launch) -> Launch:
    def start(example: str, *arguments: str, answers: bool = False) -> Application:
        """
        :param answers: whether our distribution answers to other names.
        """
        path = [str(COMPAT / "path" / "both")] if answers else []
        environment = {"PYTHONPATH": os.pathsep.join([*path, import_path()])}
        return launch(str(EXAMPLES / example), *arguments, environment=environment)

    return start


def written(application: Application, line: str, count: int = 1) -> None:
    """Wait until the line was written so many times."""

    def found() -> bool:
        return application.output("stdout").splitlines().count(line) >= count

    application.until(found, f"{count} x {line!r}")


def changed(before: str, after: str) -> list[str]:
    """The lines that came with the change."""
    texts = [(EXAMPLES / name).read_text().splitlines() for name in (before, after)]
    return [line[2:] for line in difflib.ndiff(*texts) if line.startswith("+ ")]


# -- from Cotyledon


def test_one_line_leads_from_cotyledon() -> None:
    assert changed("cotyledon_before.py", "cotyledon_after.py") == [
        "import cotyledon_core as cotyledon"
    ]


def tick(application: Application) -> None:
    for worker in range(2):
        written(application, f"worker {worker} at work", 2)
    assert application.stop() == 0


def test_cotyledon_after(start: Launch) -> None:
    tick(start("cotyledon_after"))


@pytest.mark.skipif(not find_spec("cotyledon"), reason="Cotyledon is not installed")
def test_cotyledon_before(start: Launch) -> None:
    application = start("cotyledon_before")
    for worker in range(2):
        written(application, f"worker {worker} at work", 2)


def test_cotyledon_unchanged(start: Launch) -> None:
    tick(start("cotyledon_before", answers=True))


# -- from oslo.service


def sweep(application: Application) -> None:
    written(application, "swept", 4)
    application.send(signal.SIGHUP)
    written(application, "options read again", 2)
    assert application.stop() == 0


def test_oslo_service_after(start: Launch) -> None:
    pytest.importorskip("futurist")
    application = start("oslo_service_after")
    # the one callable runs in one of the two workers
    sweep(application)


def test_one_line_leads_from_oslo_service() -> None:
    before, after = "oslo_service_before.py", "oslo_service_import.py"
    (line,) = {line for line in changed(before, after) if line and "oslo_config" not in line}
    assert line == "from cotyledon_core.compat.oslo_service import service"


def test_oslo_service_with_one_import_changed(start: Launch) -> None:
    pytest.importorskip("futurist")
    sweep(start("oslo_service_import"))


def test_oslo_service_unchanged(start: Launch) -> None:
    pytest.importorskip("futurist")
    sweep(start("oslo_service_before", answers=True))


def test_every_name_of_oslo_service_is_in_the_table() -> None:
    from importlib import import_module

    table = (ROOT / "doc/migration/oslo_service.rst").read_text()
    package = "cotyledon_core.compat.oslo_service"
    service = import_module(f"{package}.service")
    modules = {path.stem for path in (COMPAT / "oslo_service").glob("[a-z]*.py")}
    missing = {name for name in service.__all__ if not _is_named(name, table)}
    assert missing <= {"ServiceWrapper", "list_opts"}
    assert {module for module in modules if not _is_named(module, table)} == set()


def _is_named(name: str, text: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


# -- from a master of one's own


def asked(port: int) -> tuple[int, int] | None:
    """The number and the pid of the worker that answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            answer = connection.makefile().readline()
    except OSError:
        return None
    found = re.fullmatch(r"worker (\d+), pid (\d+)\n", answer)
    return (int(found[1]), int(found[2])) if found else None


@pytest.mark.parametrize("example", ["master_before", "master_after"])
def test_masters(example: str, start: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    application = start(example, str(port))
    number, pid = application.until(lambda: asked(port), "an answer")
    os.kill(pid, signal.SIGKILL)

    def replaced() -> bool:
        answer = asked(port)
        return answer is not None and answer[0] == number and answer[1] != pid

    application.until(replaced, f"another worker {number}")
    old = asked(port)
    application.send(signal.SIGHUP)
    if old is not None:
        application.until(lambda: not procfs.alive(old[1]), "an end by reload")
    application.until(lambda: asked(port), "an answer after the reload")
    # the one before may lose a signal to a worker that is just being forked
    if example == "master_after":
        assert application.stop() == 0


# -- from supervisord and circus


@pytest.mark.parametrize(
    ("convert", "before"),
    [(supervisord.convert, "supervisord.conf"), (circus.convert, "circus.ini")],
)
def test_what_the_guide_shows_is_what_convert_makes(
    convert: Callable[..., supervisord.Draft], before: str
) -> None:
    made = convert(EXAMPLES / before, {}).render(before)
    assert made == (EXAMPLES / f"{Path(before).stem}_after.conf").read_text()


@pytest.mark.skipif(
    not metadata.entry_points(group="cotyledon.services"),
    reason="the project is not installed: no entry points",
)
@pytest.mark.parametrize("after", ["supervisord_after.conf", "circus_after.conf"])
def test_what_the_guide_shows_is_valid(after: str, launch: Launch, tmp_path: Path) -> None:
    command = tmp_path / "command.py"
    command.write_text("import sys\nfrom cotyledon_core.cli.main import main\nsys.exit(main())\n")
    application = launch(
        str(command.with_suffix("")), "check", "--config-file", str(EXAMPLES / after)
    )
    assert application.wait() == 0


@pytest.mark.parametrize(
    ("page", "keys"),
    [
        ("supervisord", supervisord.CONSUMED),
        ("circus", circus.CONSUMED | {key for key in notes.WATCHER if "close_child" not in key}),
    ],
)
def test_every_key_is_in_the_guide(page: str, keys: frozenset[str]) -> None:
    text = (ROOT / f"doc/migration/{page}.rst").read_text()
    left_out = {"copy_path", "stdin_socket", "shell_args"}
    assert {key for key in keys if not _is_named(key, text)} <= left_out

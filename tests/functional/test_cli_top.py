"""``cotyledon top`` on a real terminal, with a real manager."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.functional import procfs
from tests.functional.configured import sections
from tests.functional.controlled import Controlled
from tests.functional.harness import DEADLINE, Launch, import_path
from tests.functional.screen import Screen
from tests.functional.test_cli_control import cotyledon, on_terminal, refused

pytest.importorskip("textual")

HEAD = "WORKER"
COLOUR = re.compile("\x1b\\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")
"""Of text or background, but for the terminal's own."""


def top(running: Controlled, *arguments: str, **options: Any) -> Screen:
    return Screen("top", "--socket", running.path, "--interval", "0.1", *arguments, **options)


def workers(screen: Screen) -> dict[str, list[str]]:
    """The lines of the workers: state, pid and so on by name, from the top."""
    return {name: rest for name, *rest in screen.table(HEAD)}


def line(screen: Screen, name: str) -> str:
    """The line of a worker, if it is there, from its state on."""
    return " ".join(workers(screen).get(name, []))


def wait_for_workers(screen: Screen, *names: str) -> None:
    screen.until(lambda _: tuple(workers(screen)) == names, f"the workers {names}")


def leave(screen: Screen) -> None:
    screen.press("q")
    assert screen.wait() == 0
    assert screen.is_left_as_found()


def test_workers_are_watched(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}, batch={}))
    pids = running.pids()
    with top(running, size=(160, 30)) as screen:
        wait_for_workers(screen, "batch:0", "web:0", "web:1")
        for (service, worker), pid in pids.items():
            assert line(screen, f"{service}:{worker}").startswith(f"running {pid} ")
        assert screen.lines[0].split(",")[1] == f" pid {running.application.pid}"
        assert [line[0] for line in screen.table("SERVICE")] == ["web", "batch"]
        screen.until(lambda lines: re.search(r"CPU \d+\.\d% [▁-█]", lines[0]), "the manager's CPU")
        screen.until(
            lambda _: re.search(r"\d% [▁-█]+ .*M [▁-█]+ ", line(screen, "web:1")),
            "the worker's bars",
        )

        os.kill(pids["web", 1], signal.SIGKILL)
        running.application.wait_for("worker_ready", 2, service="web", worker_id=1)
        new = f"running {running.pids()['web', 1]} "
        screen.until(lambda _: line(screen, "web:1").startswith(new), "the worker's new pid")
        assert "signal 9" in line(screen, "web:1")
        screen.press("r")
        wait_for_workers(screen, "web:1", "batch:0", "web:0")
        screen.press("r")
        wait_for_workers(screen, "batch:0", "web:0", "web:1")
        screen.press("i")
        wait_for_workers(screen, "web:1", "batch:0", "web:0")
        screen.press("n")
        wait_for_workers(screen, "batch:0", "web:0", "web:1")
        leave(screen)
    running.stop()


def test_restarts_are_counted(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))

    def restarts(screen: Screen) -> str | None:
        (head,) = [line for line in screen.lines if line.startswith(HEAD)] or [""]
        (line,) = [line for line in screen.lines if line.startswith("web:0")] or [""]
        return line[: head.find("RESTARTS") + len("RESTARTS")].split()[-1] if line else None

    with top(running) as screen:
        screen.until(lambda _: restarts(screen) == "0", "no restart")
        for count in (1, 2):
            os.kill(running.pids()["web", 0], signal.SIGKILL)
            running.application.wait_for("worker_ready", count + 1)
            screen.until(lambda _, count=count: restarts(screen) == str(count), f"restart {count}")
        leave(screen)
    running.stop()


def test_only_what_is_named_is_shown(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 2}, batch={}))
    with top(running, "web") as screen:
        wait_for_workers(screen, "web:0", "web:1")
        assert [line[0] for line in screen.table("SERVICE")] == ["web"]
        leave(screen)
    with top(running, "web:1") as screen:
        wait_for_workers(screen, "web:1")
        leave(screen)
    running.stop()


def test_a_pause(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with top(running) as screen:
        wait_for_workers(screen, "web:0")
        screen.press("p")
        screen.until(lambda lines: any(x.startswith("paused") for x in lines), "the pause")
        with running.client() as client:
            client.scale("web", 2, wait=True)
            screen.press("i")
            screen.until(lambda lines: any("WORKER ▼" in x for x in lines), "the order")
            assert list(workers(screen)) == ["web:0"]
        screen.press("p")
        wait_for_workers(screen, "web:1", "web:0")
        leave(screen)
    running.stop()


def test_the_interval(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with top(running, "--interval", "1000") as screen:
        wait_for_workers(screen, "web:0")
        with running.client() as client:
            client.scale("web", 2, wait=True)
        screen.press("?")
        screen.until(lambda lines: any("sort by CPU" in x for x in lines), "the help")
        screen.press("?")
        wait_for_workers(screen, "web:0")
        leave(screen)
    running.stop()


def test_a_manager_that_ends_and_comes_back(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with top(running) as screen:
        wait_for_workers(screen, "web:0")
        running.stop()
        told = f"no manager answers: {running.path}: "
        screen.until(lambda lines: any(x.startswith(told) for x in lines), "the manager's end")
        assert list(workers(screen)) == ["web:0"]
        again = Controlled(launch, sections(web={}, more={}), {"socket": running.path})
        wait_for_workers(screen, "more:0", "web:0")
        assert screen.lines[0].split(",")[1] == f" pid {again.application.pid}"
        assert not any("no manager" in line for line in screen.lines)
        again.stop()
        screen.until(lambda lines: any(x.startswith(told) for x in lines), "the end again")
        leave(screen)


def test_another_size(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"workers": 20}))
    names = sorted((f"web:{number}" for number in range(20)), key=lambda x: int(x[4:]))
    with top(running) as screen:
        wait_for_workers(screen, *names)
        screen.resize(70, 12)
        screen.until(lambda lines: lines[-1].startswith("q leave"), "the legend's new place")
        screen.until(lambda _: 0 < len(workers(screen)) < 8, "fewer lines")

        def is_at_the_end(_: object) -> bool:
            # again: a scroll bar that came meanwhile takes a line
            screen.press("\x1b[F")
            return "web:19" in workers(screen)

        screen.until(is_at_the_end, "the last")
        screen.resize(120, 40)
        wait_for_workers(screen, *names)
        leave(screen)
    running.stop()


@pytest.mark.parametrize(
    "end",
    [
        lambda screen: screen.press("\x03"),
        lambda screen: screen.send(signal.SIGINT),
        lambda screen: screen.send(signal.SIGTERM),
    ],
    ids=["ctrl-c", "SIGINT", "SIGTERM"],
)
def test_other_ways_to_leave(launch: Launch, end: Callable[[Screen], None]) -> None:
    running = Controlled(launch, sections(web={}))
    with top(running) as screen:
        wait_for_workers(screen, "web:0")
        end(screen)
        assert screen.wait() == 0
        assert screen.is_left_as_found()
        assert "Traceback" not in screen.written
    running.stop()


def test_a_terminal_that_is_closed_ends_it(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with top(running) as screen:
        wait_for_workers(screen, "web:0")
        screen.hang_up()
        assert screen.wait() == -signal.SIGHUP
    running.stop()


def test_it_goes_into_the_background(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with top(running) as screen:
        wait_for_workers(screen, "web:0")
        screen.press("\x1a")
        screen.until(lambda _: procfs.read(screen.pid).state == "T", "the end of its work")
        screen.until(lambda _: screen.is_left_as_found(), "the terminal as it was")
        with running.client() as client:
            client.scale("web", 2, wait=True)
        screen.send(signal.SIGCONT)
        wait_for_workers(screen, "web:0", "web:1")
        leave(screen)
    running.stop()


def test_colours(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    with top(running, NO_COLOR="") as screen:
        wait_for_workers(screen, "web:0")
        leave(screen)
        assert COLOUR.search(screen.written)
    with top(running, NO_COLOR="1") as screen:
        wait_for_workers(screen, "web:0")
        screen.press("p?")
        screen.until(lambda lines: any("sort by CPU" in x for x in lines), "the help")
        screen.press("\x03")
        assert screen.wait() == 0
        assert not COLOUR.search(screen.written)
    running.stop()


def test_what_cannot_be_watched(launch: Launch, tmp_path: Path) -> None:
    running = Controlled(launch, sections(web={}))
    refused(cotyledon("top", "--socket", running.path), 2, "cotyledon status")
    for arguments, environment, wanted, text in (
        (("--socket", running.path), {"TERM": "dumb"}, 2, "TERM=dumb"),
        (("--socket", str(tmp_path / "absent")), {}, 3, "absent"),
        (("absent", "--socket", running.path), {}, 4, "'absent'"),
        (("web:7", "--socket", running.path), {}, 4, "7"),
    ):
        status, written = on_terminal("top", *arguments, **environment)
        assert status == wanted, written
        assert written.startswith("cotyledon: ")
        assert written.count("\n") == 1
        assert text in written
    running.stop()


def test_standard_error_is_needed(launch: Launch) -> None:
    """textual draws there, and cannot be told otherwise."""
    running = Controlled(launch, sections(web={}))
    command = [sys.executable, "-m", "cotyledon_core", "top", "--socket", running.path]
    ends = pty.openpty()
    try:
        result = subprocess.run(
            command,
            stdin=ends[1],
            stdout=ends[1],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TERM": "xterm", "PYTHONPATH": import_path()},
            timeout=DEADLINE,
        )
    finally:
        for end in ends:
            os.close(end)
    assert result.returncode == 2
    assert result.stderr.startswith("cotyledon: ")
    assert "2>/dev/tty" in result.stderr
    assert result.stderr.count("\n") == 1
    running.stop()


def test_textual_is_missing(launch: Launch, tmp_path: Path) -> None:
    running = Controlled(launch, sections(web={}))
    (tmp_path / "textual.py").write_text("raise ModuleNotFoundError(name='textual')\n")
    path = os.pathsep.join((str(tmp_path), import_path()))
    status, written = on_terminal("top", "--socket", running.path, PYTHONPATH=path)
    assert status == 4
    assert written.startswith("cotyledon: this needs the package textual")
    assert "cotyledon-core[cli]" in written
    assert written.count("\n") == 1
    running.stop()

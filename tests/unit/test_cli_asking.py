"""The commands for a running manager as far as they need none."""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.cli import asking, cells, completion, log_level
from cotyledon_core.cli.asking import Target
from cotyledon_core.cli.main import main, parser
from cotyledon_core.control.results import WorkerLogLevel


def choices() -> list[str]:
    (commands,) = [each for each in parser()._actions if each.choices]
    return list(commands.choices or ())


@pytest.mark.parametrize("command", choices())
def test_every_command_has_help_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    written = capsys.readouterr().out
    assert "example" in written
    assert f"cotyledon {command}" in written.partition("example")[2]
    assert "exit status: " in written


@pytest.mark.parametrize("command", choices())
def test_every_example_is_a_right_command_line(command: str) -> None:
    whole = parser()
    (commands,) = [each for each in whole._actions if each.choices]
    epilog = dict(commands.choices or {})[command].epilog
    for line in epilog.splitlines():
        if line.startswith("  cotyledon "):
            words = list(itertools.takewhile(lambda word: word not in "|#", shlex.split(line)))
            assert whole.parse_args(words[1:]).command


@pytest.mark.parametrize(
    "arguments",
    [
        ("scale", "web", "-1"),
        ("scale", "web", "many"),
        ("stop",),
        ("stop", ""),
        ("stop", "web", "--timeout", "3"),
        ("stop", "web", "--wait", "--timeout", "0"),
        ("wait", "--timeout", "nan"),
        ("restart", "web", "--rolling", "--now"),
        ("status", "--format", "xml"),
        ("events", "--since", "yesterday"),
        ("events", "--since", ""),
        ("events", "--since", "10x"),
        ("events", "--since", "-10m"),
        ("events", "--since=-10m"),
        ("events", "--since", "nans"),
        ("events", "--since", "infd"),
        ("events", "--since", "25:00"),
        ("dump",),
        ("dump", "web:0", "--all"),
        ("completion", "tcsh"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*arguments])
    assert caught.value.code == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("cotyledon: ")
    assert written.err.count("\n") == 1


@pytest.mark.parametrize("text", ["0", "0.09", "-1", "1s", "", "nan", "inf"])
def test_top_has_a_shortest_interval(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["top", "--interval", text])
    assert caught.value.code == 2
    written = capsys.readouterr().err
    assert written.startswith(f"cotyledon: argument --interval: {text!r} ")
    assert "0.1" in written
    assert written.count("\n") == 1
    assert parser().parse_args(["top", "--interval", "0.1"]).interval == 0.1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("web", ("web", None)),
        ("web:3", ("web", 3)),
        ("a:b", ("a:b", None)),
        ("a:b:12", ("a:b", 12)),
        ("web:", ("web:", None)),
        ("web:-1", ("web:-1", None)),
        ("web:\u0663", ("web:\u0663", None)),
    ],
)
def test_targets(text: str, wanted: tuple[str, int | None]) -> None:
    assert Target.parse(text) == wanted


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (None, "-"),
        (0.04, "0.0s"),
        (4.25, "4.2s"),
        (59, "59s"),
        (60, "1m"),
        (725, "12m 5s"),
        (7260, "2h 1m"),
        (90000, "1d 1h"),
    ],
)
def test_durations(seconds: float | None, wanted: str) -> None:
    assert cells.duration(seconds) == wanted


@pytest.mark.parametrize(
    ("count", "wanted"),
    [
        (None, "-"),
        (0, "0B"),
        (999, "999B"),
        (1000, "1.0K"),
        (24_223_744, "23.1M"),
        (2**50, "1024.0T"),
    ],
)
def test_sizes(count: int | None, wanted: str) -> None:
    assert cells.size(count) == wanted


@given(st.text())
def test_no_text_moves_the_cursor(text: str) -> None:
    made = cells.printable(text)
    assert made.isprintable()
    assert len(made) == len(text)


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("argcomplete")
    assert main(["completion", shell]) == 0
    assert "cotyledon" in capsys.readouterr().out


def test_a_probe_imports_nothing_heavy() -> None:
    code = """
import sys, json
from cotyledon_core.cli.main import main
status = main(["health", "--socket", "/nonexistent/socket"])
print(json.dumps([status, sorted(sys.modules)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    status, modules = json.loads(done.stdout)
    assert status == 3
    heavy = {
        "oslo_config", "stevedore", "rich", "yaml", "psutil", "argcomplete", "logging",
        "importlib.metadata", "asyncio", "multiprocessing", "dataclasses",
    }  # fmt: skip
    assert not heavy & set(modules)


def test_a_package_of_the_extra_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    args = argparse.Namespace(socket="/nonexistent", sources=[])

    def lack(name: str) -> asking.Run:
        def run(client: object, args: object) -> int:
            raise ModuleNotFoundError(name=name)

        return run

    assert asking.ask(lack("rich.table"), args) == 4
    assert "cotyledon-core[cli]" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError):
        asking.ask(lack("absent"), args)


def test_levels_that_a_worker_tells_do_not_move_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Answering:
        """A worker says what it likes."""

        def worker_log_levels(self, *target: Any, **more: Any) -> tuple[WorkerLogLevel, ...]:
            found: dict[str, Any] = {"service": "web", "worker": 1, "pid": 7, "logger": "root"}
            return (WorkerLogLevel(**found, level="\x1b[2JDEBUG", effective="IN\rFO"),)

    args = argparse.Namespace(target=Target("web", None), all=False, logger=None, level=None)
    assert log_level.log_level(Answering(), args) == asking.DONE  # type: ignore[arg-type]
    told = capsys.readouterr().out
    assert "DEBUG" in told
    assert told.rstrip("\n").isprintable()

"""What is completed in real shells, with the lines that ``cotyledon completion --help`` gives."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.configured import sections
from tests.functional.controlled import Controlled
from tests.functional.harness import Launch, import_path
from tests.functional.shells import Shell

SETUP = {
    "bash": 'eval "$(cotyledon completion bash)"',
    "zsh": 'eval "$(cotyledon completion zsh)"',
    "fish": "cotyledon completion fish | source",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """In which the command is found, and is the one under test."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "cotyledon"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cotyledon_core "$@"\n')
    command.chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": import_path()}


@pytest.fixture(params=SETUP)
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]
) -> Iterator[Shell]:
    """A shell in which completion was set up."""
    name = str(request.param)
    pytest.importorskip("argcomplete")
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    home = tmp_path / "home"
    home.mkdir()
    with Shell(name, home, SETUP[name], environment) as made:
        yield made


def test_what_needs_no_manager(shell: Shell) -> None:
    for typed, wanted in {
        "cotyledon shut": "cotyledon shutdown",
        "cotyledon log": "cotyledon log-level",
        "cotyledon shutdown --n": "cotyledon shutdown --now",
        "cotyledon status --format y": "cotyledon status --format yaml",
        # no manager is known here
        "cotyledon scale w": "cotyledon scale w",
        "cotyledon scale --socket absent w": "cotyledon scale --socket absent w",
    }.items():
        assert shell.completed(typed) == wanted


def test_files_where_there_may_be_files(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "home" / "777.conf").touch()
    for typed in (
        "cotyledon check --config-file 77",
        "cotyledon status --socket 77",
        "cotyledon convert 77",
        "cotyledon convert some --output 77",
    ):
        assert shell.completed(typed) == f"{typed}7.conf"
    if shell.name != "bash":  # which looks for files itself, after that
        for typed in ("cotyledon scale web 77", "cotyledon events --since 77"):
            assert shell.completed(typed) == typed


def test_services_and_workers_of_a_running_manager(launch: Launch, shell: Shell) -> None:
    running = Controlled(launch, sections(web={"workers": 1}, batch={}, **{"my-beat": {}}))
    option = f"--socket {running.path}"
    for typed, wanted in {
        f"cotyledon scale {option} w": "web",
        f"cotyledon health {option} my": "my-beat",
        f"cotyledon events {option} --service ba": "batch",
        f"cotyledon status {option} web:": "web:0",
        f"cotyledon dump {option} my-beat:": "my-beat:0",
    }.items():
        assert shell.completed(typed) == f"{typed.rpartition(' ')[0]} {wanted}"
    for command in ("start", "stop", "restart", "status", "wait", "dump"):
        typed = f"cotyledon {command} {option}"
        assert shell.completed(f"{typed} my") == f"{typed} my-beat"
        assert shell.completed(f"{typed} batch:") == f"{typed} batch:0"
    running.stop()


def test_a_manager_that_does_not_answer(launch: Launch, shell: Shell) -> None:
    running = Controlled(launch, sections(web={}))
    typed = f"cotyledon scale --socket {running.path} w"
    running.application.send(signal.SIGSTOP)
    assert shell.completed(typed) == typed
    running.application.send(signal.SIGCONT)
    assert shell.completed(typed) == f"{typed}eb"
    running.stop()

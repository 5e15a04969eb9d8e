"""The scripts of ``tests/programs``, as far as they can be run without installing anything."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[1] / "programs"
SCRIPTS = sorted(path.name for path in PROGRAMS.glob("*.py"))


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAMS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(script: str) -> None:
    done = run(script, "--help")
    assert done.returncode == 0, done.stderr
    for word in ("--on", "--cache", "--keep", "Exit status"):
        assert word in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_unknown_framework_is_refused(script: str) -> None:
    done = run(script, "--on", "uwsgi")
    assert done.returncode == 2
    assert "invalid choice: 'uwsgi'" in done.stderr


def test_an_unknown_program_is_refused() -> None:
    done = run("__main__.py", "nova")
    assert done.returncode == 2
    assert "gnocchi" in done.stderr


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name != "__main__.py"])
def test_its_packages_are_pinned(script: str) -> None:
    requirements = PROGRAMS / "requirements" / script.replace(".py", ".txt")
    lines = requirements.read_text().split()
    assert lines
    assert all("==" in line for line in lines)
    assert any(line.startswith("cotyledon==") for line in lines)

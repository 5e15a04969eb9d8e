"""The manual page, as ``doc/manual.py`` makes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cotyledon_core.cli.main import COMMANDS

SCRIPT = Path(__file__).resolve().parents[2] / "doc" / "manual.py"
RENDERERS = {
    # of man-db
    "man": ("man", "--warnings", "-l"),
    "groff": ("groff", "-man", "-ww", "-z"),
    "mandoc": ("mandoc", "-T", "lint", "-W", "error"),
}
"""What each complains of stands on its standard error; mandoc's findings on standard output."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("argparse_manpage")
    made = tmp_path_factory.mktemp("manual") / "cotyledon.1"
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, made],
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1000000000"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return made


def test_it_tells_of_every_command(page: Path) -> None:
    text = page.read_text().replace("\\", "")
    assert "cotyledon - run services" in text
    assert "2001-09-09" in text
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        _, found, section = text.partition(f"\n.SH COMMAND fI,'cotyledon {name}'/fR\n")
        assert found, name
        description = section.partition("\n.SH ")[0]
        assert f"usage: cotyledon {name}" in description
        assert f"cotyledon {name}" in description.partition("\nexample")[2]
        assert "exit status: " in description


@pytest.mark.parametrize("name", RENDERERS)
def test_it_is_shown_without_a_warning(name: str, page: Path) -> None:
    needed = "mandb" if name == "man" else name
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    environment = {**os.environ, "MANWIDTH": "80", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([*RENDERERS[name], page], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    if name == "man":
        assert "cotyledon status" in done.stdout
    else:
        assert done.stdout == ""

"""The command ``cotyledon``, asking a manager that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests.functional.controlled import Controlled
from tests.functional.harness import DEADLINE, import_path

Done = subprocess.CompletedProcess[str]


_WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
from cotyledon_core.cli.main import main
sys.exit(main())
"""


def cotyledon(
    *arguments: str,
    prefix: Sequence[str] = (),
    cwd: str | None = None,
    without: str = "",
    **environment: str,
) -> Done:
    """Run the command to its end.

    :param prefix: a command that runs it.
    :param without: packages that count as not installed, commas in between.
    """
    start = ("-c", _WITHOUT, without) if without else ("-m", "cotyledon_core")
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OS_", "COTYLEDON_S")) and key not in ("FORCE_COLOR", "NO_COLOR")
    }
    return subprocess.run(
        [*prefix, sys.executable, *start, *arguments],
        env={**kept, "PYTHONPATH": import_path(), **environment},
        cwd=cwd,
        text=True,
        capture_output=True,
        timeout=DEADLINE,
    )


def ask(running: Controlled, *arguments: str, **options: Any) -> Done:
    """Run the command for this manager."""
    return cotyledon(*arguments, "--socket", running.path, **options)


def refused(done: Done, status: int, text: str) -> None:
    """It ended with this status, and one line on standard error."""
    assert done.returncode == status, done
    assert done.stdout == ""
    assert done.stderr.startswith("cotyledon: ")
    assert done.stderr.count("\n") == 1
    assert text in done.stderr

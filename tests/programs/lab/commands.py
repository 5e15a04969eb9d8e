"""Commands that prepare something and then end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab.errors import Unavailable

TAIL = 2000


def command(name: str) -> str:
    """The path of a command that must be there."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"there is no command {name}")
    return found


def output_of(
    arguments: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    given: str = "",
) -> str:
    """What a command writes to standard output.

    :param environment: added to this process's.
    :param given: what it reads from standard input.
    :raises Unavailable: with the end of what it wrote, if it fails.
    """
    done = subprocess.run(
        [str(argument) for argument in arguments],
        env={**os.environ, **(environment or {}), "LC_ALL": "C.UTF-8"},
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        name = " ".join(str(argument) for argument in arguments[:3])
        wrote = (done.stdout + done.stderr).strip()[-TAIL:]
        raise Unavailable(f"{name} ended with {done.returncode}: {wrote}")
    return done.stdout


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another run may prepare the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

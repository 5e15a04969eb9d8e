"""A Python environment with the distributions whose tests are run, from a package index."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = (
    "oslo.service[threading]==4.8.0",
    "cotyledon[oslo]==2.2.0",
    "oslo.config>=10.7.0",
    "oslotest>=5.0",
    "stevedore>=5.0.0",
    "pytest>=8.0",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.5",
)
_PATIENCE = 300


class Unavailable(Exception):
    """The environment cannot be made here; the text says why."""


class Environment:
    """A virtual environment, made once in ``cache`` and kept there.

    This distribution is not installed in it: a run finds it by ``PYTHONPATH``.
    As long as an environment is open, no other process opens it: what runs in
    it watches the clock, and wants the machine for itself.

    :raises Unavailable: if there is no index that has the distributions.
    """

    def __init__(self, cache: Path) -> None:
        key = hashlib.sha256(repr((REQUIREMENTS, sys.version)).encode()).hexdigest()[:12]
        self._folder = cache / key
        self._lock = (cache / f"{key}.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        if not (self._folder / "complete").exists():
            self._make()

    def close(self) -> None:
        """Let others use it."""
        self._lock.close()

    @property
    def bin(self) -> Path:
        return self._folder / "bin"

    @property
    def packages(self) -> Path:
        """Where the distributions are."""
        return next(self._folder.glob("lib/python*/site-packages"))

    def _make(self) -> None:
        self._run(sys.executable, "-m", "venv", "--clear", str(self._folder))
        self._run(str(self.bin / "pip"), "install", "--quiet", *REQUIREMENTS)
        (self._folder / "complete").touch()

    @staticmethod
    def _run(*command: str) -> None:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{' '.join(command[:3])} took too long") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["?"])[-1]
            raise Unavailable(f"{' '.join(command[:3])} failed: {last}")

"""A machine whose process 1 is systemd.

It has no D-Bus, no udev, no logind, and no network but a loopback interface
of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.functional.harness import DEADLINE
from tests.systemd import bases
from tests.systemd.bases import Unavailable

OLDEST = 253
"""The first systemd that knows ``Type=notify-reload``."""
STAGES = Path(__file__).with_name("stages.py")
COMMANDS = ("unshare", "nsenter", "setpriv", "mount", "cp")
_PAUSE = 0.02


def until(found: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + DEADLINE
    while not found():
        if time.monotonic() > end:
            raise AssertionError(what())
        time.sleep(_PAUSE)


class Machine:
    """See the module's description. It is up when it is made; :meth:`close` ends it.

    :param base: see :mod:`tests.systemd.bases`.
    :param cache: where unpacked bases are kept.
    :param directory: an empty one.
    :param visible: directories of this machine that can be read in it.
    :raises Unavailable: if it does not come up, or its systemd is too old.
    """

    def __init__(self, base: str, cache: Path, directory: Path, visible: Sequence[Path]) -> None:
        layer = bases.layer(base, cache)
        top = directory / "top"
        top.mkdir()
        spec = {
            "top": str(top),
            "layer": layer and str(layer),
            "over_root": base in ("host", "backports"),
            "visible": [str(path) for path in visible],
        }
        own_mounts = ["unshare", "--mount", "--propagation", "private", "--"]
        program = [sys.executable, "-I", str(STAGES), "outer", json.dumps(spec)]
        self._console = directory / "console"
        with self._console.open("wb") as console:
            self._outer = subprocess.Popen(
                [*own_mounts, *program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                start_new_session=True,
            )
        try:
            self._init = self._read_pid()
            self._wait_until_up()
            self._check_version()
        except BaseException:
            self.close()
            raise

    def _read_pid(self) -> int:
        assert self._outer.stdout is not None
        line = self._outer.stdout.readline()
        if not line:
            raise Unavailable(f"no systemd comes up: {self._last_words()}")
        return int(line)

    def _wait_until_up(self) -> None:
        end = time.monotonic() + DEADLINE
        while self.run("systemctl", "is-system-running").stdout.strip() not in (
            "running",
            "degraded",
        ):
            if time.monotonic() > end or not self.path("/").exists():
                raise Unavailable(f"systemd does not come up: {self._last_words()}")
            time.sleep(_PAUSE)

    def _check_version(self) -> None:
        found = re.match(r"systemd (\d+)", self.run("systemctl", "--version").stdout)
        if found is None or int(found[1]) < OLDEST:
            what = found[0] if found else "this"
            raise Unavailable(f"{what} does not know Type=notify-reload, systemd {OLDEST} does")

    def _last_words(self) -> str:
        lines = self._console.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def path(self, name: str) -> Path:
        """A path of it, as seen from here."""
        return Path(f"/proc/{self._init}/root{name}")

    def write(self, name: str, text: str) -> None:
        """Put a file there, whole or not at all."""
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.draft")
        draft.write_text(text)
        draft.rename(file)

    def begin(self, *command: str) -> subprocess.Popen[str]:
        """Begin a command there."""
        namespaces = "--mount --uts --ipc --net --pid --cgroup --root --wd"
        return subprocess.Popen(
            ["nsenter", "--target", str(self._init), *namespaces.split(), "--", *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, to its end."""
        return self.end(self.begin(*command))

    def end(self, begun: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Wait for the end of what was begun."""
        try:
            output, _ = begun.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            begun.kill()
            output, _ = begun.communicate()
            raise AssertionError(f"{begun.args} does not end: {output}") from None
        return subprocess.CompletedProcess(begun.args, begun.returncode, output)

    def journal(self) -> str:
        """For people: what systemd and the unit's processes have written."""
        return self.run("journalctl", "--no-pager", "--output=short-monotonic").stdout

    def close(self) -> None:
        """End everything in it."""
        self._outer.communicate(timeout=DEADLINE)

"""The unit that is tested, on a machine with systemd."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.functional import procfs
from tests.functional.harness import Record, import_path
from tests.systemd.machine import Machine, until

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "etc/cotyledon.service"
APPS = (ROOT / "tests/systemd/apps", ROOT / "tests/functional/apps")
NAME = "cotyledon.service"
CONFIG_FILE = "/etc/cotyledon/cotyledon.conf"
SITE = "/srv/site"
RECORDS = "/srv/records"
ENTRY_POINTS = """\
[cotyledon.services]
reloads = lab_services:Reloads
replaced = lab_services:Replaced
serves = lab_services:Serves
"""
CONFIG = """\
[cotyledon]
services = reloads, replaced
[service:reloads]
workers = 2
[service:replaced]
workers = 2
generation = {}
"""


class Unit:
    """The service under test: the sample unit, with the services of :mod:`lab_services`.

    :param lines: added to its section ``[Service]``.
    """

    def __init__(self, machine: Machine, *lines: str) -> None:
        self.machine = machine
        units = "/etc/systemd/system"
        machine.write(f"{units}/{NAME}", SAMPLE.read_text(encoding="utf-8"))
        machine.write(f"{units}/{NAME}.d/test.conf", _drop_in(lines))
        info = f"{SITE}/lab-1.0.dist-info"
        machine.write(f"{info}/METADATA", "Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
        machine.write(f"{info}/entry_points.txt", ENTRY_POINTS)
        machine.write(RECORDS, "")
        self.configure("one")
        reloaded = machine.run("systemctl", "daemon-reload")
        assert reloaded.returncode == 0, reloaded.stdout

    def configure(self, generation: str, more: str = "") -> None:
        """Write its configuration; another generation takes other workers of ``replaced``."""
        self.machine.write(CONFIG_FILE, CONFIG.format(generation) + more)

    def begin(self, verb: str) -> subprocess.Popen[str]:
        """Begin a verb of systemctl, such as ``start``."""
        return self.machine.begin("systemctl", verb, NAME)

    def call(self, verb: str) -> int:
        """Have systemctl do it, to its end; return its exit status."""
        done = self.machine.end(self.begin(verb))
        print(f"systemctl {verb}: {done.returncode} {done.stdout}")
        return done.returncode

    def get(self, name: str) -> str:
        """A property of it."""
        shown = self.machine.run("systemctl", "show", "--value", "--property", name, NAME)
        return shown.stdout.strip()

    def wait_for(self, name: str, pattern: str) -> None:
        """Wait until a property is like that, all of it."""
        until(
            lambda: re.fullmatch(pattern, self.get(name), re.DOTALL) is not None,
            lambda: f"{name} is {self.get(name)!r}, not {pattern!r}",
        )

    def send(self, number: int, *pids: int) -> None:
        """Send a signal to processes of it, by the pids that are theirs there."""
        for pid in pids or (int(self.get("MainPID")),):
            killed = self.machine.run("kill", f"-{number}", str(pid))
            assert killed.returncode == 0, killed.stdout

    def processes(self) -> list[int]:
        """Its processes, by the pids that they have here."""
        group = self.machine.path(f"/sys/fs/cgroup/system.slice/{NAME}/cgroup.procs")
        try:
            return [int(pid) for pid in group.read_text().split()]
        except FileNotFoundError:
            return []

    def running(self, **fields: object) -> set[int]:
        """The workers that run, by the pids that are theirs there."""
        living = {_pid_inside(pid) for pid in self.processes()}
        return {record.pid for record in self.records("run", **fields)} & living

    def wait_for_workers(self, count: int, **fields: object) -> set[int]:
        """Wait until so many workers run."""
        until(
            lambda: len(self.running(**fields)) == count,
            lambda: f"{len(self.running(**fields))} of {count} workers {fields}",
        )
        return self.running(**fields)

    # -- what its services note, as those of the functional tests do

    def records(self, event: str, **fields: object) -> list[Record]:
        """What was noted so far."""
        text = self.machine.path(RECORDS).read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()
        wanted = {"event": event, **fields}
        return [
            record
            for record in map(Record, map(json.loads, lines))
            if wanted.items() <= record.items()
        ]

    def wait_for_records(self, count: int, event: str, **fields: object) -> list[Record]:
        """Wait until so many of these are there; return all that are."""
        until(
            lambda: len(self.records(event, **fields)) >= count,
            lambda: f"{len(self.records(event, **fields))} of {count} {event} {fields}",
        )
        return self.records(event, **fields)

    def gate(self, name: str) -> Path:
        """The gate of that name; it is shut while the file exists."""
        return self.machine.path(f"/srv/gate-{name}")


def _pid_inside(pid: int) -> int:
    try:
        return procfs.innermost_pid(pid)
    except OSError:
        return 0


def _drop_in(lines: Sequence[str]) -> str:
    path = os.pathsep.join([SITE, *map(str, APPS), import_path()])
    command = f"{sys.executable} -W error -m cotyledon_core run --config-file {CONFIG_FILE}"
    ours = [
        "[Service]",
        "ExecStart=",
        f"ExecStart={command}",
        f'Environment="PYTHONPATH={path}"',
        f"Environment=RECORDS={RECORDS} PYTHONDONTWRITEBYTECODE=1",
        "Restart=no",
    ]
    return "\n".join([*ours, *lines, ""])

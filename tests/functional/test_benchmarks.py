"""The benchmark command, where Cotyledon is not installed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import procfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")

CHECKOUT = Path(__file__).parents[2]
DEADLINE = 60.0
WITHOUT_COTYLEDON = """
import sys
from benchmarks import cli, roster
find = roster.installed_version
roster.installed_version = lambda name: "" if name == "cotyledon" else find(name)
sys.exit(cli.main())
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", WITHOUT_COTYLEDON, *arguments]


@contextlib.contextmanager
def driving(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A run; nothing is left of it."""
    driver = subprocess.Popen(arguments, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    with driver:
        try:
            yield driver
        finally:
            left = procfs.descendants(driver.pid)
            driver.kill()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def endless() -> Iterator[subprocess.Popen[str]]:
    """A run that does not end by itself within the test's time."""
    with driving(command("--rounds=1000", "--rows=idle", "--contestants=bare")) as driver:
        yield driver


def test_a_quick_run_measures_whoever_is_installed(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = subprocess.run(
        command(
            "--quick",
            "--rows=start,recovery,reload,stop,memory",
            "--contestants=bare,core,cotyledon",
            f"--json={file}",
        ),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stdout
    assert "Cotyledon: n/a, Cotyledon is not installed" in done.stdout
    rows: dict[str, Any] = {
        row["row"]: row["results"] for row in json.loads(file.read_text())["rows"]
    }
    for name in ("start of 1", "start of 10", "recovery of one of 10", "stop of 10"):
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(f"{name} "))
        assert line.endswith("n/a")
        assert set(rows[name]) == {"bare", "core"}
        assert rows[name]["bare"]["median"] > 0
        assert rows[name]["core"]["ratio"] > 0
    assert rows["reload of 10"]["core"]["unit"] == "s"
    assert rows["worker, threads"]["bare"]["median"] == 1


def test_what_clients_of_the_control_socket_cost() -> None:
    options = ("--rounds=1", "--workers=40", "--seconds=1")
    with driving([sys.executable, "-m", "benchmarks.control", *options]) as driver:
        output, _ = driver.communicate(timeout=DEADLINE)
    assert driver.returncode == 0, output
    looks, resources, recovery = output.splitlines()
    for line, name in ((looks, "status of 40"), (resources, "status of 40, with resources")):
        found = re.fullmatch(rf"{name}: ([\d.]+) ms; longest turn [\d.]+ ms \(.*\)", line)
        assert found, line
        assert float(found[1]) > 0
    pattern = r"recovery of one of 20: [\d.]+ ms; with 100 requests per second [\d.]+ ms, ([\d.]+)x"
    ratio = re.fullmatch(pattern, recovery)
    assert ratio, recovery
    assert float(ratio[1]) > 0


def test_what_all_notifiers_cost() -> None:
    with driving([sys.executable, "-m", "benchmarks.notifiers", "--rounds=1"]) as driver:
        output, _ = driver.communicate(timeout=DEADLINE)
    assert driver.returncode == 0, output
    present, *rows = output.splitlines()
    assert present.startswith("all: log, systemd, json-log")
    assert [row.split()[0] for row in rows] == ["none", "log", "all"]
    for row in rows:
        found = re.search(r"recovery of one of 20: +([\d.]+) ms, .*; (\d+) events per second", row)
        assert found, row
        assert float(found[1]) > 0
        assert int(found[2]) > 0


def test_an_interrupted_run_leaves_no_process(endless: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE
    while len(started := procfs.descendants(endless.pid)) < 50:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(endless.pid, signal.SIGTERM)
    assert endless.wait(DEADLINE) == 128 + signal.SIGTERM
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("--rows=begin", "argument --rows: unknown: begin (known: start, "),
        ("--contestants=core,circus", "argument --contestants: unknown: circus (known: bare, "),
        ("--rounds=0", "argument --rounds: must be a whole number of at least 1, not '0'"),
    ],
)
def test_a_wrong_argument_is_refused(argument: str, complaint: str) -> None:
    done = subprocess.run(command(argument), cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert complaint in done.stderr

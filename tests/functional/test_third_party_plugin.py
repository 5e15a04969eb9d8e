"""The plugin project that the documentation walks through: built, installed and run."""

from __future__ import annotations

import configparser
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests.functional.harness import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "doc" / "plugins" / "example_project"

SOURCES = ("pyproject.toml", "setup.cfg", "setup.py", "README.rst", "LICENSE")
PACKAGES = ("cotyledon_core", "cotyledon_plugins")

PLUGINS = {
    ("cotyledon.services", "sweeper", "acme_plugins.sweeper:Sweeper"),
    ("cotyledon.restart_policies", "business-hours", "acme_plugins.business_hours:BusinessHours"),
    ("cotyledon.notifiers", "event-file", "acme_plugins.event_file:EventFile"),
}

pytestmark = pytest.mark.timeout(600)


def clean_environment() -> dict[str, str]:
    unwanted = ("PYTHON", "COVERAGE", "NOTIFY_SOCKET", "OS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def succeed(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env={**clean_environment(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_checkout(target: Path) -> Path:
    """What a build needs, so that it leaves nothing in the checkout."""
    target.mkdir()
    for name in SOURCES:
        shutil.copy(ROOT / name, target)
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    return target


def copy_project(target: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", ".*", "build", "*.egg-info")
    shutil.copytree(PROJECT, target, ignore=ignored)
    return target


class Installation:
    """A clean virtual environment with us and the plugins' wheel in it."""

    def __init__(self, top: Path) -> None:
        self.bin = top / "venv" / "bin"
        succeed(sys.executable, "-m", "venv", top / "venv")
        self.wheel = self.build(copy_project(top / "acme"), top / "wheels")
        self.pip("install", copy_checkout(top / "core"), self.wheel)

    def pip(self, *arguments: object, **environment: str) -> None:
        quiet = ("--quiet", "--disable-pip-version-check")
        succeed(self.bin / "python", "-m", "pip", *quiet, *arguments, **environment)

    def build(self, project: Path, target: Path, **environment: str) -> Path:
        self.pip("wheel", "--no-deps", "--wheel-dir", target, project, **environment)
        (wheel,) = target.glob("acme_plugins-*.whl")
        return wheel

    def cotyledon(self, *arguments: object) -> str:
        return succeed(self.bin / "cotyledon", *arguments)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("third-party"))


def entry_points_of(wheel: Path) -> dict[str, dict[str, str]]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        parser = configparser.ConfigParser(delimiters=("=",))
        parser.read_string(archive.read(name).decode())
    return {section: dict(parser[section]) for section in parser.sections()}


def test_both_styles_of_setup_cfg_give_the_same(installation: Installation, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "pbr")
    for file in (project / "pbr").iterdir():
        shutil.copy(file, project)
    by_pbr = installation.build(project, tmp_path / "wheels", PBR_VERSION="1.0")
    assert entry_points_of(by_pbr) == entry_points_of(installation.wheel)
    assert by_pbr.name == installation.wheel.name


def test_the_plugins_are_found(installation: Installation) -> None:
    found = json.loads(installation.cotyledon("plugins", "--format", "json"))
    ours = [plugin for plugin in found if plugin["distribution"] == "acme-plugins"]
    assert {(info["namespace"], info["name"], info["module"]) for info in ours} == PLUGINS
    assert {info["version"] for info in ours} == {"1.0"}
    assert [info["error"] for info in found if info["error"]] == []
    table = installation.cotyledon("plugins")
    assert all(module in table for _, _, module in PLUGINS)


def test_the_shown_configuration_is_right(installation: Installation) -> None:
    installation.cotyledon("check", "--config-file", PROJECT / "acme.conf")


class Run:
    """``cotyledon run``, and the events that the notifier writes to a FIFO."""

    def __init__(self, installation: Installation, directory: Path, *lines: str) -> None:
        self.fifo = directory / "events"
        os.mkfifo(self.fifo)
        config = directory / "acme.conf"
        config.write_text("\n".join([*lines, "[notifier:event-file]", f"path = {self.fifo}", ""]))
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        # Open for writing too: a reader alone would see the end whenever the writer closes.
        self._file = os.fdopen(os.open(self.fifo, os.O_RDWR), encoding="utf-8")
        self._reader = threading.Thread(target=self._read, args=(self._file,), daemon=True)
        self._reader.start()
        self.process = subprocess.Popen(
            [installation.bin / "cotyledon", "run", "--config-file", config],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _read(self, file: TextIO) -> None:
        for line in file:
            event = json.loads(line)
            if event["event"] == "end":
                return
            self._events.put(event)

    def wait_for(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next event of this kind with these fields."""
        end = time.monotonic() + DEADLINE
        while True:
            event = self._events.get(timeout=end - time.monotonic())
            if event["event"] == kind and fields.items() <= event.items():
                return event

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()  # the guardian ends what that leaves
            self.process.wait(DEADLINE)
        with self.fifo.open("a") as file:
            print('{"event": "end"}', file=file)
        self._reader.join(DEADLINE)
        self._file.close()


@pytest.fixture
def running(installation: Installation, tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "swept").mkdir()
    old = tmp_path / "swept" / "old"
    old.touch()
    os.utime(old, (0, 0))
    (tmp_path / "swept" / "new").touch()
    opens = (time.localtime().tm_hour + 3) % 23
    run = Run(
        installation,
        tmp_path,
        "[cotyledon]",
        "services = sweeper, importer",
        f"business_hours_closes = {opens + 1}",
        "notifiers = log, event-file",
        "[service:sweeper]",
        f"directory = {tmp_path / 'swept'}",
        "interval = 0.1",
        "[service:importer]",
        "service_type = command",
        "command = sh -c 'exit 3'",
        "restart_policy = business-hours",
        f"business_hours_opens = {opens}",
    )
    yield run
    run.close()


def test_all_three_kinds_at_work(running: Run, tmp_path: Path) -> None:
    restarting = running.wait_for("worker_restarting", service="importer")
    assert restarting["delay"] > 3600, "it is night, whenever the test runs"
    wait_until_gone(tmp_path / "swept" / "old")
    assert (tmp_path / "swept" / "new").exists()
    assert running.stop() == 0
    assert running.wait_for("manager_stopped")["status"] == 0


def wait_until_gone(path: Path) -> None:
    end = time.monotonic() + DEADLINE
    while path.exists():
        assert time.monotonic() < end, f"{path} is still there"
        time.sleep(0.01)


def test_a_wrong_option_is_found_by_check(installation: Installation, tmp_path: Path) -> None:
    config = tmp_path / "wrong.conf"
    text = (PROJECT / "acme.conf").read_text(encoding="utf-8")
    config.write_text(text.replace("directory = /var", "directory = var"))
    done = subprocess.run(
        [installation.bin / "cotyledon", "check", "--config-file", config],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"{config}: [service:sweeper] directory: 'var/tmp/acme' must be an absolute path" in (
        done.stdout + done.stderr
    )


def test_its_own_tests_pass(installation: Installation, tmp_path: Path) -> None:
    installation.pip("install", "pytest")
    project = copy_project(tmp_path / "acme")
    shutil.rmtree(project / "acme_plugins")  # what is installed is tested
    succeed(installation.bin / "python", "-m", "pytest", "-q", "--rootdir", project, project)

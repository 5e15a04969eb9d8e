"""The command line with real processes: what runs is what the files say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from oslo_config import cfg

from tests.functional.harness import APPS, Application

Launch = Callable[..., Application]
Workers = dict[tuple[str, int], int]

ENTRY_POINTS = """\
[cotyledon.services]
recorder = command_line:Recorder
in-place = command_line:InPlace
whole = command_line:Whole
knowing = command_line:Knowing
knowing-in-place = command_line:KnowingInPlace
following = command_line:Following
following-in-place = command_line:FollowingInPlace
bounded = command_line:Bounded
[cotyledon.notifiers]
events = command_line:Events
[cotyledon.restart_policies]
always = cotyledon_plugins.restart_policies.always:Always
"""

BASE = """
[cotyledon]
services = web, batch
notifiers = events
start_method = {method}
[service:web]
service_type = in-place
label = web
workers = {web}
[service:batch]
service_type = recorder
label = batch
workers = {batch}
"""

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="POSIX's signals")


@pytest.fixture(autouse=True)
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let applications find the entry points of ``apps/command_line.py``."""
    info = tmp_path / "site" / "apps-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: apps\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_without_the_installed(ENTRY_POINTS))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(APPS)]))
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)


def _without_the_installed(text: str) -> str:
    """The built-in plugin has its own entry point where the project is installed."""
    from importlib import metadata

    if metadata.entry_points(group="cotyledon.restart_policies"):
        return text.partition("[cotyledon.restart_policies]")[0]
    return text


class Configuration:
    """A file that the test changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.method = "fork"

    def write(self, text: str = BASE, web: int = 2, batch: int = 1, added: str = "") -> None:
        new = self.path.with_suffix(".new")
        new.write_text(dedent(text).format(method=self.method, web=web, batch=batch) + added)
        new.replace(self.path)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    made = Configuration(tmp_path / "test.conf")
    made.write()
    return made


@pytest.fixture
def run(launch: Launch, configuration: Configuration) -> Launch:
    def start(*arguments: str, **options: object) -> Application:
        file = str(configuration.path)
        return launch("command_line", "run", "--config-file", file, *arguments, **options)

    return start


def wait_for_counts(application: Application, **counts: int) -> Workers:
    """Wait until each service has so many living workers; return them."""

    def found() -> Workers | None:
        workers = application.workers()
        return workers if Counter(service for service, _ in workers) == counts else None

    return application.until(found, str(counts))


def test_run(run: Launch, configuration: Configuration, method: str) -> None:
    configuration.method = method
    configuration.write()
    application = run(method=method)
    wait_for_counts(application, web=2, batch=1)
    application.wait_for("manager_ready")
    assert application.stop() == 0


def test_sighup_scales(run: Launch, configuration: Configuration) -> None:
    application = run()
    before = application.wait_for_workers(3)
    configuration.write(web=4, batch=0)
    application.send(signal.SIGHUP)
    application.wait_for("manager_reloaded")
    after = wait_for_counts(application, web=4)
    assert {after["web", 0], after["web", 1]} == {before["web", 0], before["web", 1]}
    application.wait_for("reload", service="web", pid=before["web", 0])
    configuration.write(web=1, batch=1)
    application.send(signal.SIGHUP)
    application.wait_for("manager_reloaded", 2)
    wait_for_counts(application, web=1, batch=1)
    assert application.stop() == 0


@pytest.mark.parametrize("added", ["[broken", "wokers = 3", "workers = 1x"])
def test_sighup_with_a_broken_file_leaves_all_as_it_is(
    added: str, run: Launch, configuration: Configuration
) -> None:
    application = run()
    before = application.wait_for_workers(3)
    configuration.write(web=5, added=added)
    application.send(signal.SIGHUP)
    failed = application.wait_for_one("reload_failed")
    assert str(configuration.path) in failed.error
    assert application.workers() == before
    assert application.records("reload") == []
    configuration.write(web=3)
    application.send(signal.SIGHUP)
    application.wait_for("manager_reloaded")
    application.wait_for("reload", service="web", pid=before["web", 0])
    wait_for_counts(application, web=3, batch=1)
    assert len(application.records("reload", pid=before["web", 0])) == 1
    assert application.stop() == 0


def test_directories_and_the_environment(
    run: Launch, configuration: Configuration, tmp_path: Path
) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_text("[service:batch]\nworkers = 2\n")
    application = run(
        "--config-dir", str(tmp_path / "conf.d"), environment={"OS_SERVICE:WEB__WORKERS": "1"}
    )
    wait_for_counts(application, web=1, batch=2)
    assert application.stop() == 0


def test_the_whole_configuration(run: Launch, configuration: Configuration, method: str) -> None:
    text = """
        [cotyledon]
        services = whole
        notifiers = events
        start_method = {method}
        [service:whole]
        label = whole
        [paint]
        colour = red
        """
    configuration.method = method
    configuration.write(text)
    application = run(method=method)
    pid = application.wait_for_workers(1)["whole", 0]
    assert application.wait_for_one("from_conf").colour == "red"
    configuration.write(text.replace("red", "blue"))
    application.send(signal.SIGHUP)
    application.wait_for_replacement(pid, ("whole", 0))
    assert application.records("from_conf")[-1].colour == "blue"
    assert application.stop() == 0


def test_an_ended_worker_is_started_again(run: Launch) -> None:
    application = run()
    pid = application.wait_for_workers(3)["batch", 0]
    os.kill(pid, signal.SIGKILL)
    application.wait_for_replacement(pid, ("batch", 0))
    assert application.stop() == 0


def test_faults_are_refused_before_anything_starts(
    run: Launch, configuration: Configuration
) -> None:
    configuration.write(added="workers = x\n[service:web]\nlable = x\n[cotyledon]\nname-x = 1\n")
    application = run()
    assert application.wait() == 1
    lines = application.output().splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"cotyledon: {configuration.path}: ") for line in lines)
    assert application.output("stdout") == ""
    assert {record.event for record in application.records()} == {"manager"}


def test_check_starts_nothing(launch: Launch, configuration: Configuration) -> None:
    application = launch("command_line", "check", "--config-file", str(configuration.path))
    assert application.wait() == 0
    assert application.output("stdout") == "configuration is valid: 2 services, 3 workers\n"
    assert {record.event for record in application.records()} == {"manager"}


def test_plugins(launch: Launch) -> None:
    application = launch("command_line", "plugins")
    assert application.wait() == 0
    assert "command_line:Whole" in application.output("stdout")


# Sections stand above classes


@pytest.mark.parametrize(("section", "seconds"), [("3600", 3600), ("0", None), ("", 7)])
def test_grace_of_a_section(
    run: Launch, configuration: Configuration, method: str, section: str, seconds: int | None
) -> None:
    configuration.method = method
    line = f"graceful_shutdown_timeout = {section}\n" if section else ""
    configuration.write(BASE.replace("in-place", f"bounded\n{line}"), web=1, batch=0)
    application = run()
    running = application.wait_for_one("run", service="web")
    os.kill(running.pid, signal.SIGTERM)
    ending = application.wait_for_one("terminate", pid=running.pid)
    if seconds is None:
        assert ending.deadline is None
    else:
        assert running.at + seconds <= ending.deadline <= ending.at + seconds
    assert application.stop() == 0


# What of a configuration workers follow while they run

FOLLOWED = """
[cotyledon]
services = painter
notifiers = events
start_method = {{method}}
reload_method = {reload_method}
[service:painter]
service_type = {service_type}
label = painter
[paint]
colour = {colour}
gloss = {gloss}
"""
PAINTER = ("painter", 0)


class Painter:
    """One worker, and the file that it follows."""

    def __init__(
        self, run: Launch, configuration: Configuration, method: str, **settings: str
    ) -> None:
        self._configuration, self._settings = configuration, settings
        configuration.method = method
        self.paint("red", "matt")
        self.application = run(method=method)
        self.pid = self.application.wait_for_workers(1)[PAINTER]

    def paint(self, colour: str, gloss: str) -> None:
        text = FOLLOWED.format(colour=colour, gloss=gloss, **self._settings)
        self._configuration.write(text)

    def reload(self, colour: str, gloss: str) -> None:
        done = len(self.application.records("manager_reloaded"))
        self.paint(colour, gloss)
        self.application.send(signal.SIGHUP)
        self.application.wait_for("manager_reloaded", done + 1)

    def told(self, event: str, count: int) -> list[list[str]]:
        records = self.application.wait_for(event, count, pid=self.pid)
        return [record.seen for record in records]

    def replaced(self) -> list[str]:
        """What the new process sees."""
        pid = self.application.wait_for_replacement(self.pid, PAINTER)
        seen: list[str] = self.application.wait_for_one("made", pid=pid).seen
        return seen

    def stays(self) -> bool:
        return self.application.workers() == {PAINTER: self.pid}


@pytest.mark.parametrize("reload_method", ["reload", "mutate"])
def test_mutable_options_without_a_reload(
    run: Launch, configuration: Configuration, method: str, reload_method: str
) -> None:
    settings = {"service_type": "following", "reload_method": reload_method}
    painter = Painter(run, configuration, method, **settings)
    painter.reload("red", "bright")
    assert painter.told("mutated", 1) == [["red", "bright"]]
    painter.reload("red", "bright")
    assert painter.stays()
    painter.reload("blue", "bright")
    assert painter.replaced() == ["blue", "bright"]
    assert painter.application.stop() == 0


@pytest.mark.parametrize("reload_method", ["reload", "mutate"])
def test_the_files_are_read_again_before_a_reload(
    run: Launch, configuration: Configuration, method: str, reload_method: str
) -> None:
    settings = {"service_type": "following-in-place", "reload_method": reload_method}
    painter = Painter(run, configuration, method, **settings)
    painter.reload("red", "bright")
    assert painter.told("reload", 1) == [["red", "bright"]]
    assert painter.told("mutated", 1) == [["red", "bright"]]
    painter.reload("blue", "shiny")
    if reload_method == "reload":
        assert painter.told("reload", 2)[1] == ["blue", "shiny"]
        assert painter.stays()
    else:
        assert painter.replaced() == ["blue", "shiny"]
    assert painter.application.stop() == 0


def test_a_new_process_gets_what_was_found_right(
    run: Launch, configuration: Configuration, method: str
) -> None:
    """And not what the files say at that moment."""
    painter = Painter(run, configuration, method, service_type="following", reload_method="reload")
    painter.paint("blue", "bright")
    os.kill(painter.pid, signal.SIGKILL)
    assert painter.replaced() == ["red", "matt"]
    assert painter.application.stop() == 0


# An application with its own configuration


def test_from_config(launch: Launch, configuration: Configuration) -> None:
    application = launch("from_configuration", "from_config", str(configuration.path))
    application.wait_for_workers(3)
    configuration.write(web=1)
    application.send(signal.SIGHUP)
    application.wait_for_workers(2)
    assert application.stop() == 0


def test_the_global_configuration(launch: Launch, configuration: Configuration) -> None:
    """Services that read it without being given it see what was read again."""
    text = """
        [cotyledon]
        services = knowing, knowing-in-place, plain
        notifiers = events
        [service:knowing]
        label = knowing
        [service:knowing-in-place]
        label = in-place
        [service:plain]
        service_type = recorder
        label = plain
        [paint]
        colour = red
        """
    configuration.write(text)
    application = launch("from_configuration", "from_global", str(configuration.path))
    before = application.wait_for_workers(3)
    configuration.write(text.replace("red", "blue\n        size = big"))
    application.send(signal.SIGHUP)
    application.wait_for("reload_failed")
    assert application.workers() == before
    configuration.write(text.replace("red", "blue"))
    application.send(signal.SIGHUP)
    application.wait_for("manager_reloaded")
    in_place = before["in-place", 0]
    assert application.wait_for_one("reload", pid=in_place).colour == "blue"
    pid = application.wait_for_replacement(before["knowing", 0], ("knowing", 0))
    assert application.wait_for_one("knows", pid=pid).colour == "blue"
    assert application.workers()["in-place", 0] == in_place
    application.wait_for("manager sees", colour="blue")
    assert application.stop() == 0


@pytest.mark.parametrize(
    ("reload_method", "found"), [("reload", ("new", "new")), ("mutate", ("old", "new"))]
)
def test_workers_reload_with_the_files_re_read(
    reload_method: str, found: tuple[str, str], launch: Launch, method: str, tmp_path: Path
) -> None:
    if method != "fork" and not hasattr(cfg.ConfigOpts, "export_state"):
        pytest.skip("this oslo.config cannot be pickled")
    path = tmp_path / "app.conf"
    path.write_text("[DEFAULT]\nfixed = old\nsoft = old\n")
    application = launch("from_configuration", reload_method, str(path), method=method)
    workers = application.wait_for_workers(2)
    path.write_text("[DEFAULT]\nfixed = new\nsoft = new\n")
    application.send(signal.SIGHUP)
    for (_, worker_id), pid in workers.items():
        record = application.wait_for_one("reload", worker_id=worker_id, pid=pid)
        assert (record.fixed, record.soft) == found
    assert application.stop() == 0


def test_the_package_runs_as_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "cotyledon_core", "check", "--config-file", "/none"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "cotyledon: /none: does not exist; name a configuration file that does\n"

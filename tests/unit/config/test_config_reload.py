"""What a reload reads, compares and takes over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from cotyledon_core.config.application import build
from cotyledon_core.config.loader import load
from cotyledon_core.config.settings import ServiceSettings
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.event_log import EventLog
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.listening import Listening
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import RestartPolicy
from cotyledon_core.supervision.messages import Manner
from cotyledon_core.types import WorkerId

Write = Callable[..., Path]

BASE = """
[cotyledon]
services = one, two
restart_policy = capped
[service:one]
service_type = example
[service:two]
service_type = example
"""


class Target:
    """Notes what is changed in it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.steps: list[Callable[[], None]] = []
        self.policies: dict[str, RestartPolicy] = {}

    def take(self) -> list[tuple[Any, ...]]:
        """What was asked of it since the last call, but for telling those that stay the same."""
        asked, self.asked = self.asked, []
        return [each for each in asked if each[2:] != ("TELL_OR_LEAVE",)]

    def undo(self) -> None:
        steps, self.steps = self.steps, []
        for step in reversed(steps):
            step()

    def add(self, settings: ServiceSettings) -> None:
        self.asked.append(("add", settings.name))

    def remove(self, name: str) -> None:
        self.asked.append(("remove", name))

    def scale(self, name: str, workers: int) -> None:
        self.asked.append(("scale", name, workers))

    def change(self, settings: ServiceSettings, manner: Manner | None, *, afresh: bool) -> None:
        self.policies[settings.name] = settings.restart_policy
        how = manner.name if manner else "NOT AT ALL"
        self.asked.append(("change", settings.name, how, *(["afresh"] if afresh else [])))

    def set_grace(self, seconds: float) -> None:
        self.grace = seconds

    def set_sockets(self, sockets: Mapping[str, Listening]) -> None:
        self.sockets = sockets

    def set_pace(self, spawn_interval: float, stop_delay: float) -> None:
        self.pace = spawn_interval, stop_delay

    def set_control(self, settings: ControlSettings) -> None:
        self.control = settings

    def change_notifiers(
        self, notifiers: Mapping[str, Notifier], unchanged: Container[str]
    ) -> None:
        kept = [name for name in notifiers if name in unchanged]
        self.asked.append(("notifiers", list(notifiers), kept))

    def on_undo(self, step: Callable[[], None]) -> None:
        self.steps.append(step)


Reload = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def reload(write: Write, target: Target) -> Reload:
    """Changes the file and reloads; returns what was asked of the target."""
    _, reloader = build(load([f"--config-file={write(BASE)}"]))

    def reload(text: str) -> list[tuple[Any, ...]]:
        write(text)
        reloader.prepare()(target)
        return target.take()

    return reload


def test_services_go_after_those_that_start_after_them(write: Write, target: Target) -> None:
    ordered = BASE + "[service:one]\nstart_after = two\n"
    _, reloader = build(load([f"--config-file={write(ordered)}"]))
    write("[cotyledon]\nservices =\n")
    reloader.prepare()(target)
    assert target.take() == [("remove", "one"), ("remove", "two")]


def test_counts(reload: Reload) -> None:
    scaled = [("change", "two", "TELL_OR_LEAVE", "afresh")]
    assert reload(BASE + "workers = 5") == [("scale", "two", 5), *scaled]
    assert reload(BASE + "workers = 5") == []
    assert reload(BASE) == [("scale", "two", 1), *scaled]


def test_what_the_manager_takes_over(reload: Reload, target: Target) -> None:
    assert reload(BASE + "[DEFAULT]\ngraceful_shutdown_timeout = 7") == []
    assert target.grace == 7
    text = BASE.replace("capped", "capped\nspawn_interval = 0.5\nstop_delay = 2")
    assert reload(text) == []
    assert target.pace == (0.5, 2.0)


def test_services_that_come_and_go(reload: Reload) -> None:
    assert reload(
        BASE.replace("one, two", "two, three") + "[service:three]\nservice_type=example"
    ) == [
        ("remove", "one"),
        ("add", "three"),
    ]


def test_what_does_not_concern_the_workers(reload: Reload) -> None:
    for line in ("start_timeout = 3", "restart_policy = never", "max_unavailable = 2"):
        assert reload(BASE + line) == [("change", "two", "TELL_OR_LEAVE", "afresh")]


def test_what_replaces_workers(reload: Reload) -> None:
    for line in ("greeting = hi", "max_tasks = 9", "service_type = sample\ntarget = here"):
        text = BASE.replace("[service:two]\nservice_type = example\n", "[service:two]\n")
        text += line if "service_type" in line else f"service_type = example\n{line}"
        assert reload(text) == [("change", "two", "REPLACE", "afresh")]


def test_a_policy_that_stays_as_it_is_goes_on(reload: Reload, target: Target) -> None:
    """It may have taken notes."""
    reload(BASE + "greeting = hi")
    first = dict(target.policies)
    reload(BASE + "greeting = ho")
    assert all(target.policies[name] is first[name] for name in ("one", "two"))
    reload(BASE + "greeting = ho\nrestart_policy = never")
    assert target.policies["one"] is first["one"]
    assert target.policies["two"] is not first["two"]


def test_notifiers(reload: Reload, target: Target) -> None:
    named = BASE.replace("capped", "capped\nnotifiers = log, other")
    section = "[notifier:other]\nnotifier_type = systemd\nsocket = /run/a"
    assert reload(named + section) == [("notifiers", ["log", "other"], ["log"])]
    changed = named + section.replace("/a", "/b")
    assert reload(changed) == [("notifiers", ["log", "other"], ["log"])]
    assert reload(changed) == []
    target.undo()
    assert target.take() == [
        ("notifiers", ["log", "other"], ["log"]),
        ("notifiers", ["log"], ["log"]),
    ]


def test_a_notifier_that_could_not_be_made_again(
    reload: Reload, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be undone is not done."""

    def fail(self: EventLog) -> None:
        raise OSError("gone")

    monkeypatch.setattr(EventLog, "__init__", fail, raising=False)
    with pytest.raises(ConfigurationError) as caught:
        reload(BASE.replace("capped", "capped\nnotifiers = "))
    assert caught.value.faults == ("[notifier:log]: cannot be made again: OSError('gone')",)
    assert target.take() == []


def test_undone_it_is_as_before(reload: Reload, target: Target) -> None:
    reload(BASE + "greeting = hi")
    target.undo()
    assert reload(BASE) == []
    assert reload(BASE + "greeting = hi") == [("change", "two", "REPLACE", "afresh")]


def test_what_needs_a_restart_refuses_the_whole_reload(reload: Reload, target: Target) -> None:
    text = BASE.replace("capped", "capped\nname = other") + "workers = 3\nstart_after = one"
    with pytest.raises(ConfigurationError) as refused:
        reload(text)
    assert [fault.partition(": ")[2] for fault in refused.value.faults] == [
        "[cotyledon] name: a change needs a restart of the manager",
        "[service:two] start_after: a change needs a restart of the manager",
    ]
    assert target.asked == []
    assert reload(BASE) == []


@pytest.mark.parametrize("text", ["[cotyledon", "", BASE + "workers = x", BASE + "wokers = 2"])
def test_a_broken_file_changes_nothing(text: str, write: Write) -> None:
    path = write(BASE)
    settings, reloader = build(load([f"--config-file={path}"]))
    write(text)
    with pytest.raises(ConfigurationError, match=str(path)):
        reloader.prepare()
    target = Target()
    write(BASE)
    reloader.prepare()(target)
    assert target.take() == []
    assert reloader.read() == settings


def test_a_vanished_file_changes_nothing(write: Write) -> None:
    path = write(BASE)
    _, reloader = build(load([f"--config-file={path}"]))
    path.unlink()
    with pytest.raises(ConfigurationError, match="does not exist"):
        reloader.prepare()


def test_new_workers_get_what_was_read(write: Write) -> None:
    text = "[cotyledon]\nservices = whole\n[paint]\ncolour = "
    settings, reloader = build(load([f"--config-file={write(text + 'red')}"]))
    factory = settings.services[0].factory
    assert factory(WorkerId(0)).seen[0] == "red"  # type: ignore[attr-defined]
    write(text + "blue")
    apply = reloader.prepare()
    assert factory(WorkerId(0)).seen[0] == "red"  # type: ignore[attr-defined]
    apply(Target())
    assert factory(WorkerId(0)).seen[0] == "blue"  # type: ignore[attr-defined]


def test_an_application_s_own_files_and_options(write: Write) -> None:
    path = write(BASE)
    conf = cfg.ConfigOpts()
    conf.register_cli_opt(cfg.StrOpt("site"))
    conf(["--config-file", str(path), "--site=x"], project="app", prog="app")
    _, reloader = build(conf)
    conf.register_opt(cfg.IntOpt("graceful_shutdown_timeout", default=9))
    write(BASE + "workers = 4")
    target = Target()
    reloader.prepare()(target)
    assert target.take()[0] == ("scale", "two", 4)
    assert reloader.read().graceful_shutdown_timeout == 9
    write(BASE + "[DEFAULT]\nsite = y")
    reloader.prepare()
    assert conf.site == "x"


def test_options_are_logged_without_secrets(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    text = "[cotyledon]\nservices = sample\n[service:sample]\ntarget = here\ntoken = hunter2\n"
    build(load([f"--config-file={write(text)}"]))
    assert "service:sample.target" in caplog.text
    assert "hunter2" not in caplog.text
    caplog.clear()
    build(load([f"--config-file={write(text + '[DEFAULT]' + chr(10) + 'log_options = no')}"]))
    assert "service:sample.target" not in caplog.text


def test_notices_are_logged(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    build(load([f"--config-file={write(BASE + '[service:three]' + chr(10) + 'workers = 1')}"]))
    assert "[service:three] is not used" in caplog.text

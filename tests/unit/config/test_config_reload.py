"""What a reload reads, compares and takes over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from oslo_config import cfg

from cotyledon_core.config.application import build
from cotyledon_core.config.loader import load
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.types import ServiceId, WorkerId

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


class Manager:
    """Notes what is asked of it."""

    def __init__(self, *names: str) -> None:
        self._service_ids = {name: ServiceId(uuid4()) for name in names}
        self._graceful_shutdown_timeout = 60
        self.asked: list[tuple[str, int]] = []
        self.revived: list[str] = []

    def reconfigure(self, service_id: ServiceId, workers: int) -> None:
        names = {known: name for name, known in self._service_ids.items()}
        self.asked.append((names[service_id], workers))

    def _revive(self, service_id: ServiceId) -> None:
        names = {known: name for name, known in self._service_ids.items()}
        self.revived.append(names[service_id])


def test_counts_are_taken_over(write: Write) -> None:
    _, reloader = build(load([f"--config-file={write(BASE)}"]))
    manager = Manager("one", "two")
    write(BASE + "workers = 5")
    apply = reloader.prepare()
    assert manager.asked == []
    apply(manager)
    assert manager.asked == [("two", 5)]
    reloader.prepare()(manager)
    assert manager.asked == [("two", 5)]
    write(BASE)
    reloader.prepare()(manager)
    assert manager.asked == [("two", 5), ("two", 1)]
    assert manager.revived == ["two", "two"]


def test_the_manager_s_timeout_is_taken_over(write: Write) -> None:
    _, reloader = build(load([f"--config-file={write(BASE)}"]))
    manager = Manager("one", "two")
    write(BASE + "[DEFAULT]\ngraceful_shutdown_timeout = 7")
    reloader.prepare()(manager)
    assert manager._graceful_shutdown_timeout == 7


@pytest.mark.parametrize("text", ["[cotyledon", "", BASE + "workers = x", BASE + "wokers = 2"])
def test_a_broken_file_changes_nothing(text: str, write: Write) -> None:
    path = write(BASE)
    settings, reloader = build(load([f"--config-file={path}"]))
    write(text)
    with pytest.raises(ConfigurationError, match=str(path)):
        reloader.prepare()
    manager = Manager("one", "two")
    write(BASE)
    reloader.prepare()(manager)
    assert manager.asked == []
    assert reloader.read() == settings


def test_a_vanished_file_changes_nothing(write: Write) -> None:
    path = write(BASE)
    _, reloader = build(load([f"--config-file={path}"]))
    path.unlink()
    with pytest.raises(ConfigurationError, match="does not exist"):
        reloader.prepare()


def test_the_rest_waits_for_a_restart(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    _, reloader = build(load([f"--config-file={write(BASE)}"]))
    manager = Manager("one", "two")
    write(BASE.replace("one, two", "two, whole") + "workers = 2\ngreeting = hi")
    for asked in ([("two", 2)], [("two", 2)]):
        caplog.clear()
        reloader.prepare()(manager)
        assert manager.asked == asked
        warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        told = [text for text in warnings if text.endswith("needs a restart of the manager")]
        assert [text.rpartition(" needs")[0] for text in told] == [
            "added service whole",
            "removed service one",
            "changed [service:two] greeting",
        ]


def test_new_workers_get_what_was_read(write: Write) -> None:
    text = "[cotyledon]\nservices = whole\n[paint]\ncolour = "
    settings, reloader = build(load([f"--config-file={write(text + 'red')}"]))
    factory = settings.services[0].factory
    assert factory(WorkerId(0)).seen[0] == "red"  # type: ignore[attr-defined]
    write(text + "blue")
    apply = reloader.prepare()
    assert factory(WorkerId(0)).seen[0] == "red"  # type: ignore[attr-defined]
    apply(Manager("whole"))
    assert factory(WorkerId(0)).seen[0] == "blue"  # type: ignore[attr-defined]


def test_an_application_s_own_files_and_options(write: Write) -> None:
    path = write(BASE)
    conf = cfg.ConfigOpts()
    conf.register_cli_opt(cfg.StrOpt("site"))
    conf(["--config-file", str(path), "--site=x"], project="app", prog="app")
    _, reloader = build(conf)
    conf.register_opt(cfg.IntOpt("graceful_shutdown_timeout", default=9))
    write(BASE + "workers = 4")
    manager = Manager("one", "two")
    reloader.prepare()(manager)
    assert manager.asked == [("two", 4)]
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

"""oslo.config's conventions: old names, the environment, what is logged."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cotyledon_core.config import options
from cotyledon_core.config.application import build
from cotyledon_core.config.loader import load
from cotyledon_core.config.policy_options import in_files
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.plugins.loading import Namespace, discover

Compile = Callable[[str], ManagerSettings]
Faults = Callable[[str], tuple[str, ...]]
Write = Callable[..., Path]

SAMPLE = "[cotyledon]\nservices = sample\n[service:sample]\ntarget = here\n"


# -- the entry points of oslo.config.opts


def test_the_options_of_all_built_in_plugins_are_listed() -> None:
    listed = {group.name if group else None: opts for group, opts in options.list_opts()}
    sections = {Namespace.SERVICES: "service:{}", Namespace.NOTIFIERS: "notifier:{}"}
    built_in = [info for info in discover() if info.distribution == "cotyledon-core"]
    assert {info.namespace for info in built_in} == set(Namespace)
    for info in built_in:
        section = sections.get(info.namespace, "cotyledon").format(info.name)
        names = {option.dest for option in listed[section]}
        for own in info.plugin.options():  # type: ignore[union-attr]
            is_policy = info.namespace == Namespace.RESTART_POLICIES
            assert (in_files(info.name, own) if is_policy else own).dest in names


# -- old names


def test_an_old_name_works_and_warns(compiled: Compile, caplog: pytest.LogCaptureFixture) -> None:
    settings = compiled(SAMPLE + "old_name = x")
    assert settings.services[0].factory.options["renamed"] == "x"
    assert '"old_name" from group "service:sample" is deprecated' in caplog.text


def test_an_old_name_in_another_section(
    compiled: Compile, caplog: pytest.LogCaptureFixture
) -> None:
    settings = compiled(SAMPLE + "[cotyledon]\nsample_moved = x")
    assert settings.services[0].factory.options["moved"] == "x"
    assert '"sample_moved" from group "cotyledon" is deprecated' in caplog.text


def test_an_old_name_is_not_read_from_other_places(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fault,) = faults(SAMPLE + "sample_moved = x")
    assert "[service:sample] sample_moved: is unknown" in fault
    monkeypatch.setenv("OS_SERVICE:SAMPLE__OLD_NAME", "x")
    (fault,) = faults(SAMPLE)
    assert "OS_SERVICE:SAMPLE__OLD_NAME: no option is read from it" in fault


# -- the environment


def check(path: Path, *assignments: str) -> subprocess.CompletedProcess[str]:
    """``cotyledon check``, started by env(1)."""
    command = [sys.executable, "-m", "cotyledon_core", "check", "--config-file", str(path)]
    return subprocess.run(
        ["env", *assignments, *command],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )


@pytest.mark.skipif(os.name != "posix", reason="env(1)")
def test_sections_with_a_colon_from_env(write: Write) -> None:
    path = write("[cotyledon]\nservices = example\n")
    done = check(path, "OS_SERVICE:EXAMPLE__WORKERS=3", "OS_COTYLEDON__SPAWN_INTERVAL=1")
    assert done.stdout == "configuration is valid: 1 services, 3 workers\n"
    done = check(path, "OS_SERVICE:EXAMPLE__WORKERS=x")
    assert done.returncode == 1
    assert "environment variable OS_SERVICE:EXAMPLE__WORKERS: [service:example]" in done.stderr
    done = check(path, "OS_SERVICE:EXAMPLE__WORKER=3")
    assert "did you mean OS_SERVICE:EXAMPLE__WORKERS?" in done.stderr


def test_the_environment_goes_before_files(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_SERVICE:SAMPLE__TARGET", "there")
    monkeypatch.setenv("OS_NOTIFIER:BOARD__COLOUR", "red")
    settings = compiled(SAMPLE + "[cotyledon]\nnotifiers = board")
    assert settings.services[0].factory.options["target"] == "there"
    assert settings.notifiers[0].options["colour"] == "red"


# -- what is logged


@pytest.mark.parametrize("source", ["file", "environment"])
def test_values_are_logged_with_secrets_masked(
    source: str, write: Write, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    if source == "environment":
        monkeypatch.setenv("OS_SERVICE:SAMPLE__TOKEN", "hunter2")
    text = SAMPLE + ("token = hunter2\n" if source == "file" else "")
    settings, reloader = build(load([f"--config-file={write(text)}"]))
    assert settings.services[0].factory.options["token"] == "hunter2"
    lines = [r for r in caplog.records if "service:sample.token" in r.getMessage()]
    assert [line.levelno for line in lines] == [logging.DEBUG]
    assert "****" in lines[0].getMessage()
    assert "service:sample.target" in caplog.text
    reloader.read()
    assert "hunter2" not in caplog.text
    assert "hunter2" not in repr(settings)

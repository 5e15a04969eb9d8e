"""The built-in plugins keep the contract that everybody's plugins are held to."""

from __future__ import annotations

import configparser
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from cotyledon_core.plugins.loading import CONTRACTS, Namespace, fault_of_class
from cotyledon_core.testing import (
    check_notifier,
    check_restart_policy,
    check_service,
)
from cotyledon_core.types import WorkerId
from cotyledon_plugins.notifiers.log import Log
from cotyledon_plugins.notifiers.statsd import Statsd
from cotyledon_plugins.notifiers.systemd.notifier import Systemd
from cotyledon_plugins.restart_policies.always import Always
from cotyledon_plugins.restart_policies.limited import Limited
from cotyledon_plugins.restart_policies.never import Never
from cotyledon_plugins.restart_policies.on_failure import OnFailure
from cotyledon_plugins.services.command import CommandService
from cotyledon_plugins.services.example import ExampleService

ROOT = Path(__file__).resolve().parents[3]


def registered() -> list[tuple[str, str, str]]:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return [
        (namespace, name.strip(), value.strip())
        for namespace in Namespace
        for line in parser["options.entry_points"][namespace].strip().splitlines()
        for name, _, value in [line.partition("=")]
    ]


@pytest.mark.parametrize(("namespace", "name", "value"), registered())
def test_what_is_registered_keeps_the_contract(namespace: str, name: str, value: str) -> None:
    module, _, attribute = value.partition(":")
    plugin = getattr(importlib.import_module(module), attribute)
    assert fault_of_class(namespace, plugin) is None


def test_every_namespace_has_a_contract() -> None:
    assert set(CONTRACTS) == set(Namespace)


@pytest.mark.parametrize("value", [value for _, _, value in registered()])
def test_importing_a_plugin_imports_no_oslo_config(value: str) -> None:
    module = value.partition(":")[0]
    program = f"import {module}, sys; print({{'oslo_config', 'stevedore'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_command_service() -> None:
    check_service(CommandService, command="sleep 60")


def test_example_service() -> None:
    check_service(ExampleService, greeting="hi", interval=1.0)


@pytest.mark.parametrize("policy", [Always, OnFailure, Never, Limited])
def test_restart_policies(policy: type) -> None:
    check_restart_policy(policy)


def test_log_notifier() -> None:
    assert check_notifier(Log).blocking is False


def test_systemd_notifier(tmp_path: Path) -> None:
    assert check_notifier(Systemd, socket=str(tmp_path / "nobody")).blocking is False


def test_statsd_notifier() -> None:
    pytest.importorskip("statsd")
    assert check_notifier(Statsd, host="127.0.0.1", port=1).blocking is True


# -- what the example does


def test_example_ends_when_told(caplog: pytest.LogCaptureFixture) -> None:
    service = ExampleService(WorkerId(3), greeting="moin", interval=86_400.0)
    service.reload()
    service.terminate()
    service.run()
    with caplog.at_level("INFO"):
        service = ExampleService(WorkerId(3), greeting="moin", interval=86_400.0)
        service._done.wait = lambda seconds: service.terminate()  # type: ignore[assignment]
        service.run()
    assert caplog.messages[0].startswith("moin from worker 3, pid ")


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan"), float("inf")])
def test_example_refuses_impossible_intervals(interval: float) -> None:
    with pytest.raises(ValueError, match=r"^interval: .* must be more than 0"):
        ExampleService(WorkerId(0), interval=interval)

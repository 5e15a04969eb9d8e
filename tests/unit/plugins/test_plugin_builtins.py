"""The built-in plugins keep the contract that everybody's plugins are held to."""

from __future__ import annotations

import configparser
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from cotyledon_core.plugins.loading import CONTRACTS, Namespace, fault_of_class
from cotyledon_core.plugins.restart_policy import Cause, Death, ExitStatus, Phase, Restart, Stop
from cotyledon_core.testing import (
    check_notifier,
    check_restart_policy,
    check_service,
    every_death,
)
from cotyledon_core.testing.samples import SERVICE_ID
from cotyledon_core.types import WorkerId
from cotyledon_plugins.notifiers.log import Log
from cotyledon_plugins.notifiers.systemd import Systemd
from cotyledon_plugins.restart_policies.always import Always
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


@pytest.mark.parametrize("policy", [Always, OnFailure, Never])
def test_restart_policies(policy: type) -> None:
    check_restart_policy(policy)


def test_log_notifier() -> None:
    assert check_notifier(Log).blocking is False


def test_systemd_notifier(tmp_path: Path) -> None:
    assert check_notifier(Systemd, socket=str(tmp_path / "nobody")).blocking is False


# -- what the policies decide


def death(status: ExitStatus, cause: Cause = Cause.EXITED, uptime: float = 1.0) -> Death:
    return Death(
        service="s",
        service_id=SERVICE_ID,
        worker_id=WorkerId(0),
        incarnation=1,
        status=status,
        cause=cause,
        phase=Phase.RUN,
        uptime=uptime,
        now=0.0,
        wall_time=0.0,
    )


def test_always_restarts_whatever_happened() -> None:
    decisions = [Always().decide(found) for found in every_death()]
    assert all(isinstance(decision, Restart) for decision in decisions)


def test_always_restarts_at_once_the_first_time() -> None:
    assert Always().decide(death(ExitStatus(code=0))) == Restart(0.0)


def test_never_stops_whatever_happened() -> None:
    assert all(isinstance(Never().decide(found), Stop) for found in every_death())


@pytest.mark.parametrize(
    "status",
    [
        ExitStatus(code=0),
        ExitStatus(signal=1),
        ExitStatus(signal=2),
        ExitStatus(signal=13),
        ExitStatus(signal=15),
    ],
    ids=str,
)
def test_on_failure_leaves_a_clean_end(status: ExitStatus) -> None:
    assert OnFailure().decide(death(status)) == Stop(f"clean exit ({status})")


@pytest.mark.parametrize(
    "status",
    [ExitStatus(), ExitStatus(code=1), ExitStatus(signal=9), ExitStatus(signal=11)],
    ids=str,
)
def test_on_failure_restarts_a_failure(status: ExitStatus) -> None:
    assert OnFailure().decide(death(status)) == Restart(0.0)


@pytest.mark.parametrize("cause", [Cause.HUNG, Cause.START_TIMEOUT, Cause.SPAWN_FAILED])
def test_on_failure_restarts_what_the_manager_ended(cause: Cause) -> None:
    assert isinstance(OnFailure().decide(death(ExitStatus(signal=15), cause)), Restart)


@pytest.mark.parametrize("policy", [Always, OnFailure])
def test_the_policies_take_the_options_of_backoff(policy: type[Always]) -> None:
    options = {option.dest: option.default for option in policy.options()}
    assert options == {
        "restart_delay": 0.5,
        "restart_delay_factor": 2.0,
        "restart_delay_max": 60.0,
        "restart_jitter": 0.1,
        "restart_healthy_after": 10.0,
    }
    for check in (policy.check_options, policy):
        with pytest.raises(ValueError, match=r"^restart_jitter: -1 is not a number"):
            check(restart_jitter=-1)


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

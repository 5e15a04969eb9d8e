"""Restart policies in files: how they are chosen, and what their options are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cotyledon_core import Limited
from cotyledon_core.config import options
from cotyledon_core.config.settings import ManagerSettings

Compile = Callable[[str], ManagerSettings]
Faults = Callable[[str], tuple[str, ...]]


def policies(settings: ManagerSettings) -> list[Any]:
    return [service.restart_policy for service in settings.services]


def text(general: str = "", own: str = "") -> str:
    return f"[cotyledon]\nservices = example, whole\n{general}\n[service:example]\n{own}\n"


@pytest.mark.parametrize("policy", ["always", "limited", "on-failure", "never"])
def test_a_policy_is_exchanged_in_one_line(policy: str, compiled: Compile) -> None:
    common = (
        "restart_delay = 1\nrestart_delay_factor = 3\nrestart_delay_steps = 4\n"
        "restart_delay_max = 9\nrestart_jitter = 0\nrestart_healthy_after = 5\n"
        "clean_exit_status = 0, 3, SIGTERM\nrestart_prevent_status = 2, SIGKILL\n"
        "restart_force_status = HUP"
    )
    for general, own in ((common, ""), ("", common)):
        settings = compiled(text(general, f"restart_policy = {policy}\n{own}"))
        assert settings.services[0].policy.options["restart_prevent_status"] == ["2", "SIGKILL"]


@pytest.mark.parametrize(
    ("general", "own", "limits"),
    [
        ("restart_policy = limited", "", (5, 60.0)),
        ("", "restart_policy = limited", (5, 60.0)),
        ("restart_policy = limited\nlimited_max_restarts = 2", "limited_period = 1.5", (2, 1.5)),
        ("limited_max_restarts = 2", "restart_policy = limited", (2, 60.0)),
        (
            "restart_policy = limited\nlimited_max_restarts = 2",
            "limited_max_restarts = 0",
            (0, 60.0),
        ),
    ],
)
def test_the_options_of_limited(
    general: str, own: str, limits: tuple[int, float], compiled: Compile
) -> None:
    policy = policies(compiled(text(general, own)))[0]
    assert isinstance(policy, Limited)
    assert (policy._max_restarts, policy._period) == limits


def test_an_option_gets_the_policys_name_and_the_constructor_does_not(compiled: Compile) -> None:
    own = "restart_policy = day-shift\nday_shift_first_hour = 7\nrestart_delay = 2"
    settings = compiled(text("day_shift_last_hour = 20", own))
    assert policies(settings)[0].given == (7, 20, 2.0)
    assert settings.services[0].policy.options == {
        "day_shift_first_hour": 7,
        "day_shift_last_hour": 20,
        "restart_delay": 2.0,
    }


def test_an_options_old_name_has_the_policys_too(compiled: Compile) -> None:
    own = "restart_policy = day-shift\nday_shift_begin = 7\nday_shift_last_hour = 20"
    assert policies(compiled(text(own=own)))[0].given == (7, 20, 0.5)


def test_options_are_listed_as_files_call_them() -> None:
    (listed,) = [
        found for group, found in options.list_opts() if group and group.name == "cotyledon"
    ]
    names = {option.dest for option in listed}
    assert {"limited_max_restarts", "limited_period", "day_shift_first_hour"} <= names
    assert names.isdisjoint({"max_restarts", "period", "first_hour"})


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        (
            "restart_policy = limited\nmax_restarts = 3",
            ["[service:example] max_restarts: is unknown; did you mean limited_max_restarts?"],
        ),
        (
            "restart_policy = limited\nlimited_max_restarts = 1001",
            ["[service:example] limited_max_restarts: '1001' is wrong", "from 0 to 1000"],
        ),
        (
            "limited_max_restarts = 3",
            ["[service:example] limited_max_restarts:", "restart policy limited", "not used here"],
        ),
        (
            "restart_policy = day-shift",
            ["[service:example] day_shift_last_hour: is missing"],
        ),
        (
            "restart_policy = day-shift\nday_shift_first_hour = 9\nday_shift_last_hour = 3",
            ["[service:example] day_shift_first_hour: 9 is after last_hour"],
        ),
        (
            "restart_delay_steps = 100",
            ["[service:example] restart_delay_steps: '100' is wrong", "from 0 to 99"],
        ),
        (
            "limited-period = 3\nrestart_policy = limited",
            ["[service:example] limited-period: is not read", "write limited_period"],
        ),
    ],
)
def test_mistake(own: str, wanted: list[str], faults: Faults) -> None:
    (fault,) = faults(text(own=own))
    assert all(part in fault for part in wanted), fault


def test_each_item_of_a_list_that_is_wrong_is_a_fault(faults: Faults) -> None:
    found = faults(
        text(
            "restart_force_status = 300\nrestart_policy = never",
            "restart_policy = on-failure\nclean_exit_status = 0, SIGTREM, -1\nrestart_delay = x",
        )
    )
    wanted = (
        ("[service:example] restart_delay: 'x'", "a number"),
        ("[service:example] clean_exit_status: 'SIGTREM'", "name of a signal, such as SIGKILL"),
        ("[service:example] clean_exit_status: '-1'", "an exit code from 0 to 255"),
        ("[cotyledon] restart_force_status: '300'", "an exit code from 0 to 255"),
    )
    assert len(found) == len(wanted)
    for fault, parts in zip(found, wanted, strict=True):
        assert all(part in fault for part in parts), fault

"""What the built-in restart policies decide, for each way in which a worker can end."""

from __future__ import annotations

import math
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core import Always, DefaultPolicy, Limited, Never, OnFailure
from cotyledon_core.exit_statuses import StatusSet
from cotyledon_core.plugins.restart_policy import (
    CLEAN_SIGNALS,
    Cause,
    Death,
    ExitStatus,
    GiveUp,
    PastRestart,
    Phase,
    Restart,
    Stop,
)
from cotyledon_core.testing.samples import SERVICE_ID
from cotyledon_core.types import WorkerId

POLICIES = {"always": Always, "limited": Limited, "on-failure": OnFailure, "never": Never}
STATUSES = [
    *(ExitStatus(code=code) for code in (0, 1, 2, 3, 255)),
    *(ExitStatus(signal=number) for number in (1, 2, 9, 11, 13, 15)),
]
LISTS: list[dict[str, Any]] = [
    {},
    {"clean_exit_status": [0, 3]},
    {"clean_exit_status": ()},
    {"restart_prevent_status": ["2", "SIGKILL"]},
    {"restart_force_status": ["0", "SIGTERM", "2"]},
    {"restart_prevent_status": "2, TERM", "restart_force_status": "2, 0"},
]


def death(
    status: ExitStatus,
    cause: Cause = Cause.EXITED,
    phase: Phase = Phase.RUN,
    *,
    now: float = 0.0,
    service_restarts: Sequence[PastRestart] = (),
) -> Death:
    return Death(
        service="s",
        service_id=SERVICE_ID,
        worker_id=WorkerId(0),
        incarnation=1,
        status=status,
        cause=cause,
        phase=phase,
        uptime=1.0,
        now=now,
        wall_time=0.0,
        service_restarts=service_restarts,
    )


# -- who restarts after what


def written(option: str, options: Mapping[str, Any]) -> list[str]:
    """A list as somebody wrote it, each item as plain text without SIG."""
    items = options.get(option, ["0", "HUP", "INT", "TERM", "PIPE"] if "clean" in option else [])
    items = items.split(",") if isinstance(items, str) else items
    return [str(item).strip().removeprefix("SIG") for item in items]


def wanted(policy: str, found: Death, options: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the worker is restarted, and whether the end was clean, as the manual has it."""
    status = found.status
    if found.cause is not Cause.EXITED:
        return policy != "never", False
    name = str(status.code)
    if status.signal is not None:
        name = signal.Signals(status.signal).name.removeprefix("SIG")
    clean = name in written("clean_exit_status", options)
    if name in written("restart_prevent_status", options):
        return False, clean
    if name in written("restart_force_status", options):
        return True, clean
    return policy != "never" and not (policy == "on-failure" and clean), clean


@pytest.mark.parametrize("options", LISTS, ids=str)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_end_under_every_policy(policy: str, options: dict[str, Any]) -> None:
    made = POLICIES[policy](**options)
    for cause, phase, status in product(Cause, Phase, STATUSES):
        found = death(status, cause, phase)
        restarted, clean = wanted(policy, found, options)
        decision = made.decide(found)
        if restarted:
            assert decision == Restart(0.0), found
        else:
            assert isinstance(decision, Stop), found
            assert decision.clean is clean, found
            assert str(status) in decision.reason


@pytest.mark.parametrize("policy", POLICIES)
def test_a_failed_start_has_no_status(policy: str) -> None:
    """Neither list can have it, and nothing has ended cleanly."""
    everything: dict[str, Any] = {
        name: [*range(256), *signal.Signals]
        for name in ("clean_exit_status", "restart_prevent_status", "restart_force_status")
    }
    decision = POLICIES[policy](**everything).decide(death(ExitStatus(), Cause.SPAWN_FAILED))
    if policy == "never":
        assert decision == Stop("restart policy 'never' (no exit status)", clean=False)
    else:
        assert decision == Restart(0.0)


def test_reasons() -> None:
    assert OnFailure().decide(death(ExitStatus(code=0))) == Stop(
        "clean exit (exit status 0)", clean=True
    )
    prevented = Always(restart_prevent_status=[7]).decide(death(ExitStatus(code=7)))
    assert prevented == Stop("restart_prevent_status (exit status 7)", clean=False)


@pytest.mark.parametrize("status", STATUSES, ids=str)
def test_what_is_clean_by_default(status: ExitStatus) -> None:
    """The same for a policy that does not say it, and for one of ours."""
    assert death(status).clean is DefaultPolicy().is_clean(death(status))
    assert not death(status, Cause.HUNG).clean


def test_the_clean_signals_are_systemds() -> None:
    names = {signal.Signals(number).name for number in CLEAN_SIGNALS}
    assert names == {"SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"}


# -- options


@pytest.mark.parametrize("policy", POLICIES.values())
def test_all_share_the_options_of_the_default_policy(policy: type[DefaultPolicy]) -> None:
    options = {option.dest: option.default for option in policy.options()}
    own = {"max_restarts": 5, "period": 60.0} if policy is Limited else {}
    assert options == {
        "restart_delay": 0.5,
        "restart_delay_factor": 2.0,
        "restart_delay_steps": 0,
        "restart_delay_max": 60.0,
        "restart_jitter": 0.1,
        "restart_healthy_after": 10.0,
        "clean_exit_status": ["0", "SIGHUP", "SIGINT", "SIGPIPE", "SIGTERM"],
        "restart_prevent_status": [],
        "restart_force_status": [],
        **own,
    }


@pytest.mark.parametrize("policy", POLICIES.values())
def test_each_impossible_value_has_a_line(policy: type[DefaultPolicy]) -> None:
    faults = (
        r"^restart_jitter: -1 is not a number of 0 or more\n"
        r"restart_force_status: '256' is neither an exit code from 0 to 255 nor the name of a "
        r"signal, such as SIGKILL\n"
        r"restart_force_status: ' SIGFOO' is neither [^\n]*$"
    )
    for check in (policy.check_options, policy):
        with pytest.raises(ValueError, match=faults):
            check(restart_jitter=-1, restart_force_status="1, TERM,256, SIGFOO")


def test_what_was_wrong_before_is_not_looked_at() -> None:
    """The configuration gives None for what it has refused itself."""
    Limited.check_options(period=None, restart_delay=None, clean_exit_status=None)


@pytest.mark.parametrize(
    ("items", "codes", "signals"),
    [
        ((), set(), set()),
        ("", set(), set()),
        (["2", "SIGKILL"], {2}, {9}),
        ("0, term , sigint,", {0}, {15, 2}),
        ([3, signal.SIGHUP], {3}, {1}),
    ],
)
def test_lists_of_statuses(items: Any, codes: set[int], signals: set[int]) -> None:
    assert StatusSet.of(items) == StatusSet(frozenset(codes), frozenset(signals))


@pytest.mark.parametrize("item", ["-9", "256", "1.5", "SIG", "SIGFOO", "SIGSIGTERM", "٣", None])
def test_what_is_no_status_is_refused(item: Any) -> None:
    with pytest.raises(ValueError, match="is neither an exit code from 0 to 255 nor"):
        StatusSet.of([item])


# -- the limit


class Erlang:
    """Intensity and period, as Erlang's documents describe them."""

    def __init__(self, intensity: int, period: float) -> None:
        self._intensity = intensity
        self._period = period
        self._restarts: list[float] = []

    def allows(self, now: float) -> bool:
        """Count a restart; whether it may be."""
        self._restarts = [at for at in self._restarts if at >= now - self._period] + [now]
        return len(self._restarts) <= self._intensity


def first_refused(policy: Limited, times: Sequence[float]) -> int | None:
    """At which of the deaths the service is given up."""
    granted: deque[PastRestart] = deque(maxlen=1000)
    for place, now in enumerate(times):
        decision = policy.decide(
            death(ExitStatus(code=1), now=now, service_restarts=tuple(granted))
        )
        if isinstance(decision, GiveUp):
            return place
        granted.append(PastRestart(at=now, uptime=1.0))
    return None


# multiples of a quarter, so that sums are exact
gaps = st.lists(st.integers(0, 40).map(lambda quarters: quarters / 4), max_size=60)


@given(st.integers(0, 12), st.integers(0, 80).map(lambda quarters: quarters / 4), gaps)
def test_the_limit_is_erlangs(intensity: int, period: float, pauses: list[float]) -> None:
    times = [1e6 + sum(pauses[:n]) for n in range(len(pauses))]
    erlang = Erlang(intensity, period)
    wanted = next((place for place, now in enumerate(times) if not erlang.allows(now)), None)
    assert first_refused(Limited(max_restarts=intensity, period=period), times) == wanted


@pytest.mark.parametrize(
    ("times", "refused"),
    [
        ([0, 1, 2], 2),
        ([0, 1, 10], 2),  # the first one is exactly as old as the period
        ([0, 1, 10.25, 11.5], None),
        ([0, 0, 0], 2),
    ],
)
def test_two_restarts_in_ten_seconds(times: list[float], refused: int | None) -> None:
    assert first_refused(Limited(max_restarts=2, period=10), times) == refused


def test_the_greatest_limit_is_what_is_remembered() -> None:
    assert first_refused(Limited(max_restarts=1000, period=5000.0), list(range(1100))) == 1000
    wanted = r"^max_restarts: 1001 is not a whole number from 0 to 1000$"
    with pytest.raises(ValueError, match=wanted):
        Limited(max_restarts=1001)


@pytest.mark.parametrize("period", [-1.0, math.inf, math.nan])
def test_impossible_periods_are_refused(period: float) -> None:
    with pytest.raises(ValueError, match=r"^period: .* is not a number of 0 or more"):
        Limited(period=period)


@pytest.mark.parametrize("wrong", [True, 2.5, "3"])
def test_limits_are_whole_numbers(wrong: Any) -> None:
    with pytest.raises(ValueError, match=rf"^max_restarts: {wrong!r} is not a whole number"):
        Limited(max_restarts=wrong)


def test_all_faults_are_told_at_once() -> None:
    wrong: Any = {"period": "x", "restart_delay": -3, "restart_jitter": True}
    with pytest.raises(ValueError, match="max_restarts") as caught:
        Limited(max_restarts=-1, **wrong)
    told = {line.partition(":")[0] for line in str(caught.value).splitlines()}
    assert told == {"max_restarts", *wrong}


@pytest.mark.parametrize(
    ("policy", "name", "near"),
    [
        (Limited, "max_restart", "max_restarts"),
        (Always, "restart_dealy", "restart_delay"),
        (OnFailure, "clean_status", "clean_exit_status"),
    ],
)
def test_a_mistaken_option_is_told_by_the_policy(policy: Any, name: str, near: str) -> None:
    with pytest.raises(TypeError) as caught:
        policy(**{name: 5})
    wanted = f"{policy.__name__} has no option {name!r}; did you mean {near}?"
    assert str(caught.value) == wanted


def test_the_reason_for_giving_up() -> None:
    decision = Limited(max_restarts=0, period=1.5).decide(death(ExitStatus(code=1)))
    assert decision == GiveUp("more than 0 restarts within 1.5 s")


def test_what_is_prevented_is_not_counted() -> None:
    policy = Limited(max_restarts=0, restart_prevent_status=[3])
    assert isinstance(policy.decide(death(ExitStatus(code=3))), Stop)


def test_force_does_not_lift_the_limit() -> None:
    policy = Limited(max_restarts=0, restart_force_status=[3])
    assert isinstance(policy.decide(death(ExitStatus(code=3))), GiveUp)


def test_below_the_limit_the_back_off_counts() -> None:
    past = (PastRestart(at=0.0, uptime=1.0),)
    waiting = Limited(restart_delay=4.0, restart_jitter=0.0)
    found = death(ExitStatus(code=1), service_restarts=past)
    assert waiting.decide(found) == Restart(0.0), "another worker's restart delays nobody"

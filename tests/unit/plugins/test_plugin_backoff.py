"""The arithmetic of back-off, by check values and by properties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.plugins.restart_policy import Cause, Death, ExitStatus, PastRestart, Phase
from cotyledon_core.supervision.restart import Backoff
from cotyledon_core.testing.samples import SERVICE_ID
from cotyledon_core.types import WorkerId

HEALTHY = 10.0


def death_after(uptime: float, history: Sequence[float] = ()) -> Death:
    """The end of an incarnation, and how long the ones before it had lived, oldest first."""
    return Death(
        service="s",
        service_id=SERVICE_ID,
        worker_id=WorkerId(0),
        incarnation=len(history) + 1,
        status=ExitStatus(code=1),
        cause=Cause.EXITED,
        phase=Phase.RUN,
        uptime=uptime,
        now=1000.0,
        wall_time=0.0,
        worker_restarts=tuple(PastRestart(at=0.0, uptime=lived) for lived in history),
    )


def no_jitter() -> float:
    return 0.0


def delays_of_series(backoff: Backoff, uptimes: Sequence[float]) -> list[float]:
    """The delay after each of successive ends of one worker."""
    return [
        backoff.delay(death_after(uptime, uptimes[:n]), no_jitter)
        for n, uptime in enumerate(uptimes)
    ]


def test_check_values_of_the_defaults() -> None:
    wanted = [0, 0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert delays_of_series(Backoff(), [0.0] * 10) == wanted


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"restart_delay_factor": 1.0}, [0, 0.5, 0.5, 0.5]),
        ({"restart_delay": 0.0}, [0, 0, 0, 0]),
        ({"restart_delay": 7.0, "restart_delay_max": 3.0}, [0, 3, 3, 3]),
        ({"restart_delay": 1.0, "restart_delay_factor": 3.0}, [0, 1, 3, 9]),
        ({"restart_healthy_after": 0.0}, [0, 0, 0, 0]),
        ({"restart_delay": 0.0, "restart_delay_steps": 2}, [0, 0, 0, 0]),
        ({"restart_delay": 7.0, "restart_delay_max": 3.0, "restart_delay_steps": 2}, [0, 3, 3, 3]),
        ({"restart_delay_max": 0.0, "restart_delay_steps": 2}, [0, 0, 0, 0]),
    ],
)
def test_check_values_of_options(options: dict[str, float], wanted: list[float]) -> None:
    assert delays_of_series(Backoff(**options), [0.0] * 4) == wanted


def test_check_values_of_systemds_steps() -> None:
    """systemd.service(5), RestartSteps; the immediate restart comes before them."""
    backoff = Backoff(restart_delay=1.0, restart_delay_steps=5)
    wanted = [0, 1, 2.27, 5.14, 11.67, 26.46, 60, 60]
    assert [round(delay, 2) for delay in delays_of_series(backoff, [0.0] * 8)] == wanted


def test_the_factor_has_no_meaning_beside_steps() -> None:
    with_factor = Backoff(restart_delay_steps=3, restart_delay_factor=9.0)
    without = Backoff(restart_delay_steps=3)
    assert delays_of_series(with_factor, [0.0] * 6) == delays_of_series(without, [0.0] * 6)


def test_a_healthy_run_begins_a_new_series() -> None:
    uptimes = [1.0, 1.0, 1.0, HEALTHY, 1.0, 1.0, HEALTHY + 5, HEALTHY, 9.9]
    assert delays_of_series(Backoff(), uptimes) == [0, 0.5, 1, 0, 0.5, 1, 0, 0, 0.5]


@pytest.mark.parametrize(("drawn", "wanted"), [(0.0, 2.0), (0.5, 2.5), (1.0, 3.0)])
def test_jitter_is_added_last(drawn: float, wanted: float) -> None:
    backoff = Backoff(restart_delay=4.0, restart_delay_max=2.0, restart_jitter=0.5)
    assert backoff.delay(death_after(0.0, [0.0]), lambda: drawn) == wanted


def test_an_immediate_restart_draws_no_random_number() -> None:
    def drawn() -> float:
        raise AssertionError("not needed")

    assert Backoff().delay(death_after(0.0), drawn) == 0.0


def test_only_uptimes_count() -> None:
    """Neither clock nor the times of the deaths before take part."""
    early = death_after(1.0, [1.0, 1.0])
    late = Death(
        **{
            name: getattr(early, name)
            for name in ("service", "service_id", "worker_id", "incarnation", "status")
        },
        cause=Cause.HUNG,
        phase=Phase.BOOT,
        uptime=1.0,
        now=1e9,
        wall_time=-1e9,
        worker_restarts=[PastRestart(at=5e8, uptime=1.0)] * 2,
    )
    assert Backoff().delay(early, no_jitter) == Backoff().delay(late, no_jitter)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("restart_delay", -0.1),
        ("restart_delay", math.nan),
        ("restart_delay_factor", 0.5),
        ("restart_delay_max", math.inf),
        ("restart_jitter", -1.0),
        ("restart_healthy_after", -1.0),
        ("restart_delay", "soon"),
    ],
)
def test_impossible_values_are_refused_by_name(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option}: .* is not a number of"):
        Backoff(**{option: value})


@pytest.mark.parametrize("value", [-1, 100, 1.5, math.inf])
def test_impossible_steps_are_refused(value: float) -> None:
    """More than 99 could never be counted: no more restarts are remembered."""
    wanted = "^restart_delay_steps: .* is not a whole number from 0 to 99$"
    with pytest.raises(ValueError, match=wanted):
        Backoff(restart_delay_steps=value)


def test_all_impossible_values_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"^restart_delay: .*\nrestart_jitter: .*$"):
        Backoff(restart_delay=-1, restart_jitter=-1)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="Backoff has no field 'restart_dealy'"):
        Backoff(restart_dealy=1.0)


positive = st.floats(min_value=0.0, max_value=1e308)
backoffs = st.builds(
    Backoff,
    restart_delay=positive,
    restart_delay_factor=st.floats(min_value=1.0, max_value=1e308),
    restart_delay_steps=st.one_of(st.just(0), st.integers(0, 99)),
    restart_delay_max=st.floats(min_value=0.0, max_value=1e300),
    restart_jitter=st.floats(min_value=0.0, max_value=1e6),
    restart_healthy_after=positive,
)
uptimes = st.lists(st.floats(min_value=0.0, max_value=100.0), max_size=100)


@given(backoffs, positive, uptimes, st.floats(min_value=0.0, max_value=1.0))
def test_a_delay_is_finite_and_bounded(
    backoff: Backoff, uptime: float, history: list[float], drawn: float
) -> None:
    delay = backoff.delay(death_after(uptime, history), lambda: drawn)
    most = backoff.restart_delay_max * (1 + backoff.restart_jitter * drawn)
    assert 0.0 <= delay <= most < math.inf


@given(backoffs, st.integers(min_value=0, max_value=99))
def test_delays_never_shrink_within_a_series(backoff: Backoff, length: int) -> None:
    history = [0.0] * length
    now = backoff.delay(death_after(0.0, history), no_jitter)
    later = backoff.delay(death_after(0.0, [*history, 0.0]), no_jitter)
    assert now <= later


def systemds_delay(restarts: int, delay: float, longest: float, steps: int) -> float:
    """RestartSteps as protocols and manuals give it, for so many restarts so far."""
    count = restarts + 1
    if count <= 1 or not steps or not delay:
        return delay
    if count > steps:
        return longest
    return float(math.exp(math.log(delay) + math.log(longest / delay) * (count - 1) / steps))


@given(
    st.floats(min_value=0.01, max_value=100.0),
    st.floats(min_value=1.0, max_value=1000.0),
    st.integers(1, 99),
)
def test_steps_are_systemds(delay: float, ratio: float, steps: int) -> None:
    longest = delay * ratio
    backoff = Backoff(restart_delay=delay, restart_delay_max=longest, restart_delay_steps=steps)
    first, *delays = delays_of_series(backoff, [0.0] * (steps + 3))
    assert first == 0.0
    wanted = [systemds_delay(restarts, delay, longest, steps) for restarts in range(steps + 2)]
    assert delays == pytest.approx(wanted)


@given(backoffs, uptimes, st.floats(min_value=0.0, max_value=1e3))
def test_a_healthy_end_is_followed_by_an_immediate_restart(
    backoff: Backoff, history: list[float], more: float
) -> None:
    healthy = backoff.restart_healthy_after + more
    assert backoff.delay(death_after(healthy, history), no_jitter) == 0.0


@given(uptimes, st.lists(st.floats(min_value=0.0, max_value=9.0), max_size=20))
def test_what_was_before_a_healthy_run_does_not_count(
    before: list[float], since: list[float]
) -> None:
    forgotten = Backoff().delay(death_after(1.0, [*before, HEALTHY, *since]), no_jitter)
    assert forgotten == Backoff().delay(death_after(1.0, [HEALTHY, *since]), no_jitter)

"""What the service manager of the system passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.activation import FIRST, UNKNOWN, Passed, environment_for, passed
from cotyledon_core.exceptions import ConfigurationError

PID = 4711


def told(count: object, names: str | None = None, pid: object = PID) -> dict[str, str]:
    environment = {"LISTEN_PID": str(pid), "LISTEN_FDS": str(count)}
    return environment if names is None else {**environment, "LISTEN_FDNAMES": names}


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, []),
        (told(2, "a:b"), [("a", 3), ("b", 4)]),
        (told(2, "a:a"), [("a", 3), ("a", 4)]),
        (told(2), [(UNKNOWN, 3), (UNKNOWN, 4)]),
        (told(2, "a:"), [("a", 3), (UNKNOWN, 4)]),
        (told(1, ""), [(UNKNOWN, 3)]),
        (told(0, ""), []),
        (told(0), []),
        (told(1, "a", pid=PID + 1), []),
        (told(1, "a", pid=f"0{PID}"), []),
        (told("nonsense", pid=1), []),
        ({"LISTEN_FDS": "1"}, []),
        ({"LISTEN_PID": str(PID)}, []),
    ],
)
def test_what_is_passed(environment: dict[str, str], found: list[tuple[str, int]]) -> None:
    assert passed(environment, PID) == [Passed(*each) for each in found]


@pytest.mark.parametrize("count", ["many", "-1", "1.5", "", "٣", "9" * 30])
def test_a_count_that_is_none(count: str) -> None:
    with pytest.raises(ConfigurationError, match=r"variable LISTEN_FDS: .* no number of desc"):
        passed(told(count), PID)


@pytest.mark.parametrize(("count", "names"), [(1, "a:b"), (3, "a:b"), (0, "a")])
def test_names_that_are_more_or_fewer(count: int, names: str) -> None:
    with pytest.raises(ConfigurationError, match=f"LISTEN_FDNAMES: '{names}' must have {count}"):
        passed(told(count, names), PID)


@given(st.lists(st.text("abc.-_ ", min_size=1), min_size=1))
def test_what_a_program_is_told_is_what_it_finds(names: list[str]) -> None:
    found = passed(environment_for(names, PID), PID)
    assert found == [Passed(name, FIRST + index) for index, name in enumerate(names)]


@given(st.dictionaries(st.sampled_from(["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]), st.text()))
def test_any_text_is_understood_or_refused(environment: dict[str, str]) -> None:
    environment.setdefault("LISTEN_PID", str(PID))
    try:
        found = passed(environment, PID)
    except ConfigurationError:
        return
    assert [each.descriptor for each in found] == list(range(FIRST, FIRST + len(found)))

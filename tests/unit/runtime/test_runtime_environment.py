"""What workers are given into their environment, and whose it is afterwards."""

from __future__ import annotations

import os
from typing import Any

import pytest

from cotyledon_core.runtime.environment import GivenEnvironment


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> GivenEnvironment:
    monkeypatch.setenv("THERE", "before")
    monkeypatch.delenv("NEW", raising=False)
    return GivenEnvironment()


def test_what_was_given_is_taken_back(given: GivenEnvironment) -> None:
    given.give({"THERE": "1", "NEW": "2"})
    given.give({"THERE": "3"})
    assert (os.environ["THERE"], os.environ["NEW"]) == ("3", "2")
    given.take_back()
    assert os.environ["THERE"] == "before"
    assert "NEW" not in os.environ


@pytest.mark.parametrize(
    "variables",
    [
        None,
        ["NEW"],
        {"NEW": 1},
        {"NEW": "1", "THERE": 2},
        {"NEW": "1", "A=B": "1"},
        {"NEW": "1", "ZERO": "\0"},
        {"NEW": "1", 7: "1"},
    ],
)
def test_of_what_cannot_be_given_nothing_is(given: GivenEnvironment, variables: Any) -> None:
    before = dict(os.environ)
    with pytest.raises((TypeError, ValueError)):
        given.give(variables)
    assert dict(os.environ) == before
    given.take_back()
    assert dict(os.environ) == before


def test_what_the_application_takes_away_itself_is_no_harm(given: GivenEnvironment) -> None:
    given.give({"NEW": "2"})
    del os.environ["NEW"]
    given.take_back()
    assert "NEW" not in os.environ

"""Which part of a value keeps it from travelling."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from cotyledon_core.record import Record
from cotyledon_core.worker.travelling import fault


class Plain:
    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)

    def method(self) -> None:
        pass


class Refusing:
    def __reduce__(self) -> Any:
        raise TypeError("not me")


class Pair(Record):
    first: Any
    second: Any = 0


NO = Refusing()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (NO, "x"),
        ([1, NO], "x[1]"),
        ({"a": (NO,)}, "x['a'][0]"),
        (Plain(fine=1, wrong=NO), "x.wrong"),
        (Pair(1, second=[NO]), "x.second[0]"),
        (Plain(wrong=NO).method, "x.wrong"),
        (partial(print, NO), "x[1][0]"),
    ],
)
def test_it_is_found(value: Any, path: str) -> None:
    found = fault(value, "x")
    assert found is not None
    assert found.endswith(" cannot be pickled: TypeError: not me")
    if not isinstance(value, partial):
        assert found.startswith(f"{path} ")


@pytest.mark.parametrize("value", [1, [Plain(a=1)], Pair(1), partial(print, 1), Plain])
def test_nothing_is_wrong(value: Any) -> None:
    assert fault(value, "x") is None


def test_a_value_that_contains_itself() -> None:
    endless: list[Any] = [NO]
    endless.append(endless)
    assert fault(endless, "x") == "x[0] cannot be pickled: TypeError: not me"
    assert fault([endless[1], lambda: 0], "x") is not None

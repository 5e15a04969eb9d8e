"""Frozen values with named fields."""

from __future__ import annotations

import pickle
from typing import ClassVar

import pytest

from cotyledon_core.record import Record, replace


class Point(Record):
    kind: ClassVar[str] = "point"
    x: int
    y: int = 2


class Solid(Point):
    z: int


class Other(Record):
    x: int
    y: int


def test_fields_are_the_annotations_those_of_the_base_first() -> None:
    assert Point.field_names == ("x", "y")
    assert Solid.field_names == ("x", "y", "z")


def test_values_come_by_place_or_by_name() -> None:
    for point in (Point(1, 3), Point(1, y=3), Point(y=3, x=1)):
        assert (point.x, point.y) == (1, 3)
    assert Point(1).y == 2
    assert repr(Point(1)) == "Point(x=1, y=2)"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), {}),
        ((), {"y": 1}),
        ((1, 2, 3), {}),
        ((1,), {"x": 1}),
        ((1,), {"z": 1}),
        ((), {"z": 1}),
        ((1, 2), {"kind": "other"}),
    ],
)
def test_other_values_are_refused(values: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=r"^Point "):
        Point(*values, **named)


def test_equal_are_records_of_one_class_with_equal_fields() -> None:
    assert Point(1) == Point(1, 2)
    assert hash(Point(1)) == hash(Point(1, 2))
    assert Point(1) != Point(2)
    assert Point(1, 2) != Other(1, 2)
    assert Point(1, 2) != (1, 2)


def test_records_are_frozen() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.x
    assert point == Point(1)


def test_copies() -> None:
    point = Point(1)
    assert replace(point, y=5) == Point(1, 5)
    assert replace(point) == point
    assert pickle.loads(pickle.dumps(point)) == point
    with pytest.raises(TypeError):
        replace(point, z=1)

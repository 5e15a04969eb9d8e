"""Frozen values with named fields.

What :mod:`dataclasses` offers for this generates code for each class when it is
imported, which takes longer than all other work of a start and stays in the
memory that every worker copies. A record reads its fields from the class's
annotations and generates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

Copied = TypeVar("Copied", bound="Record")

_set_attribute = object.__setattr__


@dataclass_transform(frozen_default=True)
class Record:
    """Base class; a subclass lists its fields as annotations, with or without a default.

    The fields of a base class come first. Two records are equal if they are of
    the same class and all their fields are equal.
    """

    field_names: ClassVar[tuple[str, ...]] = ()
    _all_names: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        own = [
            name
            for name, annotation in cls.__annotations__.items()
            if "ClassVar" not in str(annotation)
        ]
        cls.field_names = (*cls.field_names, *own)
        cls._all_names = frozenset(cls.field_names)

    def __init__(self, *values: Any, **named: Any) -> None:
        if values:
            given = len(values) + len(named)
            named.update(zip(self.field_names, values, strict=False))
            if len(named) != given:
                self._refuse(f"takes each of {', '.join(self.field_names)} once")
        if named.keys() != self._all_names:
            self._check_names(named)
        _set_attribute(self, "__dict__", named)

    def _check_names(self, given: Mapping[str, Any]) -> None:
        for name in given:
            if name not in self.field_names:
                self._refuse(f"has no field {name!r}")
        for name in self.field_names:
            # its default is the class's
            if name not in given and not hasattr(self, name):
                self._refuse(f"needs a value for {name!r}")

    def _refuse(self, problem: str) -> NoReturn:
        raise TypeError(f"{type(self).__name__} {problem}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen, cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen, cannot delete {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.field_names)
        return f"{type(self).__qualname__}({fields})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.field_names)


def replace(record: Copied, **changes: Any) -> Copied:
    """A copy of the record with some fields changed.

    :raises TypeError: for a name that is no field.
    """
    return type(record)(**{**record.__dict__, **changes})

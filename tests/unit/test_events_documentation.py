"""``doc/events.rst`` lists all kinds of events, their fields, types and values; nothing else."""

from __future__ import annotations

import re
import typing
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.testing import every_event
from cotyledon_core.types import ServiceId, WorkerId

PAGE = Path(__file__).resolve().parents[2] / "doc" / "events.rst"
ROW = re.compile(
    r"^``(\w+)`` +((?:string|integer|number|boolean|array of strings|object)(?: or null)?) "
)

JSON_TYPES: dict[object, str] = {
    bool: "boolean",
    int: "integer",
    int | None: "integer or null",
    float: "number",
    float | None: "number or null",
    str: "string",
    tuple[str, ...]: "array of strings",
    ServiceId: "string",
    UUID: "string",
    WorkerId: "integer",
    ExitStatus: "object",
}

Rows = dict[str, tuple[str, str]]


def rows(text: str) -> Rows:
    """The JSON types and the meanings of the fields in a table."""
    found: Rows = {}
    name = ""
    for line in text.splitlines():
        if match := ROW.match(line):
            name = match[1]
            found[name] = (match[2], line[match.end() :])
        elif name and line.startswith(" "):
            found[name] = (found[name][0], f"{found[name][1]} {line.strip()}")
        else:
            name = ""
    return found


def sections() -> dict[str, str]:
    """The text below each kind's title; that before the first under the empty name."""
    parts = re.split(r"^``(\w+)``\n-+\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


SECTIONS = sections()
EVENTS = {event.kind: type(event) for event in every_event()}


def shared(kind: type[events.Event]) -> tuple[str, ...]:
    """The fields that the kind has of a base."""
    bases = (events.WorkerEvent, events.ServiceEvent, events.Event)
    return next(base.field_names for base in bases if issubclass(kind, base))


def test_every_kind_has_a_section() -> None:
    assert SECTIONS.keys() - {""} == EVENTS.keys()


@pytest.mark.parametrize("kind", EVENTS)
def test_the_kind_says_which_fields_are_shared(kind: str) -> None:
    assert kind.startswith("worker_") == issubclass(EVENTS[kind], events.WorkerEvent)
    assert kind.startswith(("worker_", "service_")) == issubclass(EVENTS[kind], events.ServiceEvent)


@pytest.mark.parametrize("kind", ["", *EVENTS])
def test_every_field_has_a_row_with_its_type_and_values(kind: str) -> None:
    cls = EVENTS[kind] if kind else events.WorkerEvent
    types = typing.get_type_hints(cls)
    documented = rows(SECTIONS[kind])
    assert list(documented) == [
        name for name in cls.field_names if not kind or name not in shared(cls)
    ]
    for name, (json_type, meaning) in documented.items():
        if isinstance(types[name], type) and issubclass(types[name], Enum):
            assert json_type == "string"
            assert all(f"``{value.value}``" in meaning for value in types[name])
        else:
            assert json_type == JSON_TYPES[types[name]], name


@pytest.mark.parametrize("kind", EVENTS)
def test_names_that_are_promised_to_be_free(kind: str) -> None:
    assert not {"event", "time"} & set(EVENTS[kind].field_names)

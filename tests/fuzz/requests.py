"""What a line is to be taken for, said in another way than the parser does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

MEMBERS = {"version", "id", "command", "arguments"}


class Reading(NamedTuple):
    """What stands in a line."""

    request_id: int | str | None
    """What the answer has to say; None also if none can be told."""
    well_formed: bool


def read(line: bytes) -> Reading:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Reading(None, False)
    if not isinstance(value, dict):
        return Reading(None, False)
    request_id = value.get("id")
    if not _is_id(request_id):
        return Reading(None, False)
    return Reading(request_id, _is_request(value))


def _is_id(value: Any) -> bool:
    if type(value) is int:
        return bool(-(2**53) < value < 2**53)
    return value is None or (isinstance(value, str) and len(value) <= 64)


def _is_request(value: Mapping[str, Any]) -> bool:
    version, command = value.get("version"), value.get("command")
    return (
        type(version) is int
        and version == 1
        and isinstance(command, str)
        and 1 <= len(command) <= 64
        and isinstance(value.get("arguments", {}), dict)
        and set(value) <= MEMBERS
    )

"""Names and parameters, against a table that was taken of oslo.service 4.8.0."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

TABLE = [
    line.partition("(")[::2]
    for line in (Path(__file__).parent / "signatures.txt").read_text().splitlines()
    if not line.startswith("#")
]
PACKAGE = "cotyledon_core.compat.oslo_service"
WITH_ONE_MORE_WORD = {
    "periodic_task.InvalidPeriodicTaskArg": "takes the argument that it is always raised with",
    "service.SignalHandler": "theirs hands its arguments to object, which refuses them",
}


def lookup(path: str) -> Any:
    """A module's attribute, or one of a class in it."""
    parts = path.split(".")
    count = 2 if parts[0] == "backend" and parts[1] in ("base", "exceptions") else 1
    found: Any = importlib.import_module(".".join([PACKAGE, *parts[:count]]))
    for part in parts[count:]:
        found = getattr(found, part)
    return found


def shown(thing: Any) -> str:
    """As in the table, but that the names of ``*args`` and ``**kwargs`` do not count."""
    signature = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)
    bare = [
        parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()
    ]
    return plain(str(signature.replace(parameters=bare, return_annotation=signature.empty)))


def plain(signature: str) -> str:
    return re.sub(r"\*\*\w+", "**", signature)


@pytest.mark.parametrize(("path", "parameters"), TABLE, ids=[path for path, _ in TABLE])
def test_signature(path: str, parameters: str) -> None:
    thing = lookup(path)
    if path not in WITH_ONE_MORE_WORD:
        assert shown(thing) == plain(f"({parameters}")

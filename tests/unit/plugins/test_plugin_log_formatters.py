"""The notifier ``log`` with the JSON formatters that people use."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cotyledon_core.runtime.log_relay import portable
from cotyledon_core.testing import every_event
from cotyledon_plugins.notifiers.log import Log

EVENTS = {event.kind: event for event in every_event()}


def json_logger() -> logging.Formatter:
    return pytest.importorskip("pythonjsonlogger.json").JsonFormatter()  # type: ignore[no-any-return]


def oslo_log() -> logging.Formatter:
    return pytest.importorskip("oslo_log.formatters").JSONFormatter()  # type: ignore[no-any-return]


def flat(found: dict[str, Any]) -> dict[str, Any]:
    """The fields beside the message; oslo.log has them in a place of their own."""
    return {**found, **found.get("extra", {})}


@pytest.fixture
def logged() -> Iterator[Callable[[logging.Formatter, bool], io.StringIO]]:
    logger = logging.getLogger("cotyledon_core.events")
    added: list[logging.Handler] = []

    def attach(formatter: logging.Formatter, relayed: bool) -> io.StringIO:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        if relayed:
            # as the manager's records reach the application's handlers
            handler.filter = lambda record: logging.makeLogRecord(portable(record))  # type: ignore
        logger.addHandler(handler)
        added.append(handler)
        return stream

    logger.setLevel(logging.DEBUG)
    yield attach
    logger.setLevel(logging.NOTSET)
    for handler in added:
        logger.removeHandler(handler)


@pytest.mark.parametrize("relayed", [False, True])
@pytest.mark.parametrize("formatter", [json_logger, oslo_log])
def test_each_event_is_one_line_of_json_with_its_fields(
    formatter: Callable[[], logging.Formatter],
    relayed: bool,
    logged: Callable[[logging.Formatter, bool], io.StringIO],
) -> None:
    stream = logged(formatter(), relayed)
    for event in EVENTS.values():
        Log().notify(event)
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(EVENTS)
    for line, event in zip(lines, EVENTS.values(), strict=True):
        found = flat(json.loads(line))
        assert found["message"].splitlines()[0].removesuffix(":") == str(event)
        for name, value in event.as_dict().items():
            assert found[f"cotyledon_{name}"] == value
        # no traceback
        assert not found.get("exc_info")
        assert not found.get("traceback")

"""The options of the service ``dashboard``, and the arguments of its actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.testing import check_service
from cotyledon_core.types import WorkerId
from cotyledon_plugins.services.dashboard import service as service_module
from cotyledon_plugins.services.dashboard.actions import ACTIONS, BadRequest
from cotyledon_plugins.services.dashboard.service import DashboardService

TOKEN = "open sesame"


def faults(**options: Any) -> list[str]:
    """What is wrong with them, line by line."""
    try:
        DashboardService.check_options(**options)
    except ValueError as error:
        return str(error).splitlines()
    return []


def test_it_keeps_the_contract_of_services() -> None:
    check_service(DashboardService)
    check_service(DashboardService, address="0.0.0.0:9180", token=TOKEN)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"address": "[::1]:9180"},
        {"address": "127.0.0.2:1"},
        {"address": "0.0.0.0:9180", "token": TOKEN},
        {"address": "[::]:9180", "token": TOKEN},
        {"address": "192.0.2.7:9180", "token": TOKEN},
        {"hosts": ["dash.example.org", "[2001:db8::1]:8443"]},
        {"interval": 0.1, "history": 1},
    ],
)
def test_what_is_right(options: dict[str, Any]) -> None:
    assert faults(**options) == []


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"address": "localhost:9180"}, "address: 'localhost:9180' must be an IP address"),
        ({"address": "127.0.0.1"}, "address: '127.0.0.1' must be an IP address and a port"),
        ({"address": "127.0.0.1:65536"}, "address: '127.0.0.1:65536' must be an IP address"),
        ({"address": "127.0.0.1:http"}, "address: '127.0.0.1:http' must be an IP address"),
        ({"address": "0.0.0.0:9180"}, "address: 0.0.0.0:9180 can be reached from other machines"),
        ({"address": "[::]:9180"}, "address: [::]:9180 can be reached from other machines"),
        ({"address": "192.0.2.7:1"}, "address: 192.0.2.7:1 can be reached from other machines"),
        ({"token": ""}, "token: must have 8 characters or more"),
        ({"token": "sesame"}, "token: must have 8 characters or more"),
        ({"token_file": "/nowhere/token"}, "token_file: /nowhere/token cannot be read: No such"),
        ({"token_file": "/"}, "token_file: / cannot be read: Is a directory"),
        ({"hosts": ["a", "b/c"]}, "hosts: 'b/c' must be a host's name or address"),
        ({"interval": 0.0}, "interval: 0.0 must be from 0.1 to 3600"),
        ({"interval": float("nan")}, "interval: nan must be from 0.1 to 3600"),
        ({"history": 0}, "history: 0 must be from 1 to 100000"),
    ],
)
def test_what_is_wrong_is_told_with_its_option(options: dict[str, Any], fault: str) -> None:
    (told,) = faults(**options)
    assert told.startswith(fault)
    with pytest.raises(ValueError, match=r".+"):
        DashboardService(WorkerId(0), **options)


def test_all_that_is_wrong_is_told() -> None:
    told = faults(address="x", token="y", interval=-1.0)
    assert [line.partition(":")[0] for line in told] == ["address", "token", "interval"]


def test_no_fault_tells_the_token() -> None:
    assert "sesame" not in "".join(faults(address="x", token="sesame"))


def test_the_token_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\nmore\n")
    assert faults(address="0.0.0.0:9180", token_file=str(file)) == []
    assert [line.partition(":")[0] for line in faults(token=TOKEN, token_file=str(file))] == [
        "token_file"
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the first line of"),
        (b"\nopen sesame\n", "the first line of"),
        (b"sesame\n", "the first line of"),
        (b"\xff\xfe12345678\n", "is no text"),
    ],
)
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    (told,) = faults(token_file=str(file))
    assert told.startswith("token_file: ")
    assert fault in told
    assert str(file) in told
    assert "sesame" not in told


@pytest.mark.parametrize(("mode", "told"), [(0o644, True), (0o604, True), (0o640, False)])
def test_a_token_that_all_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, told: bool
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(mode)
    DashboardService(WorkerId(0), token_file=str(file))
    assert len(caplog.records) == told
    for record in caplog.records:
        assert record.levelname == "WARNING"
        for word in (str(file), f"{mode:04o}", "0600"):
            assert word in record.getMessage()
        assert TOKEN not in record.getMessage()


def test_a_missing_aiohttp_is_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "find_spec", lambda name: None)
    (told,) = faults()
    assert "cotyledon-core[dashboard]" in told


# -- actions


@pytest.mark.parametrize(
    ("action", "body", "arguments"),
    [
        ("scale", {"service": "web", "workers": 0}, {"service": "web", "workers": 0}),
        ("stop", {"service": "web", "worker": None}, {"service": "web"}),
        ("start", {"service": "web", "worker": 2}, {"service": "web", "worker": 2}),
        ("restart", {"service": "web", "rolling": True}, {"service": "web", "rolling": True}),
        ("reload", {}, {}),
        ("shutdown", {"now": False}, {"now": False}),
        ("dump", {"service": "web", "worker": 0}, {"service": "web", "worker": 0}),
        ("log-level", {"level": "DEBUG"}, {"level": "DEBUG"}),
    ],
)
def test_arguments(action: str, body: Any, arguments: dict[str, Any]) -> None:
    assert ACTIONS[action].arguments(body) == arguments


@pytest.mark.parametrize(
    ("action", "body", "text"),
    [
        ("scale", [], "the body must be a JSON object"),
        ("scale", {"service": "web"}, "workers is missing"),
        ("scale", {"service": None, "workers": 1}, "service is missing"),
        ("scale", {"service": "web", "workers": True}, "workers: a whole number is needed"),
        ("scale", {"service": "web", "workers": 1.0}, "workers: a whole number is needed"),
        ("scale", {"service": 7, "workers": 1}, "service: a text is needed"),
        ("restart", {"service": "web", "rolling": 1}, "rolling: true or false is needed"),
        ("stop", {"service": "web", "wait": True}, "'wait' is no argument here"),
        ("reload", {"dry_run": True}, "'dry_run' is no argument here"),
    ],
)
def test_wrong_arguments(action: str, body: Any, text: str) -> None:
    with pytest.raises(BadRequest, match=text):
        ACTIONS[action].arguments(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
BODIES = st.dictionaries(
    st.sampled_from(["service", "worker", "workers", "rolling", "now", "logger", "level"]), JSON
)


@given(st.sampled_from(sorted(ACTIONS)), BODIES | JSON)
def test_any_body_is_arguments_or_a_bad_request(action: str, body: Any) -> None:
    try:
        arguments = ACTIONS[action].arguments(body)
    except BadRequest:
        return
    assert all(type(value) in (str, int, bool) for value in arguments.values())
    assert arguments.items() <= body.items()

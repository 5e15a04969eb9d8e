"""Addresses to listen on, and what else is said of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.listening import PATH_LIMIT, Address, Listening


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("0.0.0.0:0", Address("0.0.0.0", 0)),
        ("[::1]:8080", Address("::1", 8080)),
        ("[0:0:0:0:0:0:0:1]:80", Address("::1", 80)),
        ("/run/name.sock", Address(path="/run/name.sock")),
        ("@name", Address(path="@name")),
    ],
)
def test_an_address(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "*:8080",
        "localhost:8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "::1:8080",
        "[127.0.0.1]:80",
        "[::1]",
        "/",
        "@",
        "/run/\0",
        "/" + "x" * PATH_LIMIT,
        "run/name.sock",
        "unix:/run/name.sock",
        "tcp://127.0.0.1:80",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (address|path)"):
        Address.parse(text)


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("given", "listening"),
    [
        ({"address": "127.0.0.1:80, /x"}, [Address("127.0.0.1", 80), Address(path="/x")]),
        ({"address": ["/x", "/x", ""]}, [Address(path="/x")]),
        ({"address": (Address(path="/x"),)}, [Address(path="/x")]),
    ],
)
def test_several_addresses(given: dict[str, Any], listening: list[Address]) -> None:
    assert list(Listening.checked(**given).address) == listening


@pytest.mark.parametrize(("mode", "number"), [("660", 0o660), (0o600, 0o600), (None, None)])
def test_modes(mode: object, number: int | None) -> None:
    assert Listening.checked(address="/x", mode=mode).mode == number


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"address": ""}, "address: is missing"),
        ({"address": []}, "address: is missing"),
        ({"address": 80}, "address: 80 is no list of addresses"),
        ({"address": "here"}, "address: 'here' is no address"),
        ({"backlog": 0}, "backlog: 0 is not a whole number"),
        ({"backlog": True}, "backlog: True is not a whole number"),
        ({"mode": "8"}, "mode: '8' must be octal digits"),
        ({"mode": "7777"}, "mode: '7777' must be octal digits"),
        ({"mode": -1}, "mode: -1 must be octal digits"),
        ({"mode": "660", "address": "@x"}, "mode: only a Unix socket"),
        ({"mode": "660", "address": "/x, 127.0.0.1:80"}, "mode: only a Unix socket"),
        ({"reuse_port": "yes"}, "reuse_port: 'yes' must be true or false"),
    ],
)
def test_faults(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}.*$") as caught:
        Listening.checked(**{"address": "/x", **given})
    assert "\n" not in str(caught.value)


def test_all_faults_at_once() -> None:
    with pytest.raises(ValueError, match="address") as caught:
        Listening.checked(address="here", backlog=0, mode="x", reuse_port=1)
    names = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert names == ["address", "backlog", "mode", "reuse_port"]

"""The protocol: any bytes, in any cuts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.control import protocol
from cotyledon_core.control.protocol import Code, Lines, Refusal, Request, parse

LIMIT = 200
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
IDS = st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=64)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


def taken(pieces: list[bytes]) -> tuple[list[bytes], Code | None]:
    """The lines that come out, and the refusal that ends them."""
    lines, found = Lines(LIMIT), []
    try:
        for piece in pieces:
            lines.feed(piece)
            while (line := lines.next()) is not None:
                found.append(line)
            assert not lines.whole
    except Refusal as refusal:
        assert lines.whole
        return found, refusal.code
    return found, None


@given(st.binary(max_size=4 * LIMIT), st.lists(st.integers(0, LIMIT), max_size=10))
def test_cuts_do_not_matter(data: bytes, sizes: list[int]) -> None:
    *whole, rest = data.split(b"\n")
    expected: list[bytes] = []
    code = None
    for line in whole:
        if len(line) > LIMIT:
            code = Code.TOO_LARGE
            break
        expected.append(line)
    if code is None and len(rest) > LIMIT:
        code = Code.TOO_LARGE
    assert taken(cut(data, sizes)) == (expected, code)


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=5))
def test_what_is_left_is_half(lines: list[bytes]) -> None:
    reader = Lines(LIMIT)
    reader.feed(b"".join(line + b"\n" for line in lines) + b"half")
    assert [reader.next() for _ in lines] == lines
    assert reader.next() is None
    assert reader.half


def understood(line: bytes) -> Code | None:
    """Why a line is no request; None if it is one."""
    try:
        request = parse(line)
    except Refusal as refusal:
        return refusal.code
    assert isinstance(request, Request)
    return None


@given(st.binary(max_size=LIMIT))
def test_garbage_is_refused_or_a_request(line: bytes) -> None:
    assert understood(line) in (None, Code.BAD_REQUEST, Code.UNSUPPORTED_VERSION)


@given(JSON)
def test_so_is_any_json(value: Any) -> None:
    test = {"version": 1, "command": value, "arguments": value, "id": value}
    for line in (value, test, {**test, "command": "status"}):
        code = understood(json.dumps(line).encode())
        assert code in (None, Code.BAD_REQUEST, Code.UNSUPPORTED_VERSION)


@given(IDS, st.text(min_size=1, max_size=64), st.dictionaries(st.text(), JSON, max_size=3))
def test_a_request_arrives_as_it_was_made(
    request_id: int | str | None, command: str, arguments: dict[str, Any]
) -> None:
    line = protocol.request(request_id, command, arguments)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    request = parse(line[:-1])
    assert (request.id, request.command) == (request_id, command)
    assert json.dumps(request.arguments) == json.dumps(arguments)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"[" * 60000,
        b'{"version": 1, "command": "status", "id": ' + b"9" * 5000 + b"}",
        b'{"version": 1, "command": "status", "id": 9007199254740992}',
        b'{"version": 1, "command": "status", "id": true}',
        b'{"version": 1, "command": "status", "id": [1]}',
        b'{"version": 1, "command": ""}',
        b'{"version": 1}',
        b'{"version": 1, "command": "status", "arguments": []}',
        b'{"version": 1, "command": "status", "argument": {}}',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_request(line: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        parse(line)
    assert caught.value.code is Code.BAD_REQUEST


@given(IDS, JSON.filter(lambda value: not isinstance(value, dict)))
def test_a_refusal_has_the_id_of_what_it_refuses(request_id: int | str | None, value: Any) -> None:
    wrong = {"version": 1, "id": request_id, "command": "status", "arguments": value}
    with pytest.raises(Refusal) as caught:
        parse(json.dumps(wrong).encode())
    refusal = caught.value
    assert refusal.request_id == request_id
    line = protocol.error(refusal.request_id, refusal.code, refusal.text)
    assert json.loads(line)["id"] == request_id


@given(st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "utf-8", "latin-1"]), st.text(max_size=8))
def test_text_in_any_encoding(encoding: str, text: str) -> None:
    line = f'{{"version": 1, "command": "a{text}"}}'.encode(encoding, errors="replace")
    assert understood(line) in (None, Code.BAD_REQUEST)


@pytest.mark.parametrize("version", [0, 2, True, 1.0, "1", None])
def test_another_version(version: Any) -> None:
    with pytest.raises(Refusal) as caught:
        parse(json.dumps({"version": version, "command": "status", "id": 5}).encode())
    assert (caught.value.code, caught.value.request_id) == (Code.UNSUPPORTED_VERSION, 5)


def test_a_lone_surrogate_can_be_told() -> None:
    assert json.loads(protocol.result(1, "\udc80"))["result"] == "\udc80"

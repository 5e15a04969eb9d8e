"""The protocol alone: bytes in pieces, lines and requests out.

The first byte of the data chooses the limit of a request; what follows is the stream. It comes in
pieces, with an 0xff between two.
"""

from __future__ import annotations

import json

from cotyledon_core.control import protocol
from cotyledon_core.control.protocol import Code, Lines, Refusal, Request, parse
from tests.fuzz import requests

LIMITS = (16, 200, 4096)
CUT = b"\xff"
DEEP = 300
"""Brackets in a line, above which it depends on the stack whether it can be read."""


def check(data: bytes) -> None:
    """Try this.

    :raises AssertionError: if something is not as it has to be.
    """
    limit = LIMITS[data[0] % len(LIMITS)] if data else LIMITS[0]
    pieces = data[1:].split(CUT)
    expected, too_long = _expected(b"".join(pieces), limit)
    assert _taken(pieces, limit) == (expected, too_long)
    for line in set(expected):
        _check_line(line)


def _expected(stream: bytes, limit: int) -> tuple[list[bytes], bool]:
    """The lines up to the first that is too long, and whether there is one."""
    *whole, rest = stream.split(b"\n")
    lines: list[bytes] = []
    for line in whole:
        if len(line) > limit:
            return lines, True
        lines.append(line)
    return lines, len(rest) > limit


def _taken(pieces: list[bytes], limit: int) -> tuple[list[bytes], bool]:
    """What comes out."""
    lines = Lines(limit)
    found: list[bytes] = []
    for piece in pieces:
        lines.feed(piece)
        while lines.whole:
            line = _next(lines)
            if line is None:
                return found, True
            found.append(line)
        assert lines.next() is None
        assert len(lines._received) <= limit
        assert lines.half == bool(lines._received)
    return found, False


def _next(lines: Lines) -> bytes | None:
    """The next line; None if it is too long."""
    try:
        line = lines.next()
    except Refusal as error:
        refusal = error
    else:
        assert line is not None
        return line
    assert refusal.code is Code.TOO_LARGE
    assert lines.whole
    return None


def _check_line(line: bytes) -> None:
    try:
        made: Request | Refusal = parse(line)
    except Refusal as refusal:
        made = refusal
    if line.count(b"[") + line.count(b"{") > DEEP:
        return
    reading = requests.read(line)
    assert isinstance(made, Request) == reading.well_formed
    if isinstance(made, Request):
        assert json.dumps(made.id) == json.dumps(reading.request_id)
        again = protocol.request(made.id, made.command, made.arguments)
        assert repr(parse(again[:-1])) == repr(made)
        _check_answer(protocol.result(made.id, made.arguments), made.id)
    else:
        assert made.code in (Code.BAD_REQUEST, Code.UNSUPPORTED_VERSION)
        assert json.dumps(made.request_id) == json.dumps(reading.request_id)
        _check_answer(protocol.error(made.request_id, made.code, made.text), made.request_id)


def _check_answer(answer: bytes, request_id: int | str | None) -> None:
    assert answer.index(b"\n") == len(answer) - 1
    assert json.dumps(json.loads(answer)["id"]) == json.dumps(request_id)

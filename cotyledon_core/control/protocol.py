r"""The protocol of the control socket: JSON, one value a line.

Bytes in, requests out; replies in, bytes out. Nothing here touches a socket.
A request is ``{"version": 1, "id": 7, "command": "status", "arguments": {}}\n``.
The answer has the request's id and either ``result`` or ``error``; before it
there may be any number of lines with the id and ``event``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from cotyledon_core.record import Record

VERSION = 1
MAX_COMMAND = 64
"""Characters of a command's name, and of an id."""

RequestId = str | int | None


class Code(Enum):
    """Why a request is refused."""

    BAD_REQUEST = "bad_request"
    """It is no request, or an argument is wrong."""
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_COMMAND = "unknown_command"
    UNKNOWN_SERVICE = "unknown_service"
    UNKNOWN_WORKER = "unknown_worker"
    NOT_ALLOWED = "not_allowed"
    TOO_LARGE = "too_large"
    """The request, or what would be the answer."""
    TOO_MANY = "too_many"
    """Clients, or requests of one client that wait."""
    BUSY = "busy"
    """Something of the kind is under way already."""
    FAILED = "failed"
    """It was tried."""
    TIMED_OUT = "timed_out"
    STOPPING = "stopping"
    """The manager is stopping, and changes nothing any more."""


class Refusal(Exception):
    """A request is answered with an error."""

    def __init__(self, code: Code, text: str, request_id: RequestId = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.request_id = request_id


class Request(Record):
    """What a client asks for; its arguments are not checked yet."""

    id: RequestId
    command: str
    arguments: Mapping[str, Any]


class Lines:
    """Cuts a stream of bytes into lines, however it comes.

    :param limit: bytes that a line may have.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._received = bytearray()
        self._looked_at = 0

    def feed(self, data: bytes) -> None:
        """Take in what has come."""
        self._received += data

    def next(self) -> bytes | None:
        """The next whole line, without its end; None if there is none yet.

        :raises Refusal: if it is longer than it may be; nothing comes after that.
        """
        end = self._received.find(b"\n", self._looked_at)
        if end < 0:
            self._looked_at = len(self._received)
        if (len(self._received) if end < 0 else end) > self.limit:
            raise Refusal(Code.TOO_LARGE, f"a request may have {self.limit} bytes")
        if end < 0:
            return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._looked_at = 0
        return line

    @property
    def half(self) -> bool:
        """Whether something has come that was not taken yet."""
        return bool(self._received)

    @property
    def whole(self) -> bool:
        """Whether :meth:`next` would do more than wait."""
        return len(self._received) > self.limit or b"\n" in self._received[self._looked_at :]


def parse(line: bytes) -> Request:
    """The request that a line holds.

    :raises Refusal: if it is none, with its id if that can be told.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise Refusal(Code.BAD_REQUEST, "this is no JSON; one object a line is needed") from None
    if not isinstance(value, dict):
        raise Refusal(Code.BAD_REQUEST, "a request is an object")
    request_id = _id(value.get("id"))
    if type(value.get("version")) is not int or value["version"] != VERSION:
        text = f"version {VERSION} of the protocol is spoken here; the request has to say so"
        raise Refusal(Code.UNSUPPORTED_VERSION, text, request_id)
    command, arguments = value.get("command"), value.get("arguments", {})
    if not isinstance(command, str) or not 0 < len(command) <= MAX_COMMAND:
        raise Refusal(Code.BAD_REQUEST, "command has to be the name of one", request_id)
    if not isinstance(arguments, dict):
        raise Refusal(Code.BAD_REQUEST, "arguments have to be an object", request_id)
    unknown = value.keys() - {"version", "id", "command", "arguments"}
    if unknown:
        text = f"a request has no {min(unknown)[:MAX_COMMAND]!r}"
        raise Refusal(Code.BAD_REQUEST, text, request_id)
    return Request(request_id, command, arguments)


def _id(value: Any) -> RequestId:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        if value is None or abs(value) < 2**53:
            return value
    elif isinstance(value, str) and len(value) <= MAX_COMMAND:
        return value
    text = f"id has to be an integer below 2**53, or a text of at most {MAX_COMMAND} characters"
    raise Refusal(Code.BAD_REQUEST, text)


class Encoded:
    """A value that was made JSON before, piece by piece."""

    def __init__(self, json: bytes) -> None:
        self.json = json


def as_json(value: Any) -> bytes:
    """In the form of a line, without its end."""
    return json.dumps(value, separators=(",", ":"), default=str).encode()


def encode(value: Mapping[str, Any]) -> bytes:
    """One line."""
    return as_json(value) + b"\n"


def request(request_id: RequestId, command: str, arguments: Mapping[str, Any]) -> bytes:
    """The line of a request."""
    return encode(
        {"version": VERSION, "id": request_id, "command": command, "arguments": arguments}
    )


def result(request_id: RequestId, value: Any) -> bytes:
    """The line that ends the answer, if all is well.

    :param value: plain, or an :class:`Encoded`.
    """
    if isinstance(value, Encoded):
        return b'{"id":%b,"result":%b}\n' % (as_json(request_id), value.json)
    return encode({"id": request_id, "result": value})


def event(request_id: RequestId, value: Any) -> bytes:
    """A line before the last."""
    return encode({"id": request_id, "event": value})


def error(request_id: RequestId, code: Code, text: str) -> bytes:
    """The line that ends the answer, if it cannot be given."""
    return encode({"id": request_id, "error": {"code": code.value, "text": text}})

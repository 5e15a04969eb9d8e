"""What can be asked of a manager, and what becomes of the answer; for both clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from cotyledon_core.control import protocol
from cotyledon_core.control.errors import ControlError, NoManager
from cotyledon_core.control.protocol import Lines
from cotyledon_core.control.results import Health, Hello, Scaled, Status

Answer = TypeVar("Answer")

MAX_ANSWER = 256 * 1024 * 1024
"""Bytes; the manager has a bound of its own."""


class Call(Generic[Answer]):
    """A command with its arguments; those that are None are not sent."""

    def __init__(self, parse: Callable[[Any], Answer], command: str, /, **arguments: Any) -> None:
        self.parse = parse
        self.command = command
        self.arguments = {key: value for key, value in arguments.items() if value is not None}


class Exchange:
    """One client's side of a connection, without the socket.

    A request is sent (:meth:`ask`), what comes is fed, and taken line by line.
    """

    def __init__(self) -> None:
        self._lines = Lines(MAX_ANSWER)
        self._last_id = 0

    def ask(self, command: str, arguments: Mapping[str, Any]) -> tuple[int, bytes]:
        """A new request: its id, and what has to be sent."""
        self._last_id += 1
        return self._last_id, protocol.request(self._last_id, command, arguments)

    def feed(self, data: bytes) -> None:
        """Take in what has come.

        :raises NoManager: if that is the end.
        """
        if not data:
            raise NoManager("the manager has ended the connection")
        self._lines.feed(data)

    def next(self, request_id: int) -> Line | None:
        """The next line for a request; None if more has to come.

        :raises ControlError: if the manager does not do it.
        :raises NoManager: if it speaks something else.
        """
        import json

        while (line := self._lines.next()) is not None:
            try:
                value = json.loads(line)
                answers = value.get("id")
            except (ValueError, AttributeError):
                raise NoManager("who answers there is no manager") from None
            if error := value.get("error"):
                # without an id it is about the connection
                if answers in (request_id, None):
                    raise ControlError(error.get("code", ""), error.get("text", ""))
            elif answers == request_id:
                return Line(value)
        return None


class Line:
    """A line of an answer."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.is_last = "result" in value
        self.value = value.get("result") if self.is_last else value.get("event")


def hello() -> Call[Hello]:
    return Call(Hello.of, "hello")


def status(service: str | None, worker: int | None) -> Call[Status]:
    return Call(Status.of, "status", service=service, worker=worker)


def health(service: str | None, quorum: str | None) -> Call[Health]:
    return Call(Health.of, "health", service=service, quorum=quorum)


def scale(service: str, workers: int) -> Call[Scaled]:
    return Call(Scaled.of, "scale", service=service, workers=workers)


def reload() -> Call[None]:
    return Call(_nothing, "reload")


def shutdown(now: bool) -> Call[None]:
    return Call(_nothing, "shutdown", now=now)


def _nothing(value: Any) -> None:
    """There is nothing to say."""

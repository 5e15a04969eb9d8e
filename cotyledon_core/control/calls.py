"""What can be asked of a manager, and what becomes of the answer; for both clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from cotyledon_core.control import protocol
from cotyledon_core.control.errors import ControlError, NoManager
from cotyledon_core.control.protocol import Lines
from cotyledon_core.control.results import (
    Health,
    Hello,
    LogLevel,
    Preview,
    Status,
    WorkerLogLevel,
)

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


def status(service: str | None, worker: int | None, resources: bool) -> Call[Status]:
    return Call(Status.of, "status", service=service, worker=worker, resources=resources or None)


def health(service: str | None, quorum: str | None) -> Call[Health]:
    return Call(Health.of, "health", service=service, quorum=quorum)


def scale(service: str, workers: int, wait: bool, timeout: float | None) -> Call[None]:
    return Call(_nothing, "scale", service=service, workers=workers, wait=wait, timeout=timeout)


def of_service(
    command: str, service: str, worker: int | None, wait: bool, timeout: float | None, **more: Any
) -> Call[None]:
    """``stop``, ``start`` or ``restart``."""
    return Call(
        _nothing, command, service=service, worker=worker, wait=wait, timeout=timeout, **more
    )


def reload(wait: bool, timeout: float | None) -> Call[None]:
    return Call(_nothing, "reload", wait=wait, timeout=timeout)


def preview() -> Call[Preview]:
    return Call(Preview.of, "reload", dry_run=True)


def shutdown(now: bool, wait: bool, timeout: float | None) -> Call[None]:
    return Call(_nothing, "shutdown", now=now, wait=wait, timeout=timeout)


def wait(service: str | None, worker: int | None, timeout: float | None) -> Call[None]:
    return Call(_nothing, "wait", service=service, worker=worker, timeout=timeout)


def events(after: int | None, since: float | None, service: str | None, follow: bool) -> Call[None]:
    return Call(_nothing, "events", after=after, since=since, service=service, follow=follow)


def dump(service: str | None, worker: int | None) -> Call[str]:
    return Call(lambda value: str(value["stacks"]), "dump", service=service, worker=worker)


def log_level(logger: str | None, level: str | None) -> Call[LogLevel]:
    return Call(LogLevel.of, "log-level", logger=logger, level=level)


def worker_log_levels(
    service: str | None, worker: int | None, logger: str | None, level: str | None
) -> Call[tuple[WorkerLogLevel, ...]]:
    return Call(
        lambda value: tuple(map(WorkerLogLevel.of, value["workers"])),
        "worker-log-level",
        service=service,
        worker=worker,
        logger=logger,
        level=level,
    )


def _nothing(value: Any) -> None:
    """There is nothing to say."""

"""What a command is: its name, who may give it, its arguments, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cotyledon_core.control.access import Level, Peer
from cotyledon_core.control.protocol import Code, Refusal
from cotyledon_core.control.steering import Manager
from cotyledon_core.record import Record
from cotyledon_core.standing import ServiceStanding

LONGEST_TEXT = 1024
"""Characters of an argument."""
_KINDS = {str: "a text", int: "an integer", float: "a number", bool: "true or false"}


class Context(Record):
    """Where and when a command is given."""

    manager: Manager
    peer: Peer
    level: Level
    now: float
    """Monotonic seconds."""

    def changing(self, text: str) -> None:
        """The command changes what runs.

        :raises Refusal: if the manager is stopping.
        """
        if self.manager.stopping:
            raise Refusal(Code.STOPPING, "the manager is stopping")
        self.manager.note_command(text, self.peer)

    def service(self, name: str) -> ServiceStanding:
        """The service of that name.

        :raises Refusal: if there is none.
        """
        services = self.manager.ledger.services
        if name not in services:
            known = ", ".join(services) or "none"
            raise Refusal(Code.UNKNOWN_SERVICE, f"there is no service {name!r}; there are {known}")
        return services[name]


class Argument(Record):
    """One argument of a command."""

    name: str
    kind: type
    required: bool = False
    default: Any = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    def checked(self, value: Any) -> Any:
        """
        :raises Refusal: if the value is none for this argument.
        """
        kinds = (int, float) if self.kind is float else (self.kind,)
        if type(value) not in kinds or (self.kind is str and len(value) > LONGEST_TEXT):
            raise self._refusal()
        if self.choices and value not in self.choices:
            raise self._refusal()
        # a NaN is neither
        if self.least is not None and not value >= self.least:
            raise self._refusal()
        if self.most is not None and not value <= self.most:
            raise self._refusal()
        return value

    def _refusal(self) -> Refusal:
        if self.choices:
            right = f"one of {', '.join(self.choices)}"
        else:
            right = _KINDS[self.kind]
            right += "" if self.least is None else f" of at least {self.least:g}"
            right += "" if self.most is None else f" and at most {self.most:g}"
        return Refusal(Code.BAD_REQUEST, f"{self.name}: {right} is needed")


class Command(Record):
    """See the module's description."""

    name: str
    level: Level
    run: Callable[..., Any]
    """Gets the context, and all arguments as keywords; returns the result or a task."""
    arguments: tuple[Argument, ...] = ()

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments, those that were not given with their defaults.

        :raises Refusal: for the first that is wrong.
        """
        known = {argument.name: argument for argument in self.arguments}
        for name in given:
            if name not in known:
                there = f"; it has {', '.join(known)}" if known else ""
                text = f"{self.name} has no argument {name[:LONGEST_TEXT]!r}{there}"
                raise Refusal(Code.BAD_REQUEST, text)
        return {argument.name: _value(argument, given) for argument in self.arguments}


def _value(argument: Argument, given: Mapping[str, Any]) -> Any:
    value = given.get(argument.name)
    if value is not None:
        return argument.checked(value)
    if argument.required:
        raise Refusal(Code.BAD_REQUEST, f"{argument.name} is missing")
    return argument.default


def by_name(commands: Iterable[Command]) -> dict[str, Command]:
    """A registry."""
    return {command.name: command for command in commands}


SERVICE = Argument("service", str)
ONE_SERVICE = Argument("service", str, required=True)
WORKER = Argument("worker", int, least=0)
MOST_WORKERS = 65536

"""What browsers may have the manager do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cotyledon_core.control import AsyncClient

Ask = Callable[..., Awaitable[Any]]


class BadRequest(Exception):
    """A request that makes no sense, and why."""


class Action:
    """Something that the manager may be asked for.

    :param ask: asks for it; it is given the arguments as keywords.
    :param required: types by the names of arguments that have to be there.
    :param optional: the same of those that need not.
    :param answer: makes the answer's value of the manager's; None if there is nothing to tell.
    """

    def __init__(
        self,
        ask: Ask,
        required: Mapping[str, type],
        optional: Mapping[str, type],
        answer: Callable[[Any], Any] | None = None,
    ) -> None:
        self.ask = ask
        self.answer = answer
        self._required = required
        self._types = {**required, **optional}

    def arguments(self, body: Any) -> dict[str, Any]:
        """The arguments of a request.

        :param body: its JSON value.
        :raises BadRequest: if they are none.
        """
        if not isinstance(body, dict):
            raise BadRequest("the body must be a JSON object")
        given = {name: value for name, value in body.items() if value is not None}
        if unknown := given.keys() - self._types.keys():
            known = ", ".join(self._types) or "nothing"
            raise BadRequest(f"{min(unknown)[:64]!r} is no argument here; it takes {known}")
        if missing := self._required.keys() - given.keys():
            raise BadRequest(f"{min(missing)} is missing")
        for name, value in given.items():
            # a bool is an int, but no number of workers
            if type(value) is not self._types[name]:
                raise BadRequest(f"{name}: {_NAMES[self._types[name]]} is needed")
        return given


_NAMES = {str: "a text", int: "a whole number", bool: "true or false"}
_WORKER = {"service": str}, {"worker": int}

ACTIONS: Mapping[str, Action] = {
    "scale": Action(AsyncClient.scale, {"service": str, "workers": int}, {}),
    "stop": Action(AsyncClient.stop, *_WORKER),
    "start": Action(AsyncClient.start, *_WORKER),
    "restart": Action(AsyncClient.restart, {"service": str}, {"worker": int, "rolling": bool}),
    "reload": Action(AsyncClient.reload, {}, {}),
    "shutdown": Action(AsyncClient.shutdown, {}, {"now": bool}),
    "dump": Action(
        AsyncClient.dump, {}, {"service": str, "worker": int}, lambda stacks: {"stacks": stacks}
    ),
    "log-level": Action(
        AsyncClient.log_level, {}, {"logger": str, "level": str}, lambda level: level.as_dict()
    ),
}

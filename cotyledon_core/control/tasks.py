"""Requests whose answer takes time: they are looked after once a turn, and never wait."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from cotyledon_core.control.protocol import RequestId

Tell = Callable[[Any], bool]
"""Sends an event that belongs to the request; False if there is no room for it in this turn."""


class Task(ABC):
    """Something that is under way for a client."""

    request_id: RequestId = None

    @abstractmethod
    def step(self, now: float, tell: Tell) -> Done | None:
        """Do what can be done now.

        :param now: monotonic seconds.
        :param tell: may be called a few times.
        :returns: the result, once it is there.
        :raises Refusal: if it cannot be had.
        """

    def deadline(self) -> float | None:
        """When it wants another step at the latest, in monotonic seconds; 0.0 in the next turn."""
        return None

    def close(self) -> None:  # noqa: B027
        """The client is gone, or has its answer."""


class Done:
    """A task's result."""

    def __init__(self, value: Any) -> None:
        self.value = value

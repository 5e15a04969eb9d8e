"""What goes wrong between a client and a manager."""

from __future__ import annotations

from cotyledon_core.exceptions import CotyledonError


class ControlError(CotyledonError):
    """The manager answered that it does not do what it was asked for.

    :param code: one of :class:`.Code`, or one that a later version knows.
    :param text: for people.
    """

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


class NoManager(CotyledonError):
    """Nobody answers at the control socket, or not any more."""

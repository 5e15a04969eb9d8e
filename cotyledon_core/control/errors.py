"""What goes wrong between a client and a manager."""

from __future__ import annotations

import os
from typing import Self

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

    @classmethod
    def because(cls, path: str, error: OSError) -> Self:
        """It cannot be connected to, or the connection was lost."""
        text = f"{path}: {error.strerror or error}"
        if isinstance(error, PermissionError):
            text += f"; uid {os.geteuid()} may not connect, mode and group in [control] say who may"
        return cls(text)

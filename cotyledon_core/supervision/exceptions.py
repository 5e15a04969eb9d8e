"""The supervisor's own error."""

from __future__ import annotations


class ImpossibleMessage(Exception):
    """A message that cannot arrive in this state: an error of this package.

    It has changed nothing.
    """

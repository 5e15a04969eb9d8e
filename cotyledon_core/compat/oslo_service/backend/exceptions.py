"""The errors of choosing a backend."""

from __future__ import annotations


class BackendAlreadySelected(Exception):
    """Another backend was chosen before."""


class BackendComponentNotAvailable(Exception):
    """The backend has no such component."""


class UnsupportedBackendError(Exception):
    """What was asked for does not go with the threading backend."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "This component is not compatible with the threading backend.")

"""What backends and services are made of."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from cotyledon_core.compat.oslo_service.backend.exceptions import BackendComponentNotAvailable


class BaseBackend(abc.ABC):
    """A set of components."""

    @abc.abstractmethod
    def get_service_components(self) -> dict[str, Any]:
        """The components by their names."""


class ServiceBase(metaclass=abc.ABCMeta):
    """What a launcher launches; any object with these four methods will do."""

    @abc.abstractmethod
    def start(self) -> Any:
        """Start the service."""

    @abc.abstractmethod
    def stop(self) -> Any:
        """Stop it."""

    @abc.abstractmethod
    def wait(self) -> Any:
        """Wait for it to complete."""

    @abc.abstractmethod
    def reset(self) -> Any:
        """Take over a changed configuration, on SIGHUP."""


class ComponentRegistry:
    """Components by name, and an error that says so for one that is not there."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self._components = components

    def __getitem__(self, key: str) -> Any:
        """
        :raises BackendComponentNotAvailable: if there is none, or it is None.
        """
        if key not in self:
            raise BackendComponentNotAvailable(
                f"Component '{key}' is not available in this backend."
            )
        return self._components[key]

    def __contains__(self, key: str) -> bool:
        return self._components.get(key) is not None

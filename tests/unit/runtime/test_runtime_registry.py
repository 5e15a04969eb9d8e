"""Definitions of services that a program adds, at first and at a reload."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cotyledon_core import Service
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.runtime.added import AddedReloader
from cotyledon_core.runtime.registry import Registry
from cotyledon_core.runtime.services import ServiceDefinition


class Configured:
    """Says the same of every service."""

    def __init__(self, **values: Any) -> None:
        self._values = values
        self.settings = SimpleNamespace(sockets={})

    def check_sockets(self, running: Configured) -> None:
        pass

    def apply(self, name: str, wanted: str, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, **self._values}


class Target:
    """Keeps the definitions."""

    def __init__(self, *definitions: ServiceDefinition) -> None:
        self.definitions = list(definitions)

    def set_sockets(self, sockets: Any) -> None:
        self.sockets = sockets

    def redefine(self, define: Any) -> None:
        self.definitions = [define(old) for old in self.definitions]


def add(registry: Registry, name: str, **options: Any) -> ServiceDefinition:
    given = {"workers": 2, "restart_policy": None, **options}
    return registry.define_added(Service, name, given, (), {})


def reload(registry: Registry, added: Any, target: Target) -> None:
    AddedReloader(lambda: added, registry).prepare()(target)  # type: ignore[arg-type]


def test_what_a_program_gives_comes_back_when_the_configuration_has_gone() -> None:
    registry = Registry()
    target = Target(add(registry, "a", start_timeout=3))
    reload(registry, Configured(start_timeout=5, workers=4, graceful_shutdown_timeout=7), target)
    (changed,) = target.definitions
    assert (changed.workers, changed.options.start_timeout) == (4, 5)
    assert changed.graceful_shutdown_timeout == 7
    reload(registry, None, target)
    (changed,) = target.definitions
    assert (changed.workers, changed.options.start_timeout) == (2, 3)
    assert changed.graceful_shutdown_timeout is None


def test_who_is_added_later_follows_the_new_configuration() -> None:
    registry = Registry()
    reload(registry, Configured(start_timeout=5), Target())
    assert add(registry, "a").options.start_timeout == 5


def test_an_impossible_value_changes_nothing() -> None:
    registry = Registry()
    target = Target(add(registry, "a"))
    before = target.definitions
    with pytest.raises(ConfigurationError, match="no service 'b' was added before this one"):
        reload(registry, Configured(start_after=["b"]), target)
    assert target.definitions is before
    assert registry.added is None

"""What is known of a service before an instance is made."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import pytest

from cotyledon_core.program import Program
from cotyledon_core.runtime.dispatcher import ForeignCode
from cotyledon_core.runtime.services import (
    ServiceDefinition,
    default_decision,
    default_name,
    unique_name,
)
from cotyledon_core.service import Service
from cotyledon_core.testing import every_death
from cotyledon_core.testing.contracts import _check_decision
from cotyledon_core.types import ServiceId, WorkerId


class Plain(Service):
    pass


class Named(Service):
    name = "named"
    graceful_shutdown_timeout = 7


class InPlace(Service):
    def reload(self) -> None: ...


class Executing(Service):
    def program(self) -> Program:
        return Program(argv=["true"])


class Titled(Service):
    """Has something else under the name of a public method."""

    program = "the evening's"


class ByProperty(Service):
    @property
    def name(self) -> str:  # type: ignore[override]
        return "known later"

    @property
    def graceful_shutdown_timeout(self) -> int:  # type: ignore[override]
        return 5


class Foreign:
    """No subclass of ours."""

    graceful_shutdown_timeout: ClassVar[None] = None


def make(worker_id: WorkerId) -> Service:
    return Named(worker_id)


@pytest.mark.parametrize(
    ("factory", "name"),
    [
        (Plain, "Plain"),
        (Named, "named"),
        (ByProperty, "ByProperty"),
        (Foreign, "Foreign"),
        (make, "make"),
        (lambda worker_id: None, "<lambda>"),
        (partial(make), "partial"),
    ],
)
def test_default_names(factory: Any, name: str) -> None:
    assert default_name(factory) == name


def test_names_are_made_unique() -> None:
    taken: dict[str, int] = {}
    for wanted in ("web", "web", "web-2", "web", "db"):
        taken[unique_name(wanted, taken)] = 1
    assert list(taken) == ["web", "web-2", "web-2-2", "web-3", "db"]


def definition(factory: Any, **options: Any) -> ServiceDefinition:
    return ServiceDefinition(ServiceId(UUID(int=1)), "service", factory, 1, **options)


@pytest.mark.parametrize(
    ("factory", "grace", "executes"),
    [
        (Plain, None, False),
        (Named, 7.0, False),
        (Executing, None, True),
        (Titled, None, False),
        (ByProperty, None, False),
        (Foreign, None, False),
        (make, None, False),
    ],
)
def test_what_the_class_tells(factory: Any, grace: float | None, executes: bool) -> None:
    found = definition(factory)
    assert (found.grace, found.executes) == (grace, executes)


@pytest.mark.parametrize(
    ("factory", "may_reload"),
    [(Plain, False), (InPlace, True), (Executing, True), (Foreign, False), (make, True)],
)
def test_whether_it_may_reload_in_place(factory: Any, may_reload: bool) -> None:
    assert definition(factory).may_reload is may_reload


def test_a_given_grace_period_comes_first() -> None:
    assert definition(Named, graceful_shutdown_timeout=3.0).grace == 3.0
    assert definition(Named, graceful_shutdown_timeout=0.0).grace == 0.0


def test_the_spec_has_what_is_decided_by() -> None:
    found = definition(Named)
    spec = found.spec(ForeignCode(lambda: False))
    assert (spec.service_id, spec.name, spec.workers, spec.grace) == (
        found.service_id,
        "service",
        1,
        7.0,
    )
    for death in every_death():
        _check_decision(spec.decide(death), death)
        _check_decision(default_decision(death), death)

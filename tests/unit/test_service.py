"""How services are named, and what they are by themselves."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from cotyledon_core import AsyncService, Program, Service, types
from cotyledon_core.service import has_own_reload
from cotyledon_core.types import ServiceId, WorkerId


class Plain(Service):
    pass


class DerivedFromPlain(Plain):
    pass


class Explicit(Service):
    name = "explicit"


class DerivedFromExplicit(Explicit):
    pass


class AnonymousAgain(Explicit):
    name = None


class DerivedFromAnonymous(AnonymousAgain):
    pass


class ExplicitAgain(DerivedFromAnonymous):
    name = "again"


class Mixin:
    """No service; it has neither name nor ours."""


class Mixed(Mixin, Plain):
    pass


class NamingMixin:
    name = "mixin"


class NamedByMixin(NamingMixin, Service):
    pass


class DiamondOfDefaults(Plain, DerivedFromAnonymous):
    pass


class ExplicitFirst(Explicit, Plain):
    pass


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (Service, "Service"),
        (Plain, "Plain"),
        (DerivedFromPlain, "DerivedFromPlain"),
        (Explicit, "explicit"),
        (DerivedFromExplicit, "explicit"),
        (AnonymousAgain, "AnonymousAgain"),
        (DerivedFromAnonymous, "DerivedFromAnonymous"),
        (ExplicitAgain, "again"),
        (Mixed, "Mixed"),
        (DiamondOfDefaults, "DiamondOfDefaults"),
        (ExplicitFirst, "explicit"),
        pytest.param(NamedByMixin, "mixin"),
    ],
)
def test_names(cls: type[Service], name: str) -> None:
    assert cls.name == name
    assert cls(WorkerId(0)).name == name


def test_an_instance_may_have_a_name_of_its_own() -> None:
    service = Plain(WorkerId(0))
    service.name = "own"  # type: ignore[misc]
    assert (service.name, Plain.name) == ("own", "Plain")


def test_a_name_may_be_a_property() -> None:
    class Computed(Service):
        @property
        def name(self) -> str:  # type: ignore[override]
            return f"computed-{self.worker_id}"

    class Derived(Computed):
        pass

    assert Computed(WorkerId(3)).name == "computed-3"
    assert Derived(WorkerId(4)).name == "computed-4"


def test_keywords_of_a_class_statement_are_passed_on() -> None:
    seen: list[Any] = []

    class Registering:
        def __init_subclass__(cls, label: str = "", **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            seen.append((cls.__name__, label))

    class Labelled(Service, Registering, label="x"):
        pass

    assert seen == [("Labelled", "x")]
    assert Labelled.name == "Labelled"


def test_construction_is_cooperative() -> None:
    class Counting:
        def __init__(self) -> None:
            self.count = 1

    class Both(Service, Counting):
        pass

    service = Both(WorkerId(2))
    assert (service.worker_id, service.count) == (2, 1)


def test_the_defaults() -> None:
    service = Plain(WorkerId(1))
    assert service.graceful_shutdown_timeout is None
    assert service.worker_id == 1
    for method in (service.run, service.terminate):
        assert method() is None  # type: ignore[func-returns-value]
    assert service.program() is None
    assert list(service.options()) == []


def test_from_conf_passes_the_options() -> None:
    class WithOptions(Service):
        def __init__(self, worker_id: WorkerId, speed: int) -> None:
            super().__init__(worker_id)
            self.speed = speed

    service = WithOptions.from_conf(WorkerId(1), conf=object(), speed=3)
    assert isinstance(service, WithOptions)
    assert (service.worker_id, service.speed) == (1, 3)


@pytest.mark.skipif(os.name != "posix", reason="signals to oneself")
def test_a_service_outside_a_worker_reloads_by_sigterm() -> None:
    """As Cotyledon's does."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        Plain(WorkerId(0)).reload()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]


def test_types_have_the_names_of_cotyledon() -> None:
    assert types.ServiceId is ServiceId
    assert types.WorkerId is WorkerId
    assert set(types.__all__) == {"ServiceId", "WorkerId"}


def test_a_program_needs_nothing_but_its_arguments() -> None:
    program = Program(argv=["sleep", "1"])
    assert program.stop_signal == signal.SIGTERM
    assert (program.environment, program.rlimits, program.reload_signal) == ({}, {}, None)


# -- who reloads in place


class Reloading(Service):
    def reload(self) -> None: ...


class Derived(Reloading):
    pass


class Calling(Service):
    def reload(self) -> None:
        super().reload()


class AsyncReloading(AsyncService):
    async def reload(self) -> None: ...


class Foreign:
    """No subclass of ours."""


@pytest.mark.parametrize(
    ("cls", "own"),
    [
        (Service, False),
        (Reloading, True),
        (Derived, True),
        (Calling, True),
        (AsyncService, False),
        (AsyncReloading, True),
    ],
)
def test_who_reloads_in_place(cls: type[Service], own: bool) -> None:
    assert has_own_reload(cls(WorkerId(0))) is own


def test_what_has_no_reload_at_all_is_replaced() -> None:
    assert not has_own_reload(Foreign())


def test_an_instance_may_have_a_reload_of_its_own() -> None:
    service = Service(WorkerId(0))
    service.reload = lambda: None  # type: ignore[method-assign]
    assert has_own_reload(service)

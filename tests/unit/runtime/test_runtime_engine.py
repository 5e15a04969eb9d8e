"""What other threads may do to the engine at any time."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from cotyledon_core.runtime.engine import Engine
from cotyledon_core.runtime.reload import Reload
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.service import Service
from cotyledon_core.supervision import messages as msg
from cotyledon_core.types import ServiceId


def test_services_may_be_added_while_plugins_are_looked_at() -> None:
    engine = Engine(60)
    services: dict[ServiceId, Any] = engine.definitions  # type: ignore[assignment]

    class Adding:
        """A definition at which another thread is just adding one."""

        @property
        def restart_policy(self) -> None:
            services[ServiceId(uuid4())] = SimpleNamespace(restart_policy=None)

    for _ in range(3):
        services[ServiceId(uuid4())] = Adding()
    try:
        assert not engine.foreign_code.possible()
        assert len(services) == 6
    finally:
        engine.signals.restore()


class Failing:
    """A part of a reload that ends like no other."""

    undoes = True

    def __init__(self, engine: Engine, *, at_once: bool) -> None:
        self.engine = engine
        self.at_once = at_once

    def prepare(self) -> Any:
        assert self.engine.foreign_code.running
        if self.at_once:
            raise SystemExit(7)
        return self.take_over

    def take_over(self, reload: Reload) -> None:
        assert self.engine.foreign_code.running
        (service_id,) = self.engine.definitions
        reload.remove(service_id)
        raise SystemExit(7)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(60)
    yield made
    made.signals.restore()


@pytest.mark.parametrize("at_once", [True, False])
def test_a_plugin_that_would_end_the_manager_at_a_reload(engine: Engine, at_once: bool) -> None:
    service_id = ServiceId(uuid4())
    engine.add(ServiceDefinition(service_id, "web", Service, 3))
    before = dict(engine.definitions)
    engine.reloader = Failing(engine, at_once=at_once)
    engine._run = SimpleNamespace()  # type: ignore[assignment]
    assert engine._prepare_reload(lambda reload: reload) == [msg.RefuseReload("SystemExit(7)")]
    assert engine.definitions == before
    assert engine.sizes == {service_id: 3}
    assert not engine.foreign_code.running

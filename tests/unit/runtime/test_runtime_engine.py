"""What other threads may do to the engine at any time."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.runtime.engine import Engine
from cotyledon_core.runtime.reconfiguration import Reconfiguration
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

    def __init__(self, engine: Engine, error: BaseException, *, at_once: bool) -> None:
        self.engine = engine
        self.error = error
        self.at_once = at_once

    def prepare(self) -> Any:
        assert self.engine.foreign_code.running
        if self.at_once:
            raise self.error
        return self.take_over

    def take_over(self, reload: Reload) -> None:
        assert self.engine.foreign_code.running
        (service_id,) = self.engine.definitions
        reload.remove(service_id)
        raise self.error


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(60)
    yield made
    made.signals.restore()


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("error", "text"),
    [(SystemExit(7), "SystemExit(7)"), (ConfigurationError(["no good"]), "no good")],
)
def test_a_reload_that_cannot_be_begun_changes_nothing(
    engine: Engine, error: BaseException, text: str, at_once: bool
) -> None:
    service_id = ServiceId(uuid4())
    engine.add(ServiceDefinition(service_id, "web", Service, 3))
    before = dict(engine.definitions)
    engine.reloader = Failing(engine, error, at_once=at_once)
    engine._run = SimpleNamespace()  # type: ignore[assignment]
    assert engine._prepare_reload(lambda reload: reload) == [msg.RefuseReload(text)]
    assert engine.definitions == before
    assert engine.sizes == {service_id: 3}
    assert not engine.foreign_code.running


def test_a_size_for_a_service_that_was_removed_meanwhile(engine: Engine) -> None:
    engine.scale(ServiceId(uuid4()), 3)
    assert engine.sizes == {}


def test_a_name_that_the_application_has_taken() -> None:
    settings = SimpleNamespace(name="web")
    given: Any = {"web": ServiceId(uuid4())}
    unused: Any = None
    reconfiguration = Reconfiguration(unused, unused, given, unused)
    with pytest.raises(ConfigurationError, match=r"\[service:web\]: the application has added"):
        reconfiguration.add(settings)  # type: ignore[arg-type]

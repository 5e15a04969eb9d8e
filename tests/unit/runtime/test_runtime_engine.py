"""What other threads may do to the engine at any time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from cotyledon_core.runtime.engine import Engine
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

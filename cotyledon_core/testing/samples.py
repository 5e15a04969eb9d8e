"""Events and deaths to test plugins with."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from itertools import product
from typing import Any
from uuid import UUID

from cotyledon_core import events
from cotyledon_core.plugins.restart_policy import Cause, Death, ExitStatus, PastRestart, Phase
from cotyledon_core.types import ServiceId, WorkerId

SERVICE_ID = ServiceId(UUID("6f1c1c5e-3f0a-4b3e-9d59-2f3c8e1a7b11"))

_VALUES: dict[object, Any] = {
    bool: False,
    int: 1,
    int | None: 1,
    float: 1.5,
    float | None: 1.5,
    str: "text",
    tuple[str, ...]: ("text",),
    ServiceId: SERVICE_ID,
    WorkerId: WorkerId(0),
    ExitStatus: ExitStatus(code=1),
    Cause: Cause.EXITED,
    Phase: Phase.RUN,
    events.Waited: events.Waited.HEARTBEAT,
}

_STATUSES = (
    ExitStatus(),
    ExitStatus(code=0),
    ExitStatus(code=1),
    ExitStatus(code=255),
    ExitStatus(signal=9),
    ExitStatus(signal=15),
)


def every_event() -> Iterator[events.Event]:
    """One event of each kind."""
    for found in vars(events).values():
        if isinstance(found, type) and issubclass(found, events.Event) and found.kind:
            yield _sample(found)


def _sample(kind: type[events.Event]) -> events.Event:
    types = typing.get_type_hints(kind)
    return kind(**{name: _VALUES[types[name]] for name in kind.field_names})


def every_death() -> Iterator[Death]:
    """Deaths of each cause, phase and kind of status, with short and long histories."""
    for cause, phase, status, uptime, restarts in product(
        Cause, Phase, _STATUSES, (0.0, 1.0, 86_400.0), (0, 1, 100)
    ):
        history = tuple(PastRestart(at=float(n), uptime=1.0) for n in range(restarts))
        yield Death(
            service="sample",
            service_id=SERVICE_ID,
            worker_id=WorkerId(0),
            incarnation=restarts + 1,
            status=status,
            cause=cause,
            phase=phase,
            uptime=uptime,
            now=restarts + uptime,
            wall_time=1_700_000_000.0 + restarts + uptime,
            worker_restarts=history,
            service_restarts=history,
        )

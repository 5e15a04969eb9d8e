"""Supervision of worker processes, with Cotyledon's API.

The names below are the public API; each is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotyledon_core import events
    from cotyledon_core.async_service import AsyncService
    from cotyledon_core.default_policy import DefaultPolicy
    from cotyledon_core.event_log import EventLog
    from cotyledon_core.events import Event
    from cotyledon_core.exceptions import (
        ConfigurationError,
        CotyledonError,
        PluginError,
        WorkerStartError,
    )
    from cotyledon_core.health import Health, ServiceHealth, judge
    from cotyledon_core.ledger import Ledger, Stage
    from cotyledon_core.manager import ServiceManager
    from cotyledon_core.outcomes import OUTCOMES, outcome
    from cotyledon_core.periodic.service import PeriodicService
    from cotyledon_core.plugins.notifier import Notifier
    from cotyledon_core.plugins.restart_policy import (
        Cause,
        Death,
        Decision,
        ExitStatus,
        GiveUp,
        PastRestart,
        Phase,
        Restart,
        RestartPolicy,
        Stop,
    )
    from cotyledon_core.program import Program
    from cotyledon_core.record import replace
    from cotyledon_core.restart_policies.always import Always
    from cotyledon_core.restart_policies.limited import Limited
    from cotyledon_core.restart_policies.never import Never
    from cotyledon_core.restart_policies.on_failure import OnFailure
    from cotyledon_core.service import Service
    from cotyledon_core.signal_names import signal_number
    from cotyledon_core.sockets import Sockets
    from cotyledon_core.standing import (
        START_BOUNDS,
        End,
        ProcessStanding,
        ReloadResult,
        ServiceStanding,
        WorkerStanding,
    )
    from cotyledon_core.supervision.restart import Backoff
    from cotyledon_core.supervision.share import Share
    from cotyledon_core.supervision.states import State
    from cotyledon_core.types import ServiceId, WorkerId
    from cotyledon_core.vitals import Vitals, Work

_HOMES = {
    "Always": "restart_policies.always",
    "AsyncService": "async_service",
    "Backoff": "supervision.restart",
    "Cause": "plugins.restart_policy",
    "ConfigurationError": "exceptions",
    "CotyledonError": "exceptions",
    "Death": "plugins.restart_policy",
    "Decision": "plugins.restart_policy",
    "DefaultPolicy": "default_policy",
    "End": "standing",
    "Event": "events",
    "EventLog": "event_log",
    "ExitStatus": "plugins.restart_policy",
    "GiveUp": "plugins.restart_policy",
    "Health": "health",
    "Ledger": "ledger",
    "Limited": "restart_policies.limited",
    "Never": "restart_policies.never",
    "Notifier": "plugins.notifier",
    "OUTCOMES": "outcomes",
    "OnFailure": "restart_policies.on_failure",
    "PastRestart": "plugins.restart_policy",
    "PeriodicService": "periodic.service",
    "Phase": "plugins.restart_policy",
    "PluginError": "exceptions",
    "ProcessStanding": "standing",
    "Program": "program",
    "ReloadResult": "standing",
    "Restart": "plugins.restart_policy",
    "RestartPolicy": "plugins.restart_policy",
    "START_BOUNDS": "standing",
    "Service": "service",
    "ServiceHealth": "health",
    "ServiceId": "types",
    "ServiceManager": "manager",
    "ServiceStanding": "standing",
    "Share": "supervision.share",
    "Stage": "ledger",
    "Sockets": "sockets",
    "State": "supervision.states",
    "Stop": "plugins.restart_policy",
    "Vitals": "vitals",
    "Work": "vitals",
    "WorkerId": "types",
    "WorkerStanding": "standing",
    "WorkerStartError": "exceptions",
    "judge": "health",
    "outcome": "outcomes",
    "replace": "record",
    "signal_number": "signal_names",
}

__all__ = [
    "Always",
    "AsyncService",
    "Backoff",
    "Cause",
    "ConfigurationError",
    "CotyledonError",
    "Death",
    "Decision",
    "DefaultPolicy",
    "End",
    "Event",
    "EventLog",
    "ExitStatus",
    "GiveUp",
    "Health",
    "Ledger",
    "Limited",
    "Never",
    "Notifier",
    "OUTCOMES",
    "OnFailure",
    "PastRestart",
    "PeriodicService",
    "Phase",
    "PluginError",
    "ProcessStanding",
    "Program",
    "ReloadResult",
    "Restart",
    "RestartPolicy",
    "START_BOUNDS",
    "Service",
    "ServiceHealth",
    "ServiceId",
    "ServiceManager",
    "ServiceStanding",
    "Share",
    "Stage",
    "Sockets",
    "State",
    "Stop",
    "Vitals",
    "Work",
    "WorkerId",
    "WorkerStanding",
    "WorkerStartError",
    "events",
    "judge",
    "outcome",
    "replace",
    "signal_number",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "events":
        return import_module(f"{__name__}.events")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

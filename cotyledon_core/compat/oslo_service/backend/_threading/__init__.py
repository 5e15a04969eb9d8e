"""The threading backend."""

from __future__ import annotations

from typing import Any

from cotyledon_core.compat.oslo_service import loopingcall, service, threadgroup
from cotyledon_core.compat.oslo_service.backend.base import BaseBackend

__all__ = ["ThreadingBackend", "loopingcall", "service", "threadgroup"]

_COMPONENTS = {
    service: (
        "Launcher",
        "ProcessLauncher",
        "Service",
        "ServiceBase",
        "ServiceLauncher",
        "ServiceWrapper",
        "Services",
        "SignalExit",
        "SignalHandler",
        "Singleton",
        "_is_daemon",
        "_is_sighup_and_daemon",
        "launch",
    ),
    loopingcall: (
        "BackOffLoopingCall",
        "DynamicLoopingCall",
        "FixedIntervalLoopingCall",
        "FixedIntervalWithTimeoutLoopingCall",
        "LoopingCallBase",
        "LoopingCallDone",
        "LoopingCallTimeOut",
        "RetryDecorator",
    ),
    threadgroup: ("Thread", "ThreadGroup"),
}


class ThreadingBackend(BaseBackend):
    """Native threads, and our manager for processes."""

    @staticmethod
    def get_service_components() -> dict[str, Any]:
        return {
            name: getattr(module, name) for module, names in _COMPONENTS.items() for name in names
        }

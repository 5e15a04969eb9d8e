"""The threading backend's components, which are imported when one of them is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cotyledon_core.compat.oslo_service.backend.base import BaseBackend

_COMPONENTS = {
    "service": (
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
    "loopingcall": (
        "BackOffLoopingCall",
        "DynamicLoopingCall",
        "FixedIntervalLoopingCall",
        "FixedIntervalWithTimeoutLoopingCall",
        "LoopingCallBase",
        "LoopingCallDone",
        "LoopingCallTimeOut",
        "RetryDecorator",
    ),
    "threadgroup": ("Thread", "ThreadGroup"),
}


class ThreadingBackend(BaseBackend):
    """Native threads, and our manager for processes."""

    @staticmethod
    def get_service_components() -> dict[str, Any]:
        package = __package__.rpartition(".")[0]
        return {
            name: getattr(import_module(f"{package}.{module}"), name)
            for module, names in _COMPONENTS.items()
            for name in names
        }

"""The control socket: see into a running manager and steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotyledon_core.control.async_client import AsyncClient
    from cotyledon_core.control.client import Client
    from cotyledon_core.control.errors import ControlError, NoManager
    from cotyledon_core.control.results import Entry, Health, Preview, Status
    from cotyledon_core.control.shares import CpuShares

SOCKET_VARIABLE = "COTYLEDON_SOCKET"
"""Where workers find the path of their manager's socket in their environment, and the command its
default."""

_HOMES = {
    "AsyncClient": "async_client",
    "Client": "client",
    "ControlError": "errors",
    "CpuShares": "shares",
    "Entry": "results",
    "Health": "results",
    "NoManager": "errors",
    "Preview": "results",
    "Status": "results",
}

__all__ = [
    "SOCKET_VARIABLE",
    "AsyncClient",
    "Client",
    "ControlError",
    "CpuShares",
    "Entry",
    "Health",
    "NoManager",
    "Preview",
    "Status",
]


def __getattr__(name: str) -> Any:
    # the manager needs no client
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

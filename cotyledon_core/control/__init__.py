"""The control socket: see into a running manager and steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotyledon_core.control.async_client import AsyncClient
    from cotyledon_core.control.client import Client
    from cotyledon_core.control.errors import ControlError, NoManager

_HOMES = {
    "AsyncClient": "async_client",
    "Client": "client",
    "ControlError": "errors",
    "NoManager": "errors",
}

__all__ = ["AsyncClient", "Client", "ControlError", "NoManager"]


def __getattr__(name: str) -> Any:
    # the manager needs no client
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

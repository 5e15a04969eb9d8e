"""The choice of a backend, of which there is one: threads."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable
from typing import Any

from cotyledon_core.compat.oslo_service.backend import exceptions
from cotyledon_core.compat.oslo_service.backend.base import BaseBackend
from cotyledon_core.compat.oslo_service.backend.threads import ThreadingBackend

LOG = logging.getLogger(__name__)

__all__ = [
    "BackendType",
    "get_backend",
    "get_backend_type",
    "get_component",
    "init_backend",
    "register_backend_default_hook",
]


class BackendType(enum.Enum):
    """The names of backends; ``EVENTLET`` is refused."""

    EVENTLET = "eventlet"
    THREADING = "threading"


DEFAULT_BACKEND_TYPE = BackendType.THREADING

_NO_EVENTLET = (
    "the eventlet backend is not offered by cotyledon-core: eventlet is at its end, and "
    "workers are processes with native threads here; remove eventlet.monkey_patch() and "
    "call init_backend(BackendType.THREADING), or call nothing"
)

_backend_hook: Callable[[], BackendType] | None = None
_cached_backend: BaseBackend | None = None
_cached_backend_type: BackendType | None = None


def init_backend(type_: BackendType) -> None:
    """Choose a backend; once, but the same choice may be made again.

    :raises BackendAlreadySelected: if another was chosen.
    :raises UnsupportedBackendError: for eventlet.
    """
    global _cached_backend, _cached_backend_type
    if _cached_backend_type is not None:
        if _cached_backend_type is not type_:
            raise exceptions.BackendAlreadySelected(
                f"Backend already set to {_cached_backend_type.value!r}, "
                f"cannot reinitialize with {type_.value!r}: {_NO_EVENTLET}"
            )
        return
    if type_ is not BackendType.THREADING:
        raise exceptions.UnsupportedBackendError(_NO_EVENTLET)
    _cached_backend, _cached_backend_type = ThreadingBackend(), type_


def register_backend_default_hook(hook: Callable[[], BackendType]) -> None:
    """Have ``hook`` choose the backend, unless one is chosen before it is first needed."""
    global _backend_hook
    _backend_hook = hook


def get_backend() -> BaseBackend:
    """The backend; if none was chosen, the hook's choice or the default one from now on."""
    if _cached_backend is None:
        init_backend(_default())
    assert _cached_backend is not None
    return _cached_backend


def get_backend_type() -> BackendType | None:
    """Which backend was chosen, if only by an import of what it offers; None before that."""
    return _cached_backend_type


def get_component(name: str) -> Any:
    """
    :raises KeyError: if there is none of that name.
    """
    components = get_backend().get_service_components()
    if name not in components:
        raise KeyError(f"Component {name!r} not found in backend.")
    return components[name]


def _default() -> BackendType:
    if _backend_hook is None:
        return DEFAULT_BACKEND_TYPE
    try:
        return _backend_hook()
    except Exception:
        LOG.exception("the hook that chooses the backend failed; the default is used")
        return DEFAULT_BACKEND_TYPE


def _reset_backend() -> None:
    """Forget the choice; for tests."""
    global _backend_hook, _cached_backend, _cached_backend_type
    _backend_hook = _cached_backend = _cached_backend_type = None

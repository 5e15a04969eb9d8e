"""A launched service as a service of ours."""

from __future__ import annotations

import re
from typing import Any

from cotyledon_core.compat.oslo_service.backend.base import ServiceBase
from cotyledon_core.service import Service

RESTART_METHODS = ("reload", "mutate")
METHODS = ("start", "stop", "wait", "reset")
_UNUSABLE = re.compile(r"[^A-Za-z0-9._@-]+")


class ServiceWrapper(Service):
    """Runs a service object in a worker.

    :param service_instance: has ``start``, ``stop``, ``wait`` and ``reset``.
    """

    def __init__(self, worker_id: Any, service_instance: Any, **kwargs: Any) -> None:
        super().__init__(worker_id)
        if not is_service(service_instance):
            raise TypeError("Service must be an instance of ServiceBase")
        self.service_instance = service_instance

    def run(self) -> None:
        self.service_instance.start()
        self.service_instance.wait()

    def terminate(self) -> None:
        self.service_instance.stop()

    def reload(self) -> None:
        self.service_instance.reset()


def is_service(service: Any) -> bool:
    """Whether it can be launched."""
    return not isinstance(service, type) and all(
        callable(getattr(service, name, None)) for name in METHODS
    )


def check_service(service: Any) -> None:
    """
    :raises TypeError: if it cannot be launched.
    """
    if not is_service(service):
        raise TypeError(f"Service {service} must be an instance of {ServiceBase}!")


def check_restart_method(method: str) -> None:
    """
    :raises ValueError: if there is no such method.
    """
    if method not in RESTART_METHODS:
        raise ValueError(f"Invalid restart_method: {method}")


def service_name(service: Any) -> str:
    """What a launched service is called: its ``name``, else its class's.

    A section of the configuration can have that name: what it cannot hold becomes a dash.
    """
    try:
        name = getattr(service, "name", None)
    except Exception:  # a property that is not ready for it; oslo.service never asks
        name = None
    usable = _UNUSABLE.sub("-", name).strip("-.@") if isinstance(name, str) else ""
    return usable or type(service).__name__

"""A launched service as a service of ours."""

from __future__ import annotations

from typing import Any

from cotyledon_core.compat.oslo_service.backend.base import ServiceBase
from cotyledon_core.service import Service

RESTART_METHODS = ("reload", "mutate")
METHODS = ("start", "stop", "wait", "reset")


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
    """What a launched service is called: its ``name``, else its class's."""
    name = getattr(service, "name", None)
    return name if isinstance(name, str) and name else type(service).__name__

"""What the shell knows of a service, beyond what the supervisor decides on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cotyledon_core.default_policy import DefaultPolicy
from cotyledon_core.plugins.restart_policy import (
    Death,
    Decision,
    GiveUp,
    Restart,
    RestartPolicy,
    Stop,
)
from cotyledon_core.record import Record
from cotyledon_core.runtime.dispatcher import ForeignCode, contained_policy
from cotyledon_core.service import class_of, has_own_reload, is_notified, may_execute
from cotyledon_core.service_options import ServiceOptions
from cotyledon_core.supervision.messages import Manner, ServiceSpec
from cotyledon_core.types import ServiceId


class ServiceDefinition(Record):
    """A service as it was added."""

    service_id: ServiceId
    name: str
    factory: Callable[..., Any]
    workers: int
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = {}  # records are frozen, nobody writes to it
    restart_policy: RestartPolicy | None = None
    graceful_shutdown_timeout: float | None = None
    options: ServiceOptions = ServiceOptions()
    start_after: Sequence[ServiceId] = ()
    revision: int = 0
    """Workers that were made of another are out of date."""

    @property
    def service_class(self) -> type[Any] | None:
        """The class, where it is known before an instance is made."""
        return class_of(self.factory)

    @property
    def grace(self) -> float | None:
        """The service's own grace period in seconds, as far as it is known."""
        if self.graceful_shutdown_timeout is not None:
            return self.graceful_shutdown_timeout
        own = getattr(self.service_class, "graceful_shutdown_timeout", None)
        return float(own) if isinstance(own, (int, float)) else None

    @property
    def manner(self) -> Manner:
        """How its workers are reloaded."""
        return Manner.REPLACE if self.options.always_replaces else Manner.TELL

    @property
    def may_reload(self) -> bool:
        """Whether its workers may be able to reload in place, as far as it is known before."""
        service_class = self.service_class
        if service_class is None or may_execute(service_class):
            return True
        return has_own_reload(service_class) or getattr(self.factory, "conf", None) is not None

    @property
    def executes(self) -> bool:
        """Whether an external program may take over the worker's process."""
        return may_execute(self.service_class)

    @property
    def notified(self) -> bool:
        """Whether a program says itself when it is ready."""
        return is_notified(self.service_class, self.options.ready_when)

    def spec(self, foreign_code: ForeignCode) -> ServiceSpec:
        """What the supervisor has to know."""
        decide: Callable[[Death], Decision] = default_decision
        if self.restart_policy is not None:
            decide = contained_policy(
                self.restart_policy.decide, default_decision, is_decision, self.name, foreign_code
            )
        return ServiceSpec(
            service_id=self.service_id,
            name=self.name,
            workers=self.workers,
            decide=decide,
            grace=self.grace,
            grace_configured=self.graceful_shutdown_timeout is not None,
            start_timeout=self.options.start_timeout,
            watchdog_timeout=self.options.watchdog_timeout,
            max_lifetime=self.options.max_lifetime,
            recycle_jitter=self.options.recycle_jitter,
            max_recycling=self.options.max_recycling,
            start_after=tuple(self.start_after),
            ends_manager=self.options.on_give_up == "shutdown",
            revision=self.revision,
            may_reload=self.may_reload,
            max_unavailable=self.options.max_missing,
            max_surge=self.options.max_surge,
            min_ready_time=self.options.min_ready_time,
            replacement_timeout=self.options.replacement_timeout,
        )


default_decision = DefaultPolicy().decide


def is_decision(answer: Any) -> bool:
    """Whether a policy's answer is one."""
    if isinstance(answer, Restart):
        delay = answer.delay
        return isinstance(delay, (int, float)) and math.isfinite(delay) and delay >= 0
    return isinstance(answer, (Stop, GiveUp))


def unique_name(wanted: str, taken: Mapping[str, Any]) -> str:
    """The name, or with ``-2`` and so on if another service has it."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name


def default_name(factory: Callable[..., Any]) -> str:
    """What a service is called if nobody says otherwise."""
    for candidate in (getattr(factory, "name", None), getattr(factory, "__name__", None)):
        if isinstance(candidate, str):
            return candidate
    return type(factory).__name__

"""Whether a manager's services do what they are for, judged by their workers.

A service passes with all its wanted workers, warns with a quorum of them, and
fails with fewer, or once it was given up. A worker that its restart policy has
left ended counts if it has done what it was for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from cotyledon_core.ledger import Ledger, Stage
from cotyledon_core.record import Record
from cotyledon_core.standing import ServiceStanding
from cotyledon_core.supervision.share import Share
from cotyledon_core.supervision.states import State

DEFAULT_QUORUM = Share(50, percent=True)


class Status(Enum):
    """In the words of application/health+json (draft-inadarei-api-health-check-06).

    From the best to the worst.
    """

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


class ServiceHealth(Record):
    """How one service is."""

    name: str
    status: Status
    wanted: int
    ready: int
    """Workers that are ready, or have done what they were for."""
    restarting: int
    """Workers that have ended though nobody asked for it, and are not ready again."""
    fatal: int
    """Workers that are not started again, though they have not done what they were for."""
    text: str
    """What is missing, for people; empty if nothing is."""


class Health(Record):
    """How the manager and its services are."""

    status: Status
    stage: Stage
    services: tuple[ServiceHealth, ...]
    text: str
    """What is missing, for people; empty if nothing is."""

    @property
    def ready(self) -> bool:
        """Whether work should be sent here: no service fails, and none is about to."""
        return self.stage is Stage.READY and self.status is not Status.FAIL

    def as_dict(self) -> dict[str, Any]:
        """In the form of application/health+json (draft-inadarei-api-health-check-06)."""
        return {
            "status": self.status.value,
            "output": self.text,
            "notes": [f"manager {self.stage.value}"],
            "checks": {f"{service.name}:workers": [_check(service)] for service in self.services},
        }


def judge(
    ledger: Ledger, quorum: Share = DEFAULT_QUORUM, quorums: Mapping[str, Share] | None = None
) -> Health:
    """Judge by what is known.

    :param quorum: so many of a service's wanted workers have to be there, 1 at least.
    :param quorums: the same for some services, by name.
    """
    found = tuple(
        judge_service(service, (quorums or {}).get(service.name, quorum))
        for service in ledger.services.values()
    )
    status = _worst(_OF_STAGE[ledger.stage], *(service.status for service in found))
    texts = [f"{service.name}: {service.text}" for service in found if service.text]
    if ledger.stage is not Stage.READY:
        texts.insert(0, f"the manager is {ledger.stage.value}")
    return Health(status, ledger.stage, found, "; ".join(texts))


def judge_service(service: ServiceStanding, quorum: Share = DEFAULT_QUORUM) -> ServiceHealth:
    """Judge one service; see :func:`judge`."""
    done = service.done
    ready = service.ready + done
    fatal = service.states[State.FATAL] + service.states[State.EXITED] - done
    needed = min(max(quorum.rounded_up_of(service.wanted), 1), service.wanted)
    if service.given_up or ready < needed:
        status = Status.FAIL
    else:
        status = Status.PASS if ready >= service.wanted else Status.WARN
    return ServiceHealth(
        name=service.name,
        status=status,
        wanted=service.wanted,
        ready=ready,
        restarting=service.restarting,
        fatal=fatal,
        text=_text(service, ready),
    )


def _text(service: ServiceStanding, ready: int) -> str:
    if service.given_up:
        return f"given up: {service.given_up}"
    return "" if ready >= service.wanted else f"{ready}/{service.wanted} workers ready"


def _worst(*statuses: Status) -> Status:
    return max(statuses, key=list(Status).index)


_OF_STAGE = {
    Stage.STARTING: Status.WARN,
    Stage.READY: Status.PASS,
    Stage.STOPPING: Status.FAIL,
    Stage.STOPPED: Status.FAIL,
}


def _check(service: ServiceHealth) -> dict[str, Any]:
    return {
        "componentType": "component",
        "status": service.status.value,
        "observedValue": service.ready,
        "observedUnit": "workers",
        "wanted": service.wanted,
        "ready": service.ready,
        "restarting": service.restarting,
        "fatal": service.fatal,
        "output": service.text,
    }

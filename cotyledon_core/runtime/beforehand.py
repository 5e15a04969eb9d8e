"""What was commanded before the manager runs."""

from __future__ import annotations

from collections import deque

from cotyledon_core.record import replace
from cotyledon_core.supervision import messages as msg
from cotyledon_core.types import ServiceId


def take_services(commands: deque[msg.Message]) -> tuple[msg.ServiceSpec, ...]:
    """The services to start with; an operator's commands stay, for after the start.

    Those are obeyed before the first process is started.
    """
    specs: dict[ServiceId, msg.ServiceSpec] = {}
    later: list[msg.Message] = []
    while commands:
        command = commands.popleft()
        if isinstance(command, msg.AddService):
            specs[command.spec.service_id] = command.spec
        elif isinstance(command, msg.Scale) and not command.number:
            spec = specs[command.service_id]
            specs[command.service_id] = replace(spec, workers=command.workers)
        elif isinstance(command, msg.OperatorCommand | msg.Forget):
            later.append(command)
    commands.extend(later)
    return tuple(specs.values())

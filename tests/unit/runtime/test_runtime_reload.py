"""What a reload changes, and what undoes it, as messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from cotyledon_core.record import replace
from cotyledon_core.runtime.dispatcher import ForeignCode
from cotyledon_core.runtime.reload import Reload
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.service import Service
from cotyledon_core.supervision import messages as msg
from cotyledon_core.supervision.messages import Manner
from cotyledon_core.types import ServiceId

ONE, TWO = ServiceId(UUID(int=1)), ServiceId(UUID(int=2))


def definition(service_id: ServiceId, **more: Any) -> ServiceDefinition:
    return ServiceDefinition(service_id, f"s{service_id.int}", Service, 3, **more)


@pytest.fixture
def definitions() -> dict[ServiceId, ServiceDefinition]:
    return {ONE: definition(ONE)}


@pytest.fixture
def reload(definitions: dict[ServiceId, ServiceDefinition]) -> Reload:
    sizes = {service_id: found.workers for service_id, found in definitions.items()}
    return Reload(definitions, sizes, ForeignCode(lambda: True))


def brief(messages: Any) -> list[Any]:
    """Without what is in a specification."""
    found: list[Any] = []
    for message in messages:
        if isinstance(message, msg.AddService):
            found.append(("add", message.spec.name, message.spec.workers))
        elif isinstance(message, msg.RemoveService):
            found.append(("remove", message.service_id.int))
        elif isinstance(message, msg.Scale):
            found.append(("scale", message.service_id.int, message.workers))
        elif isinstance(message, msg.Reload):
            found.append(("undo" if message.undo else "reload", *map(of_change, message.changes)))
        else:
            found.append(message)
    return found


def of_change(change: msg.Change) -> tuple[Any, ...]:
    return change.spec.name, change.spec.grace, change.manner.value, change.afresh


def test_nothing(reload: Reload) -> None:
    assert brief(reload.messages()) == [("reload",)]
    assert brief(reload.undone()) == [("undo",)]


def test_services_come_and_go(
    reload: Reload, definitions: dict[ServiceId, ServiceDefinition]
) -> None:
    reload.remove(ONE)
    reload.add(definition(TWO))
    assert brief(reload.messages()) == [("remove", 1), ("add", "s2", 3), ("reload",)]
    assert list(definitions) == [TWO]
    assert brief(reload.undone()) == [("remove", 2), ("add", "s1", 3), ("undo",)]
    assert list(definitions) == [ONE]
    assert brief(reload.undone()) == [("undo",)], "it is undone once"


def test_a_change_that_replaces(
    reload: Reload, definitions: dict[ServiceId, ServiceDefinition]
) -> None:
    before = definitions[ONE]
    reload.scale(ONE, 5)
    changed = replace(before, workers=5, graceful_shutdown_timeout=9.0)
    reload.change(changed, Manner.REPLACE, afresh=True)
    assert brief(reload.messages()) == [
        ("scale", 1, 5),
        ("reload", ("s1", 9.0, "replace", True)),
    ]
    assert definitions[ONE].revision != before.revision
    assert definitions[ONE].workers == 5
    assert brief(reload.undone()) == [("scale", 1, 3), ("undo", ("s1", None, "replace", True))]
    assert definitions[ONE] == before


def test_a_size_that_was_given_meanwhile_is_kept() -> None:
    sizes = {ONE: 3}
    reload = Reload({ONE: definition(ONE)}, sizes, ForeignCode(lambda: True))
    reload.scale(ONE, 5)
    list(reload.messages())
    sizes[ONE] = 7
    assert brief(reload.undone()) == [("undo",)]
    assert sizes == {ONE: 7}


def test_a_change_that_touches_nobody(
    reload: Reload, definitions: dict[ServiceId, ServiceDefinition]
) -> None:
    before = definitions[ONE]
    reload.change(replace(before, graceful_shutdown_timeout=9.0), None)
    (message,) = reload.messages()
    assert isinstance(message, msg.Reload)
    assert message.changes[0].spec.revision == before.revision
    (undone,) = reload.undone()
    assert isinstance(undone, msg.Reload)
    assert undone.changes[0].spec.revision == before.revision
    assert definitions[ONE] == before


@pytest.mark.parametrize("manner", [Manner.TELL, Manner.TELL_OR_LEAVE])
def test_who_was_told_by_the_way_is_not_replaced_when_it_is_undone(
    reload: Reload, definitions: dict[ServiceId, ServiceDefinition], manner: Manner
) -> None:
    before = definitions[ONE]
    reload.change(replace(before, graceful_shutdown_timeout=9.0), manner)
    list(reload.messages())
    told = definitions[ONE].revision
    list(reload.undone())
    assert definitions[ONE].graceful_shutdown_timeout is None
    assert (definitions[ONE].revision == told) == (manner is Manner.TELL_OR_LEAVE)


def test_other_messages_and_steps_are_undone_in_reverse(reload: Reload) -> None:
    done: list[int] = []
    reload.on_undo(lambda: done.append(1))
    reload.post(msg.SetPace(1.0, 2.0), msg.SetPace(0.0, 0.0))
    reload.on_undo(lambda: done.append(2))
    assert brief(reload.messages()) == [msg.SetPace(1.0, 2.0), ("reload",)]
    assert brief(reload.undone()) == [msg.SetPace(0.0, 0.0), ("undo",)]
    assert done == [2, 1]

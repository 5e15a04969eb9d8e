"""What becomes of SIGTTIN and SIGTTOU, as commands."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from cotyledon_core.process import session
from cotyledon_core.process.signals import SIGTERM, SIGTTIN, SIGTTOU
from cotyledon_core.runtime.scale_signals import ScaleSignals
from cotyledon_core.supervision import messages as msg
from cotyledon_core.types import ServiceId

pytestmark = pytest.mark.skipif(SIGTTIN is None, reason="POSIX's signals")


class Shell:
    """Notes commands, and has done them."""

    def __init__(self, *sizes: int) -> None:
        ids = [ServiceId(uuid4()) for _ in sizes]
        self.sizes = dict(zip(ids, sizes, strict=True))
        self.definitions: dict[ServiceId, Any] = {
            service_id: SimpleNamespace(service_id=service_id, name="web") for service_id in ids
        }
        self.commands: list[msg.OperatorCommand] = []

    def command(self, command: msg.OperatorCommand, done: Callable[..., None] | None = None) -> int:
        assert isinstance(command, msg.Scale)
        self.sizes[command.service_id] = command.workers
        self.commands.append(command)
        return 1


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "in_background", lambda: False)


@pytest.mark.parametrize(
    ("before", "pending", "after"),
    [
        (1, {SIGTTIN}, 2),
        (7, {SIGTTIN}, 8),
        (0, {SIGTTIN}, 1),
        (2, {SIGTTOU}, 1),
        (1, {SIGTTOU}, 1),
        (0, {SIGTTOU}, 0),
        (3, {SIGTTIN, SIGTTOU}, 3),
        (3, {SIGTERM}, 3),
        (3, set(), 3),
    ],
)
def test_the_size_after_a_signal(before: int, pending: set[int | None], after: int) -> None:
    shell = Shell(before)
    ScaleSignals(shell, lambda: False).obey(pending)
    assert list(shell.sizes.values()) == [after]
    assert len(shell.commands) == (before != after)


@pytest.mark.parametrize("sizes", [(), (1, 2)])
def test_there_has_to_be_one_service(sizes: tuple[int, ...]) -> None:
    shell = Shell(*sizes)
    ScaleSignals(shell, lambda: False).obey({SIGTTIN})
    assert not shell.commands


def test_not_while_the_manager_is_stopping() -> None:
    shell = Shell(1)
    ScaleSignals(shell, lambda: True).obey({SIGTTIN})
    assert not shell.commands


def test_not_in_the_background_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "in_background", lambda: True)
    shell = Shell(1)
    ScaleSignals(shell, lambda: False).obey({SIGTTIN})
    assert not shell.commands

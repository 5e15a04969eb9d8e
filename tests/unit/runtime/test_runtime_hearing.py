"""What workers say may be anything."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from cotyledon_core.runtime.hearing import HEARD


class Process:
    """A worker's, as far as it is heard."""

    def __init__(self) -> None:
        self.stop_signal: int = signal.SIGTERM
        self.reload_signal: int | None = signal.SIGHUP
        self.executed = self.undecided = False
        self.incarnation = self.undelivered = None
        self.answers = {7: ""}


@pytest.mark.parametrize("key", ["X_STOP_SIGNAL", "X_RELOAD_SIGNAL", "X_LOG_LEVEL"])
@pytest.mark.parametrize("value", ["", "TERM", "-1", "999", "9" * 30, "9" * 4000, "1.5", "nan"])
def test_nonsense_is_refused_or_changes_nothing(key: str, value: str) -> None:
    """A signal that there is none of could not be sent: the manager would end with an error."""
    process: Any = Process()
    before = dict(vars(process))
    try:
        HEARD[key](process, value)
    except (ValueError, OverflowError):
        pass
    assert vars(process) == before


def test_a_program_s_signals() -> None:
    process: Any = Process()
    HEARD["X_STOP_SIGNAL"](process, str(int(signal.SIGINT)))
    assert (process.stop_signal, process.executed) == (signal.SIGINT, True)

"""Sets of exit statuses, as they are written in options: exit codes, and signals by name."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.record import Record

GREATEST_CODE = 255

Item = str | int
"""An exit code, a member of :class:`signal.Signals`, or either as text."""
Items = str | Iterable[Item]
"""Such as ``[2, "SIGKILL"]`` or ``"2, SIGKILL"``; SIG may be left out."""


class StatusSet(Record):
    """Exit codes, and the numbers of signals that end a process."""

    codes: frozenset[int] = frozenset()
    signals: frozenset[int] = frozenset()

    @classmethod
    def of(cls, items: Items) -> StatusSet:
        """
        :raises ValueError: with a line for each item that is neither.
        """
        codes, signals, faults = set(), set(), []
        for item in items.split(",") if isinstance(items, str) else items:
            if (code := _code(item)) is not None:
                codes.add(code)
            elif (number := _signal(item)) is not None:
                signals.add(number)
            elif str(item).strip():  # behind a list's last comma there is nothing
                faults.append(
                    f"{item!r} is neither an exit code from 0 to {GREATEST_CODE} nor the name "
                    "of a signal, such as SIGKILL"
                )
        if faults:
            raise ValueError("\n".join(faults))
        return cls(frozenset(codes), frozenset(signals))

    def __contains__(self, status: ExitStatus) -> bool:
        return status.code in self.codes or status.signal in self.signals


def _code(item: Item) -> int | None:
    text = "" if isinstance(item, signal.Signals) else str(item).strip()
    if not (text.isascii() and text.isdigit()) or int(text) > GREATEST_CODE:
        return None
    return int(text)


def _signal(item: Item) -> int | None:
    if isinstance(item, signal.Signals):
        return int(item)
    name = str(item).strip().upper().removeprefix("SIG")
    found = signal.Signals.__members__.get(f"SIG{name}")
    return None if found is None else int(found)

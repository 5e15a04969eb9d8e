"""Signals by name."""

from __future__ import annotations

import re
import signal

_REALTIME = r"(RTMIN|RTMAX)([+-]\d{1,2})"


def signal_number(name: str | int) -> int:
    """The number of a signal.

    :param name: such as ``TERM``, ``SIGTERM``, ``RTMIN+1`` or ``15``.
    :raises ValueError: if there is no such signal.
    """
    text = str(name).strip().upper().removeprefix("SIG")
    known = {found.name.removeprefix("SIG"): int(found) for found in signal.Signals}
    number = known.get(text)
    realtime = re.fullmatch(_REALTIME, text)
    if realtime and realtime[1] in known:
        number = known[realtime[1]] + int(realtime[2])
    elif number is None and text.isascii() and text.isdigit():
        number = int(text)
    if number not in set(map(int, signal.valid_signals())):
        raise ValueError(f"{name!r} is no signal; it must be a name such as TERM, or a number")
    return number

"""A row of numbers as a row of bars."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
GAP = " "
"""For what is not known."""


def sparkline(values: Sequence[float | None], full: float, width: int) -> str:
    """
    :param values: the last is the newest; none is negative.
    :param full: what the highest bar stands for, and everything above it.
    :param width: how many characters; the newest value is at the right.
    """
    bars = "".join(_bar(value, full) for value in values[-width:])
    return bars.rjust(width, GAP)


def _bar(value: float | None, full: float) -> str:
    if value is None:
        return GAP
    share = min(value / full, 1.0) if full > 0 else 0.0
    return BARS[min(int(share * len(BARS)), len(BARS) - 1)]

"""Values as people read them."""

from __future__ import annotations

UNITS = (("d", 86400), ("h", 3600), ("m", 60))
NOTHING = "-"


def printable(text: str) -> str:
    """Without what would move a terminal's cursor: workers write some of these texts."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def duration(seconds: float | None) -> str:
    """Such as ``4.2s``, ``12m 5s``, ``3d 4h``."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    for (unit, size), (smaller, part) in zip(UNITS, (*UNITS[1:], ("s", 1)), strict=True):
        if seconds >= size:
            rest = int(seconds % size // part)
            return f"{int(seconds // size)}{unit}" + (f" {rest}{smaller}" if rest else "")
    raise AssertionError("a minute is the smallest of the units")


def size(count: int | None) -> str:
    """Bytes, such as ``31.4M``."""
    if count is None:
        return NOTHING
    value = float(count)
    for unit in ("B", "K", "M", "G"):
        if value < 1000:
            return f"{value:.0f}{unit}" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"


def percent(share: float | None) -> str:
    """Such as ``3.1%``."""
    return NOTHING if share is None else f"{share:.1f}%"

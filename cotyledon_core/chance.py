"""Random numbers for jitter."""

from __future__ import annotations

import os

_STEPS = 1 << 32


def fraction() -> float:
    """A random number from 0 to below 1.

    From the system: :mod:`random` would be seeded anew in each process that is forked.
    """
    return int.from_bytes(os.urandom(4)) / _STEPS

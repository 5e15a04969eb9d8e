"""The guardian's start."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import pytest

from cotyledon_core.process import guardian
from cotyledon_core.process.roll import Roll

resource = pytest.importorskip("resource")

LIMIT = 64


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def fill(room: int) -> None:
    """Leave so many descriptors."""
    opened = []
    with contextlib.suppress(OSError):
        while True:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    for descriptor in opened[len(opened) - room :]:
        os.close(descriptor)


@pytest.mark.parametrize("room", [0, 1, 2])
def test_without_descriptors_it_leaves_nothing(
    in_child: Callable[[Callable[[], Any]], Any], room: int
) -> None:
    def look() -> bool:
        roll = Roll()
        resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        fill(room)
        before = [is_open(descriptor) for descriptor in range(LIMIT)]
        with pytest.raises(OSError, match="Too many open files"):
            guardian.start(roll, wakeup=0, leads_session=False)
        return before == [is_open(descriptor) for descriptor in range(LIMIT)]

    assert in_child(look)

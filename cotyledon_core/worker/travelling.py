"""What keeps a value from travelling to another process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cotyledon_core.exceptions import WorkerStartError

DEPTH = 8
"""How far inside a value the fault is looked for."""


def fault(value: Any, path: str, depth: int = DEPTH) -> str | None:
    """Why the value cannot be pickled: the innermost part that cannot, and the error.

    :param path: what to call the value.
    :returns: None if it can be pickled.
    """
    from multiprocessing.reduction import ForkingPickler

    try:
        ForkingPickler.dumps(value)
    except WorkerStartError as error:  # it says all itself
        return str(error)
    except Exception as error:
        inner = (fault(part, path + step, depth - 1) for step, part in _parts(value) if depth)
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return next(filter(None, inner), f"{path} cannot be pickled: {text}")
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What pickle goes on to look at, and how it is written behind the value's path."""
    if isinstance(value, type):
        return
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))
    else:
        yield from _reduced(value)


def _reduced(value: Any) -> Iterator[tuple[str, Any]]:
    try:
        reduced = value.__reduce_ex__(2)
    except Exception:
        # such as an oslo.config ConfigOpts, which does not say which option is wrong
        reduced = (None, (), getattr(value, "__dict__", {}))
    if isinstance(reduced, str):
        return
    state = reduced[2] if len(reduced) > 2 else None
    if isinstance(state, Mapping):
        yield from ((f".{name}", part) for name, part in state.items())
    yield from (("", part) for part in reduced[1])

"""What keeps a class from being a service, whoever names it."""

from __future__ import annotations

from typing import Any

from cotyledon_core.service_options import READY_WHEN

_AWAITED = ("run", "terminate", "reload")
"""By an AsyncService."""
_METHODS = (*_AWAITED, "program")


def fault_of_service(service_class: type[Any]) -> str | None:
    """What is wrong with the class, and what would be right; None if nothing is."""
    when = getattr(service_class, "ready_when", None)
    if when is not None and when not in READY_WHEN:
        return f"ready_when is {when!r}; it must be one of {', '.join(READY_WHEN)}"
    faults = (fault_of_coroutine(service_class, name) for name in _METHODS)
    return next(filter(None, faults), None)


def fault_of_coroutine(cls: Any, name: str) -> str | None:
    """What is wrong with the method ``name`` being a coroutine, or with being none.

    What is written in C is silent about it, and passes.
    """
    method: Any = getattr(cls, name, None)
    awaitable = name in _AWAITED
    if awaitable and hasattr(cls, "_make_event_loop"):
        while hasattr(method, "__wrapped__"):  # a decorator may hand the coroutine on
            method = method.__wrapped__
        fits = _code_flags(method, _COROUTINE) & _COROUTINE
        return None if fits else f"{name}() is no coroutine; it must be async def, without yield"
    if not _code_flags(method, 0) & (_COROUTINE | _GENERATOR | _ASYNC_GENERATOR):
        return None
    hint = ", or derive from AsyncService" if awaitable else ""
    return f"{name}() is a coroutine or a generator; it must be a plain method{hint}"


# inspect has names for them, and is large
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200


def _code_flags(function: Any, otherwise: int) -> int:
    flags: int = getattr(getattr(function, "__code__", None), "co_flags", otherwise)
    return flags

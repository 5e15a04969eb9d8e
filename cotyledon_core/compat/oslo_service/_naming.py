"""What functions are called in logs."""

from __future__ import annotations

from typing import Any


def callable_name(function: Any) -> str:
    """Module and qualified name, as far as the function has them."""
    name = getattr(function, "__qualname__", None)
    if name is None:
        function = type(function)
        name = function.__qualname__
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if module else str(name)

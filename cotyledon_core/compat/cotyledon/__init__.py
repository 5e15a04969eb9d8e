"""Cotyledon's names.

::

    from cotyledon_core.compat import cotyledon
    cotyledon.install()

    import cotyledon  # ours
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cotyledon_core.compat.answering import answer
from cotyledon_core.manager import ServiceManager
from cotyledon_core.runtime import engine  # noqa: F401 - a manager is made at once then
from cotyledon_core.service import Service

if TYPE_CHECKING:
    from cotyledon_core import oslo_config_glue, types

_ELSEWHERE = {
    "oslo_config_glue": "cotyledon_core.oslo_config_glue",
    "types": "cotyledon_core.types",
}

__all__ = ["Service", "ServiceManager", "install", "oslo_config_glue", "types"]


def install() -> None:
    """From now on ``import cotyledon`` gives this package.

    It holds in processes that multiprocessing starts, too. Call it before
    anything imports ``cotyledon``. A Cotyledon that is installed stays as it
    is, and is not used; that is said once in the log.
    """
    answer("cotyledon", __name__, _ELSEWHERE)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(_ELSEWHERE[name])
